"""`python3 vlab.zip PROGRAM BASE64`: one program with JSON in, JSON lines out; `serve` is the pod's own process."""

import asyncio
import base64
import json
import sys
from typing import Any


def say(**event: Any) -> None:
    """One line of output."""
    print(json.dumps(event), flush=True)  # noqa: T201


def main() -> None:
    """Run the program that the command line names, no longer than its deadline."""
    program = sys.argv[1]
    if program == "serve":
        from vlab.witness import reference

        reference.serve()
        return
    given = json.loads(base64.b64decode(sys.argv[2]))
    from vlab.witness import programs

    try:
        asyncio.run(asyncio.wait_for(programs.PROGRAMS[program](given, say), given["deadline"]))
    except TimeoutError:
        say(kind="late")
    say(kind="end")


if __name__ == "__main__":
    main()
