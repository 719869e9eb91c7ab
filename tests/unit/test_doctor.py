"""`vlab doctor` over the facts of several machines, and the reading of this one."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from vlab import machine
from vlab.cli import doctor as cli
from vlab.doctor import Engine, Facts, Row, choose_provider, facts, read_facts, refuse, rows
from vlab.errors import Exit, LabError

GIB = 2**30
LOW = dict.fromkeys(machine.SYSCTLS, 128)
ENOUGH = dict(machine.SYSCTLS)

DEBIAN_ROOT = Facts(
    system="Debian GNU/Linux 12 (bookworm), kernel 6.18, x86_64",
    cores=2,
    bfloat16=True,
    uid=0,
    capabilities=frozenset({"CAP_SYS_ADMIN"}),
    nofile=20000,
    nproc=96365,
    cgroup="v1 hybrid",
    memory=22 * GIB,
    cache=Path("/root/.cache/vlab"),
    disk_free=75 * 10**9,
    filesystem="ext4",
    built=False,
    clients_built=False,
    sysctls=LOW,
    sysctls_writable=True,
    forward_policy="ACCEPT",
    bridge_nf=True,
    modules=False,
    docker=Engine("28.2.2", answers=False, node_image=False),
    podman=Engine("4.3.1", answers=True, node_image=False),
    go="1.26.8",
    kind=None,
    kubectl="1.32.1",
    apt=True,
    packages_missing=(),
    gpus=(),
    go_modules=True,
    pypi=True,
    debian=True,
)
"""Root without CAP_SYS_RESOURCE, Podman, a Docker client without its daemon, package registries only."""

LAPTOP = replace(
    DEBIAN_ROOT,
    system="Ubuntu 24.04 LTS, kernel 6.8, x86_64",
    cores=8,
    uid=1000,
    capabilities=frozenset({"CAP_SYS_ADMIN", "CAP_SYS_RESOURCE"}),
    nofile=sys.maxsize,
    cgroup="v2",
    sysctls=ENOUGH,
    sysctls_writable=False,
    forward_policy=None,
    modules=True,
    docker=Engine("28.2.2", answers=True, node_image=True),
    podman=None,
    packages_missing=tuple(machine.PACKAGES),
)
"""A user in the docker group, a container registry reached."""

NO_ENGINE = replace(LAPTOP, docker=None)
BARE_ROOT = replace(DEBIAN_ROOT, docker=None, podman=None, packages_missing=tuple(machine.PACKAGES))

POOR = replace(
    NO_ENGINE,
    cores=1,
    bfloat16=False,
    capabilities=frozenset(),
    nofile=1024,
    nproc=1024,
    cgroup="none",
    memory=2 * GIB,
    disk_free=10**9,
    filesystem="overlay",
    sysctls=LOW,
    forward_policy="DROP",
    modules=False,
    podman=Engine("4.3.1", answers=False),
    go=None,
    apt=False,
    go_modules=False,
    pypi=False,
    debian=False,
)
"""Everything is wrong here."""


def table(f: Facts) -> dict[str, Row]:
    try:
        choice = choose_provider(f)
    except LabError:
        choice = None
    return {row.name: row for row in rows(f, choice)}


def red(f: Facts) -> set[str]:
    return {name for name, row in table(f).items() if row.status == "bad"}


def refusal(f: Facts, **asked: str) -> LabError:
    with pytest.raises(LabError) as caught:
        choose_provider(f, **asked)
    return caught.value


# The choice


def test_package_registries_alone_build_here_with_podman() -> None:
    choice = choose_provider(DEBIAN_ROOT)
    assert (choice.provider, choice.engine, choice.own_conf) == ("kind-built", "podman", True)
    assert "no container registry" in choice.why
    assert red(DEBIAN_ROOT) == set()


def test_a_bare_debian_gets_its_engine_installed() -> None:
    assert choose_provider(BARE_ROOT).provider == "kind-built"
    assert red(BARE_ROOT) == set()
    assert "podman" in table(BARE_ROOT)["system packages"].found


def test_docker_with_a_registry_is_taken_without_root() -> None:
    choice = choose_provider(LAPTOP)
    assert (choice.provider, choice.engine, choice.own_conf) == ("kind-registry", "docker", False)
    assert red(LAPTOP) == set()


def test_no_engine_and_no_root_names_both_cures() -> None:
    error = refusal(NO_ENGINE)
    assert error.exit_code == Exit.MACHINE
    assert error.hint == "run as root, or start Docker or Podman"
    assert {"privileges", "podman"} <= red(NO_ENGINE)


def test_docker_without_its_daemon_is_no_engine() -> None:
    client_only = replace(LAPTOP, docker=Engine("28.2.2", answers=False, node_image=True))
    assert refusal(client_only).exit_code == Exit.MACHINE
    assert "client only" in table(client_only)["docker"].found


def test_docker_without_cap_sys_resource_gives_way_to_podman() -> None:
    both = replace(
        DEBIAN_ROOT,
        docker=Engine("20.10.24", answers=True, node_image=True),
        podman=Engine("4.3.1", answers=True, node_image=True),
    )
    choice = choose_provider(both)
    assert (choice.provider, choice.engine, choice.own_conf) == ("kind-registry", "podman", True)


def test_the_engine_that_reaches_a_registry_is_preferred() -> None:
    both = replace(LAPTOP, docker=Engine("28", True, False), podman=Engine("5", True, True))
    choice = choose_provider(both)
    assert (choice.provider, choice.engine, choice.own_conf) == ("kind-registry", "podman", False)


def test_rootless_podman_needs_cgroup_v2() -> None:
    rootless = replace(LAPTOP, docker=None, podman=Engine("5.0.0", True, True))
    assert choose_provider(rootless).engine == "podman"
    assert "cgroup v2" in table(replace(rootless, cgroup="v1 hybrid"))["podman"].found


def test_a_named_context_is_taken_on_any_machine() -> None:
    choice = choose_provider(POOR, context="gke")
    assert (choice.provider, choice.engine) == ("context", None)
    assert "gke" in choice.why
    refuse(rows(POOR, choice))


@pytest.mark.parametrize(
    ("lack", "row"),
    [
        ({"go": None}, "go"),
        ({"go": "1.19.8"}, "go"),
        ({"go_modules": False}, "Go modules"),
        ({"pypi": False}, "Python packages"),
        ({"debian": False}, "Debian packages"),
        ({"apt": False, "packages_missing": ("mmdebstrap",)}, "system packages"),
        ({"capabilities": frozenset()}, "capabilities"),
        ({"podman": Engine("4.3.1", answers=False)}, "podman"),
    ],
)
def test_what_building_lacks_is_named_with_its_cure(lack: dict[str, Any], row: str) -> None:
    f = replace(DEBIAN_ROOT, **lack)
    error = refusal(f)
    assert error.exit_code == Exit.MACHINE
    assert f"{row}: " in error.message
    assert row in red(f)
    assert error.hint == table(f)[row].cure


def test_what_is_built_needs_no_registry_and_no_compiler() -> None:
    offline = replace(DEBIAN_ROOT, built=True, clients_built=True, go=None, go_modules=False, pypi=False, debian=False)
    assert choose_provider(offline).provider == "kind-built"
    assert red(offline) == set()


def test_a_wish_is_trusted_where_nothing_was_asked() -> None:
    docker = Engine("28.2.2", answers=True)
    quick = replace(LAPTOP, docker=docker, go_modules=None, pypi=None, debian=None)
    assert choose_provider(quick, wanted="kind-registry").engine == "docker"
    silent = replace(DEBIAN_ROOT, podman=Engine("4.3.1", True), go_modules=None, pypi=None, debian=None)
    assert choose_provider(silent, wanted="kind-built").provider == "kind-built"


def test_a_wish_that_cannot_be_had_is_refused() -> None:
    assert refusal(DEBIAN_ROOT, wanted="kind-registry").exit_code == Exit.MACHINE
    assert refusal(NO_ENGINE, wanted="kind-registry").exit_code == Exit.MACHINE
    assert refusal(LAPTOP, wanted="kind-built").message.startswith("it was asked for")
    assert refusal(LAPTOP, wanted="minikube").exit_code == Exit.USAGE
    assert refusal(LAPTOP, wanted="context").exit_code == Exit.USAGE
    assert refusal(LAPTOP, wanted="kind-built", context="gke").exit_code == Exit.USAGE


# The rows


@pytest.mark.parametrize("f", [DEBIAN_ROOT, LAPTOP, NO_ENGINE, BARE_ROOT, POOR])
def test_what_is_wrong_has_a_cure_and_nothing_else_has(f: Facts) -> None:
    for row in table(f).values():
        assert bool(row.cure) == (row.status in ("bad", "warn")), row
        assert row.found
        assert row.need


def test_every_lack_shows() -> None:
    assert {name: row.status for name, row in table(POOR).items()} == {
        "system": "warn",
        "processor": "warn",
        "privileges": "bad",
        "capabilities": "bad",
        "ulimit nofile": "warn",
        "ulimit nproc": "warn",
        "cgroup": "bad",
        "memory": "bad",
        "disk": "bad",
        "file system": "warn",
        "inotify": "bad",
        "docker": "info",
        "podman": "bad",
        "iptables FORWARD": "bad",
        "/lib/modules": "bad",
        "go": "bad",
        "kind": "info",
        "kubectl": "info",
        "system packages": "bad",
        "container registry": "info",
        "Go modules": "bad",
        "Python packages": "bad",
        "Debian packages": "bad",
        "GPUs": "info",
    }


@pytest.mark.parametrize(
    ("gb", "built", "status"),
    [(20, False, "ok"), (19, False, "bad"), (3, True, "ok"), (1, True, "bad")],
)
def test_disk(gb: int, built: bool, status: str) -> None:
    row = table(replace(DEBIAN_ROOT, disk_free=gb * 10**9, built=built))["disk"]
    assert row.status == status
    assert "/root/.cache/vlab" in row.found


def test_images_from_a_registry_take_less_disk() -> None:
    assert table(replace(LAPTOP, disk_free=10 * 10**9))["disk"].status == "ok"
    assert "free 5 GB" in table(replace(LAPTOP, disk_free=4 * 10**9))["disk"].cure


@pytest.mark.parametrize(("gib", "status"), [(8, "ok"), (7, "warn"), (4, "warn"), (3, "bad")])
def test_memory(gib: int, status: str) -> None:
    assert table(replace(DEBIAN_ROOT, memory=gib * GIB))["memory"].status == status


def test_a_dropping_forward_chain_kills_podman_only_and_only_with_bridge_nf() -> None:
    dropping = replace(DEBIAN_ROOT, forward_policy="DROP")
    assert red(dropping) == {"iptables FORWARD"}
    assert red(replace(dropping, bridge_nf=False)) == set()
    assert red(replace(LAPTOP, forward_policy="DROP")) == set()


def test_root_raises_kernel_settings_itself_unless_they_are_read_only() -> None:
    row = table(DEBIAN_ROOT)["inotify"]
    assert row.status == "info"
    assert "fs.inotify.max_user_instances=8192" in row.found
    assert red(replace(DEBIAN_ROOT, sysctls_writable=False)) == {"inotify"}
    assert red(replace(LAPTOP, sysctls=LOW)) == {"inotify"}


def test_go_is_needed_for_kind_even_with_a_registry() -> None:
    assert red(replace(LAPTOP, go=None)) == {"go"}
    assert red(replace(LAPTOP, go=None, clients_built=True)) == set()


def test_refuse_stops_at_the_first_red_row() -> None:
    f = replace(DEBIAN_ROOT, disk_free=10**9, memory=GIB)
    with pytest.raises(LabError, match=r"^memory: 1\.0 GiB") as caught:
        refuse(rows(f, choose_provider(f)))
    assert caught.value.exit_code == Exit.MACHINE
    refuse(rows(DEBIAN_ROOT, choose_provider(DEBIAN_ROOT)))


# The reading


def test_capabilities_are_those_of_the_bounding_set() -> None:
    status = "Name:\tcat\nCapEff:\t0000000000000000\nCapBnd:\t{}\n"
    assert facts.capabilities(status.format("000001fffeffffff")) == {"CAP_SYS_ADMIN"}
    assert facts.capabilities(status.format("000001ffffffffff")) == {"CAP_SYS_ADMIN", "CAP_SYS_RESOURCE"}
    assert facts.capabilities("") == frozenset()


V1 = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n"


@pytest.mark.parametrize(
    ("mounts", "mode"),
    [
        ("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", "v2"),
        (V1, "v1"),
        (V1 + "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n", "v1 hybrid"),
        ("/dev/vda / ext4 rw 0 0\n", "none"),
    ],
)
def test_cgroup_mode(mounts: str, mode: str) -> None:
    assert facts.cgroup_mode(mounts) == mode


def test_filesystem_is_that_of_the_nearest_mount_above() -> None:
    mounts = "overlay / overlay rw 0 0\n/dev/vdb /home ext4 rw 0 0\nserver:/x /home/ann nfs4 rw 0 0\n"
    assert facts.filesystem(mounts, Path("/home/ann/.cache")) == "nfs4"
    assert facts.filesystem(mounts, Path("/home/anna")) == "ext4"
    assert facts.filesystem(mounts, Path("/root")) == "overlay"


def test_this_machine_is_read_without_registries() -> None:
    f = read_facts(built=False, clients_built=False, registries=False)
    assert f.memory > 0
    assert f.disk_free > 0
    assert f.cores >= 1
    assert f.filesystem != "unknown"
    assert (f.node_image, f.go_modules, f.pypi, f.debian) == (None, None, None, None)


SILENT_TOOL = """#!/bin/sh
# Like the real tool where packets to the registry are dropped: what needs no network works, the rest hangs.
case "$*" in
    *version) echo "version 1.26.0" ;;
    *indextargets*) echo "http://mirror.invalid/debian bookworm main" ;;
    *) exec sleep 3600 ;;
