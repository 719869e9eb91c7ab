"""Runs kubectl, or a shell in which kubectl is typed, on a recording."""

import os
import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from vlab import proc
from vlab.playback.recording import Recording
from vlab.playback.server import serve

_NAME = "recording"


def kubectl(shown: Recording, program: Path, arguments: Sequence[str]) -> int:
    """Run one kubectl command on a recording and return its exit code."""
    with _surroundings(shown, program) as (_, env):
        return proc.foreground([program, *arguments], env)


def shell(shown: Recording, program: Path) -> int:
    """Run the user's shell, with a marked prompt, in which kubectl talks to a recording; return its exit code."""
    with _surroundings(shown, program) as (folder, env):
        mark = f"({shown.scenario}, recorded)"
        return proc.foreground(*_marked(os.environ.get("SHELL") or "bash", folder, env, mark))


@contextmanager
def _surroundings(shown: Recording, program: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """A temporary folder, and the variables with which kubectl finds the recording."""
    with tempfile.TemporaryDirectory(prefix="vlab-") as name, serve(shown) as url:
        folder = Path(name)
        config = folder / "kubeconfig"
        config.touch(mode=0o600)
        config.write_text(yaml.safe_dump(kubeconfig(url, shown.namespace)))
        path = f"{program.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        # A cache of its own: another recording may have had the same port.
        yield folder, {"KUBECONFIG": str(config), "KUBECACHEDIR": str(folder / "cache"), "PATH": path}


def kubeconfig(url: str, namespace: str) -> dict[str, object]:
    """A kubeconfig that names one server and nothing else."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": _NAME, "cluster": {"server": url}}],
        "users": [{"name": _NAME, "user": {}}],
        "contexts": [{"name": _NAME, "context": {"cluster": _NAME, "user": _NAME, "namespace": namespace}}],
        "current-context": _NAME,
    }


def _marked(program: str, folder: Path, env: Mapping[str, str], mark: str) -> tuple[list[str | Path], dict[str, str]]:
    """The command of a shell whose own files are read first: they may set the prompt, or another KUBECONFIG."""
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in env.items())
    if Path(program).name == "bash":
        file = folder / "bashrc"
        file.write_text(f'[ -r ~/.bashrc ] && . ~/.bashrc\n{exports}PS1={shlex.quote(mark)}" $PS1"\n')
        return [program, "--rcfile", file, "-i"], dict(env)
    if Path(program).name == "zsh":
        own = os.environ.get("ZDOTDIR", str(Path.home()))
        lines = f"ZDOTDIR={shlex.quote(own)}\n[ -r $ZDOTDIR/.zshrc ] && . $ZDOTDIR/.zshrc\n"
        (folder / ".zshrc").write_text(f'{lines}{exports}PS1={shlex.quote(mark)}" $PS1"\n')
        return [program, "-i"], {**env, "ZDOTDIR": str(folder)}
    return [program], {**env, "PS1": f"{mark} $ "}
