"""What the learner changed: the namespace's objects and the nodes now, against those at the start."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from vlab.essence import Identity, essences
from vlab.evidence import Object


@dataclass(frozen=True)
class Change:
    """One object that is not as it was."""

    name: str
    """Kind/name."""
    what: str
    """changed, added or removed."""
    lines: tuple[str, ...]
    """A unified diff of its YAML, without the file names."""


def changes(start: Sequence[Object], now: Sequence[Object]) -> list[Change]:
    """Every object that was changed, added or removed by somebody; what follows from others is left out."""
    before, after = essences(start), essences(now)
    keys = list(dict.fromkeys([*before, *after]))
    return [_change(_name(k, now), before.get(k), after.get(k)) for k in keys if before.get(k) != after.get(k)]


def _name(key: Identity, now: Sequence[Object]) -> str:
    """Kind/name; with its namespace where there is more than one."""
    kind, namespace, name = key
    several = len({o["metadata"].get("namespace", "") for o in now} - {""}) > 1
    return f"{kind}/{namespace}/{name}" if several and namespace else f"{kind}/{name}"


def _change(name: str, before: Object | None, after: Object | None) -> Change:
    diff = difflib.unified_diff(_yaml(before), _yaml(after), lineterm="", n=3)
    what = "added" if before is None else "removed" if after is None else "changed"
    return Change(name, what, tuple(diff)[2:])


class _Shown(yaml.SafeDumper):
    """YAML for reading: a text of several lines is always a block, a line a line.

    PyYAML writes one with a tab, or with a blank at the end of a line, as one long escaped line.
    """

    def analyze_scalar(self, scalar: str) -> Any:
        found = super().analyze_scalar(scalar)
        found.allow_block |= "\n" in scalar
        return found


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    if "\n" not in text:
        return dumper.represent_str(text)
    seen = "".join(c if c.isprintable() or c in "\t\n" else ascii(c)[1:-1] for c in text)  # the \r of Windows
    return dumper.represent_scalar("tag:yaml.org,2002:str", seen, style="|")


_Shown.add_representer(str, _text)


def _yaml(found: Object | None) -> list[str]:
    return [] if found is None else yaml.dump(found, Dumper=_Shown, sort_keys=True, width=100).splitlines()