esac
"""


def test_silent_registries_are_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for tool in ("docker", "podman", "go", "uv", "apt-get"):
        path = tmp_path / tool
        path.write_text(SILENT_TOOL)
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(facts, "find_uv_bin", lambda: str(tmp_path / "uv"))
    f = read_facts(built=False, clients_built=False)
    assert f.docker == f.podman == Engine("1.26.0", answers=False, node_image=False)
    assert (f.go, f.go_modules, f.pypi, f.debian) == ("1.26.0", False, False, False)


# The command


def run(monkeypatch: pytest.MonkeyPatch, f: Facts, *args: str) -> tuple[int, str]:
    """The command on a machine with these facts: exit code and stdout."""
    monkeypatch.setattr(cli, "read_facts", lambda **_: f)
    app = typer.Typer()
    app.callback()(lambda: None)
    cli.register(app)
    result = CliRunner().invoke(app, ["doctor", *args], standalone_mode=False)
    return result.return_value, result.stdout


@pytest.mark.parametrize(("f", "code"), [(DEBIAN_ROOT, Exit.OK), (POOR, Exit.MACHINE)])
def test_json_has_every_row_and_the_provider(monkeypatch: pytest.MonkeyPatch, f: Facts, code: Exit) -> None:
    exit_code, text = run(monkeypatch, f, "--json")
    said = json.loads(text)
    assert exit_code == code
    assert [row["name"] for row in said["rows"]] == list(table(f))
    assert said["provider"]["provider"] == ("kind-built" if code == Exit.OK else None)


def test_the_last_line_says_which_provider_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    exit_code, text = run(monkeypatch, LAPTOP)
    assert exit_code == Exit.OK
    assert text.splitlines()[-1].startswith("provider: kind-registry with docker: Docker answers")


def test_a_red_row_stands_with_its_cure_and_sets_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    exit_code, text = run(monkeypatch, replace(DEBIAN_ROOT, disk_free=5 * 10**9))
    assert exit_code == Exit.MACHINE
    assert "cure: free 15 GB there" in text
    assert "once the 1 bad above is cured" in text.splitlines()[-1]
