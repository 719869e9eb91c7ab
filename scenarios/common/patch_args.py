"""Prints the patch that changes arguments of the container vllm; its Deployment is read as JSON.

Usage: kubectl get deployment NAME -o json | python3 patch_args.py [MODEL] [--FLAG=VALUE | --FLAG-] ...
`--FLAG=VALUE` sets a flag, `--FLAG-` takes it away.
"""

import json
import sys


def main() -> None:
    """Read, change, print."""
    pod = json.load(sys.stdin)["spec"]["template"]["spec"]
    (args,) = (c["args"] for c in pod["containers"] if c["name"] == "vllm")
    for word in sys.argv[1:]:
        if not word.startswith("--"):
            args = [word, *args[1:]]
            continue
        flag = word.removesuffix("-").split("=")[0]
        args = [a for a in args if a.split("=")[0] != flag] + ([] if word.endswith("-") else [word])
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "vllm", "args": args}]}}}}
    json.dump(patch, sys.stdout)


main()
