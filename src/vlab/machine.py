"""What `vlab up` changes on the machine itself, each thing only if it must, and named when it does."""

import os
import re
import shutil
from pathlib import Path

from vlab import proc, ui
from vlab.errors import Exit, LabError

PACKAGES = {
    "podman": "podman",
    "runc": "runc",
    "netavark": "netavark",
    "aardvark-dns": "aardvark-dns",
    "iptables": "iptables",
    "mmdebstrap": "mmdebstrap",
}
"""System packages that the built-here provider needs, and a program or helper that shows each is there."""

SYSCTLS = {"fs.inotify.max_user_instances": 8192, "fs.inotify.max_user_watches": 524288}
"""What kind's nodes need at least: each runs a systemd, a kubelet and a containerd, which all watch files."""

_HELPERS = (Path("/usr/lib/podman"), Path("/usr/libexec/podman"))


def multiplies_bfloat16() -> bool:
    """Whether this machine's processor has instructions for what models are stored in; True where it does not say.

    Without AVX-512 an engine on bfloat16 takes minutes for what takes a second on float32 (vLLM 0.32.0: oneDNN makes no
    primitive, and torch computes it number by number).
    """
    try:
        return in_bfloat16(Path("/proc/cpuinfo").read_text())
    except OSError:
        return True


def in_bfloat16(cpuinfo: str) -> bool:
    """The same by the text of /proc/cpuinfo."""
    found = re.search(r"^(flags|Features)\s*:(.*)$", cpuinfo, re.MULTILINE)
    if found is None:
        return True
    return ("avx512f" if found[1] == "flags" else "bf16") in found[2].split()


def missing_packages() -> list[str]:
    """The packages of PACKAGES that are not installed."""
    return [package for package, program in PACKAGES.items() if not _installed(program)]


def _installed(program: str) -> bool:
    return shutil.which(program) is not None or any((h / program).exists() for h in _HELPERS)


def install_packages(steps: ui.Steps, log: Path) -> None:
    """Install what is missing with apt-get.

    Raises:
        LabError: not root, or apt-get failed.
    """
    missing = missing_packages()
    if not missing:
        return
    if os.geteuid() != 0:
        raise LabError(
            f"these packages are missing: {', '.join(missing)}",
            f"run as root: apt-get install --no-install-recommends {' '.join(missing)}",
            Exit.MACHINE,
        )
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    with steps.step(f"Install {', '.join(missing)}"):
        proc.run(["apt-get", "-qq", "update"], log=log, env=env, exit_code=Exit.MACHINE)
        proc.run(
            ["apt-get", "-qq", "install", "--no-install-recommends", "-y", *missing],
            log=log,
            env=env,
            exit_code=Exit.MACHINE,
        )


def low_sysctls() -> dict[str, int]:
    """The kernel settings that are below what the lab needs, with the value needed."""
    return {name: need for name, need in SYSCTLS.items() if int(_file(name).read_text()) < need}


def prepare() -> None:
    """Raise kernel settings that are too low and make the folder that kind mounts, saying so.

    Raises:
        LabError: it must be done and we are not root.
    """
    low = low_sysctls()
    modules = Path("/lib/modules")
    if not low and modules.is_dir():
        return
    if os.geteuid() != 0:
        commands = [f"sysctl -w {name}={value}" for name, value in low.items()]
        commands += [] if modules.is_dir() else ["mkdir -p /lib/modules"]
        raise LabError(
            "this machine needs a change that only root can make",
            f"run as root: {'; '.join(commands)}",
            Exit.MACHINE,
        )
    for name, value in low.items():
        ui.say(f"changing {name} from {_file(name).read_text().strip()} to {value} until the next boot")
        _file(name).write_text(str(value))
    if not modules.is_dir():
        ui.say("making the empty folder /lib/modules, which kind mounts into its nodes")
        modules.mkdir(parents=True)


def _file(sysctl: str) -> Path:
    return Path("/proc/sys") / sysctl.replace(".", "/")
