"""What attributes mean, as the strings below them say: of models, of enums, and of a module's constants.

Python keeps no such string. It is read from the source when somebody asks, which costs a start of vlab nothing.
"""

import ast
import inspect
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from types import ModuleType
from typing import Any


def of_attributes(owner: type | ModuleType) -> dict[str, str]:
    """The docstrings of a class's attributes, inherited ones included, or of a module's, by name."""
    if isinstance(owner, ModuleType):
        return dict(_below(_tree(owner).body))
    found: dict[str, str] = {}
    for each in reversed(owner.__mro__):
        module = inspect.getmodule(each)
        if module is not None and module.__name__.partition(".")[0] == __package__:
            found |= _below(_body(_tree(module), each.__qualname__))
    return found


@cache
def _tree(module: ModuleType) -> ast.Module:
    return ast.parse(inspect.getsource(module))


def _body(tree: Any, qualified: str) -> Sequence[ast.stmt]:
    """What stands in a class of this name."""
    for name in qualified.split("."):
        tree = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    body: Sequence[ast.stmt] = tree.body
    return body


def _below(body: Sequence[ast.stmt]) -> Iterator[tuple[str, str]]:
    """Each assigned name that a string stands below, and the string on one line."""
    for one, next_one in pairwise(body):
        match one, next_one:
            case (
                ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(words))),
            ):
                yield name, " ".join(words.split())
