"""Reads Kubernetes manifests that anybody may have written: plain data, its depth and number counted as it is read.

What is applied are the objects that are read here, never the text: nobody else's reading of it decides anything.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import yaml

from vlab.errors import LabError
from vlab.evidence import Object
from vlab.submission.files import Submission

MAX_DEPTH = 32
MAX_NODES = 20_000
"""Of all manifests of a submission together: mappings, sequences, scalars and keys."""
MAX_DIGITS = 64
"""Of a number."""

_HINT = "write plain YAML or JSON, as `kubectl get -o yaml` prints it"
_TAG = "tag:yaml.org,2002:"
_TAGS = {f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map")}


class Unreadable(LabError):
    """A manifest that is not read."""

    def __init__(self, file: str, words: str) -> None:
        super().__init__(f"{file} {words}", _HINT)
        self.file = file
        self.words = words


@dataclass(frozen=True)
class Manifest:
    """One object of a submission."""

    file: str
    number: int
    """Which it is in its file, from 1."""
    object: Object

    @property
    def where(self) -> str:
        """'server.yaml, object 2'."""
        return f"{self.file}, object {self.number}"


class _Count:
    """How many nodes may still be read."""

    def __init__(self) -> None:
        self.left = MAX_NODES

    def take(self, depth: int) -> None:
        self.left -= 1
        if self.left < 0:
            raise _Bad(f"has more than {MAX_NODES} values")
        if depth > MAX_DEPTH:
            raise _Bad(f"is nested deeper than {MAX_DEPTH} levels")


class _Bad(Exception):
    """Why a manifest is not read."""


def manifests(submission: Submission) -> tuple[Manifest, ...]:
    """Every object of a submission's manifests, in the order of the files' names.

    Raises:
        Unreadable: a file is neither YAML nor JSON, has what no manifest needs (aliases, tags, a key twice), or there
            is too much in them.
    """
    return parse(submission.manifests)


def parse(texts: Mapping[str, bytes]) -> tuple[Manifest, ...]:
    """The same, of files by name.

    Raises:
        Unreadable: as `manifests`.
    """
    count = _Count()
    found: list[Manifest] = []
    for name, raw in sorted(texts.items()):
        try:
            documents = list(_documents(name, raw.decode("utf-8-sig"), count))
            objects = [o for document in documents for o in _unrolled(document)]
        except _Bad as e:
            raise Unreadable(name, str(e)) from None
        except UnicodeDecodeError:
            raise Unreadable(name, "is no text in UTF-8") from None
        except yaml.YAMLError as e:
            raise Unreadable(name, f"is not YAML: {_problem(e)}") from None
        except RecursionError:
            raise Unreadable(name, f"is nested deeper than {MAX_DEPTH} levels") from None
        found += [Manifest(name, number, each) for number, each in enumerate(objects, 1)]
    return tuple(found)


def _problem(error: yaml.YAMLError) -> str:
    """PyYAML's words in one line: what is wrong, and where."""
    mark = getattr(error, "problem_mark", None)
    words = getattr(error, "problem", None) or getattr(error, "reason", None) or "something in it cannot be read"
    return f"{words}, line {mark.line + 1}" if mark else str(words)


def _documents(name: str, text: str, count: _Count) -> Iterator[Any]:
    found = _json(text) if name.endswith(".json") else _yaml(text, count)
    for document in found:
        if name.endswith(".json"):
            _counted(document, count)
        if document is not None:
            yield document


def _json(text: str) -> Iterator[Any]:
    def pairs(found: list[tuple[str, Any]]) -> Object:
        keys = [key for key, _ in found]
        for key, again in zip(sorted(keys), sorted(keys)[1:], strict=False):
            if key == again:
                raise _Bad(f"has the key {key[:80]!r} twice")
        return dict(found)

    def constant(word: str) -> Any:
        raise _Bad(f"has a number that is none: {word}")

    try:
        yield json.loads(text, object_pairs_hook=pairs, parse_int=_integer, parse_constant=constant)
    except json.JSONDecodeError as e:
        raise _Bad(f"is not JSON: {e.msg}, line {e.lineno}") from None


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise _Bad(f"has a number of more than {MAX_DIGITS} digits")
    return int(digits)


