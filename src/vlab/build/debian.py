"""Makes Debian root folders with mmdebstrap, from the mirrors that this machine's own apt uses."""

import os
from collections.abc import Sequence
from pathlib import Path

from vlab import proc
from vlab.build.contain import CONTAINED
from vlab.build.pipeline import Work
from vlab.errors import Exit, LabError
from vlab.pins import pins

# What no container reads. Licences stay: Debian has them under doc.
_UNREAD = (
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/lintian/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/man/*",
)
_ENV = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def sources(suite: str) -> list[str]:
    """Lines for a sources.list: whence this machine's apt gets `suite` and its updates.

    VLAB_DEBIAN_MIRROR overrides.

    Raises:
        LabError: apt is not here, or none of its sources has the suite.
    """
    if mirror := os.environ.get("VLAB_DEBIAN_MIRROR"):
        return [f"deb {mirror} {suite} main"]
    found = lines(_index_targets(), suite)
    if not found and proc.answers(["apt-get", "-qq", "update"], timeout=120) is not None:
        found = lines(_index_targets(), suite)
    if not found:
        raise LabError(
            f"this machine's apt has no source for Debian {suite}, from which the images are built",
            "set VLAB_DEBIAN_MIRROR to the URL of a Debian mirror",
            Exit.MACHINE,
        )
    return found


def _index_targets() -> str:
    """What apt makes of its own files, of both formats; it knows a suite once it has seen its Release file."""
    words = ["--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Identifier: Packages"]
    return proc.answers(["apt-get", "indextargets", *words]) or ""


def lines(listed: str, suite: str) -> list[str]:
    """The sources.list lines of `suite`, out of "uri release component" lines."""
    targets = sorted({tuple(line.split()) for line in listed.splitlines()})
    suites = (suite, f"{suite}-updates", f"{suite}-security")
    return [f"deb {' '.join(t)}" for t in targets if len(t) == 3 and t[1] in suites]


def bootstrap(work: Work, packages: Sequence[str], target: Path) -> None:
    """Install a minimal Debian and `packages` into the new folder `target`.

    Raises:
        LabError: no mirror, or mmdebstrap failed.
    """
    suite = pins().debian.suite
    proc.run(
        [
            *CONTAINED,
            *("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=directory"),
            *("--include", ",".join(packages), '--aptopt=APT::Install-Recommends "false"'),
            *[f"--dpkgopt={option}" for option in _UNREAD],
            *[suite, str(target), *sources(suite)],
        ],
        name="mmdebstrap",
        log=work.log,
        env=_ENV,
        hint=f"does `apt-get update` work? The whole output is in {work.log}",
    )