def _counted(document: Any, count: _Count) -> None:
    """Raises: _Bad if it is too deep or too much, or has what Kubernetes cannot be sent."""
    stack = [(document, 1)]
    while stack:
        value, depth = stack.pop()
        count.take(depth)
        if isinstance(value, dict):
            stack += [(each, depth + 1) for pair in value.items() for each in pair]
        elif isinstance(value, list):
            stack += [(each, depth + 1) for each in value]
        else:
            _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise _Bad("has a number that is none")
    if isinstance(value, str) and re.search(r"[\ud800-\udfff]", value):
        raise _Bad("has half of a character")
    return value


class _Loader(yaml.SafeLoader):
    """YAML without what makes it more than data: no alias, no anchor, no merge, no tag of its own, no date."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - as PyYAML keeps them
    count: _Count
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """A node, if there may be one more at this depth."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if anchor := getattr(event, "anchor", None):
            what = "an alias, *" if type(event) is yaml.AliasEvent else "an anchor, &"
            raise _Bad(f"has {what}{anchor[:80]}, line {event.start_mark.line + 1}")
        self.depth += 1
        self.count.take(self.depth)
        node = super().compose_node(parent, index)
        self.depth -= 1
        if node is not None and node.tag not in _TAGS:
            raise _Bad(f"has a tag that is not used here, {node.tag[:80]}, line {node.start_mark.line + 1}")
        return node


# Plain words that are no strings, as Kubernetes reads them.
for _name, _pattern, _first in (
    ("bool", r"yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF", [*"yYnNtTfFoO"]),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)|0o?[0-7]+|0x[0-9a-fA-F]+", [*"-+0123456789"]),
    ("float", r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?", [*"-+0123456789."]),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
):
    _Loader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(rf"(?:{_pattern})\Z"), _first)


def _yaml(text: str, count: _Count) -> Iterator[Any]:
    loader = _Loader(text)
    loader.count = count
    try:
        while loader.check_node():
            yield _value(loader, cast(yaml.Node, loader.get_node()))
    finally:
        loader.dispose()


def _value(loader: _Loader, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return _mapping(loader, node)
    if isinstance(node, yaml.SequenceNode):
        return [_value(loader, each) for each in node.value]
    if node.tag in (f"{_TAG}int", f"{_TAG}float") and len(node.value) > MAX_DIGITS:
        raise _Bad(f"has a number of more than {MAX_DIGITS} digits")
    try:
        return _plain(loader.construct_object(node))
    except (ValueError, LookupError):  # of a word to which a tag gave another type
        raise _Bad(f"has a value that is not of its tag's type, line {node.start_mark.line + 1}") from None


def _mapping(loader: _Loader, node: yaml.MappingNode) -> Object:
    found: Object = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _Bad(f"has a key that is no word, line {key.start_mark.line + 1}")
        name = _plain(key.value)
        if name == "<<":
            raise _Bad(f"has a merge, <<, line {key.start_mark.line + 1}")
        if name in found:
            raise _Bad(f"has the key {name[:80]!r} twice, line {key.start_mark.line + 1}")
        found[name] = _value(loader, value)
    return found


def _unrolled(document: Any) -> Iterable[Object]:
    """An object, or those of a List of them, and of Lists in it."""
    if not isinstance(document, dict):
        raise _Bad("has a document that is no object")
    kind, items = document.get("kind"), document.get("items")
    if isinstance(kind, str) and kind.endswith("List") and isinstance(items, list):
        return [o for item in items for o in _unrolled(item)]
    return [document]
