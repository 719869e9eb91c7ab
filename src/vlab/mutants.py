"""Changes to the code of graders, one at a time: a condition, a boundary, a number, a statement.

Words that explain a verdict are not changed, nor what only they are made of: no verdict could show it. For the same
reason nothing is done that only makes a grader doubt less: recorded runs leave no check in doubt.
"""

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType
from typing import Any

_OPPOSITES: tuple[tuple[type[ast.cmpop], type[ast.cmpop]], ...] = (
    (ast.Eq, ast.NotEq),
    (ast.Lt, ast.GtE),
    (ast.LtE, ast.Gt),
    (ast.Is, ast.IsNot),
    (ast.In, ast.NotIn),
)
_OPPOSITE = dict([*_OPPOSITES, *((b, a) for a, b in _OPPOSITES)])
_BOUNDARY: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
_OTHER_CALL = {"all": "any", "any": "all", "min": "max", "max": "min"}
_VERDICTS = ("Mismatch", "CannotTell")


@dataclass(frozen=True)
class Place:
    """A field of a node and, if that is a list, the place in it."""

    parent: ast.AST
    field: str
    index: int | None

    @property
    def held(self) -> ast.AST:
        """What is there."""
        found: Any = getattr(self.parent, self.field)
        held: ast.AST = found if self.index is None else found[self.index]
        return held

    @contextmanager
    def put(self, new: ast.AST) -> Iterator[None]:
        """Something else there, for a while."""
        found = getattr(self.parent, self.field)
        changed = new if self.index is None else [*found[: self.index], new, *found[self.index + 1 :]]
        setattr(self.parent, self.field, changed)
        try:
            yield
        finally:
            setattr(self.parent, self.field, found)


def changes(source: bytes, file: str, only: set[str] | None = None) -> Iterator[tuple[str, CodeType]]:
    """Every change of a module, as `FUNCTION, line N: OLD -> NEW`, with the code of the whole module.

    Args:
        only: the functions and variables of the module to change; all if not given.
    """
    tree = ast.parse(source)
    floats = {name for name, value in _module_numbers(tree) if isinstance(value, float)}
    for part in tree.body:
        for place in _places_of(part) if only is None or only & _defined(part) else ():
            old = place.held
            for new in _instead(place, floats):
                with place.put(ast.copy_location(new, old)):
                    code = compile(ast.fix_missing_locations(tree), file, "exec", dont_inherit=True)
                where = getattr(part, "name", "module")
                yield f"{where}, line {getattr(old, 'lineno', 0)}: {_said(old)} -> {_said(new)}", code


def used(source: bytes, names: set[str]) -> set[str]:
    """Names with all that they use of their own module."""
    parts = [(_defined(part), _loaded(part)) for part in ast.parse(source).body]
    found: set[str] = set()
    while names - found:
        found |= names
        names = {n for defined, loaded in parts if defined & found for n in loaded}
    return found


def _defined(part: ast.stmt) -> set[str]:
    if isinstance(part, ast.FunctionDef | ast.ClassDef):
        return {part.name}
    return {_name(t) for t in part.targets} if isinstance(part, ast.Assign) else set()


def _loaded(part: ast.stmt) -> set[str]:
    return {n.id for n in ast.walk(part) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _said(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return "nothing" if text == "pass" else text


def _module_numbers(tree: ast.Module) -> Iterator[tuple[str, float]]:
    for part in tree.body:
        match part:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=int() | float() as value)):
                yield name, value


def _places_of(part: ast.stmt) -> Iterator[Place]:
    if isinstance(part, ast.Assign) and isinstance(part.value, ast.Constant):
        yield Place(part, "value", None)
    elif isinstance(part, ast.FunctionDef) and not _returns(part, "str"):
        yield from _inside(part, _only_words(part))


def _returns(part: ast.FunctionDef, name: str) -> bool:
    return isinstance(part.returns, ast.Name) and part.returns.id == name


def _inside(node: ast.AST, words: set[str]) -> Iterator[Place]:
    """Every place below a node that decides something."""
    for field, index, child in _deciding(node):
        if isinstance(child, ast.Assign) and {getattr(t, "id", "") for t in child.targets} <= words:
            continue
        yield Place(node, field, index)
        yield from _inside(child, words)


def _deciding(node: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    """The children of a node, without words and annotations."""
    if isinstance(node, ast.JoinedStr | ast.Raise | ast.Slice) or (
        isinstance(node, ast.Assign) and isinstance(node.value, ast.JoinedStr)
    ):
        return
    if isinstance(node, ast.Call) and _name(node.func) in _VERDICTS:
        return
    only_first = isinstance(node, ast.Call) and _name(node.func) == "expect"
    for field, held in ast.iter_fields(node):
        if field in ("decorator_list", "annotation", "returns", "keywords" if only_first else ""):
            continue
        for index, child in enumerate(held) if isinstance(held, list) else [(None, held)]:
            if isinstance(child, ast.AST) and not (only_first and field == "args" and index != 0):
                yield field, index, child


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _only_words(function: ast.FunctionDef) -> set[str]:
    """Variables of which only words are made."""
    assigned = {_name(t) for n in ast.walk(function) if isinstance(n, ast.Assign) for t in n.targets} - {""}
    words: set[str] = set()
    while True:
        used = {n.id for n in _decided(function, words) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        if assigned - used == words:
            return words
        words = assigned - used


def _decided(node: ast.AST, words: set[str]) -> Iterator[ast.AST]:
    for _, _, child in _deciding(node):
        if isinstance(child, ast.Assign) and {_name(t) for t in child.targets} <= words:
            continue
        yield child
        yield from _decided(child, words)


def _instead(place: Place, floats: set[str]) -> list[ast.AST]:
    """What is put in a place."""
    node, parent = place.held, place.parent
    match node:
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            others = [_OPPOSITE[type(operator)]]
            # Nothing measured lies on a boundary between real numbers; counts do.
            if type(operator) in _BOUNDARY and not {_name(left), _name(right)} & floats:
                others.append(_BOUNDARY[type(operator)])
            return [ast.Compare(left, [other()], [right]) for other in others]
        case ast.BoolOp(op=operator, values=values) if place.field != "value" and _is_condition(place):
            if isinstance(operator, ast.Or) and _doubts(parent):
                return []
            swapped = ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
            return [swapped, *_fewer(operator, values)]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return [operand]
        case ast.Constant(value=bool(value)) if isinstance(parent, ast.Assign | ast.Compare):
            return [ast.Constant(not value)]
        case ast.Constant(value=float()) if isinstance(parent, ast.Assign):
            return [ast.Call(ast.Name("float", ast.Load()), [ast.Constant("inf")], [])]
        case ast.Constant(value=int(value)) if isinstance(parent, ast.Assign | ast.Compare) or _chooses(parent):
            return [ast.Constant(value + 1), *([ast.Constant(value - 1)] if value > 0 else [])]
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords) if name in _OTHER_CALL:
            return [ast.Call(ast.Name(_OTHER_CALL[name], ast.Load()), args, keywords)]
        case ast.Expr(value=ast.Call(func=called)) if "expect" in _name(called):
            return [ast.Pass()]
        case ast.Raise(exc=ast.Call(func=raised)) if _name(raised) == "Mismatch":
            return [ast.Pass()]
    if isinstance(node, ast.expr) and _is_condition(place):
        return [ast.UnaryOp(ast.Not(), node)]
    return []


def _chooses(parent: ast.AST) -> bool:
    return isinstance(parent, ast.Call) and _name(parent.func) in ("min", "max")


def _is_condition(place: Place) -> bool:
    """Whether what is there is only asked for being true."""
    match place.parent:
        case ast.If() | ast.IfExp() | ast.While():
            return place.field == "test"
        case ast.comprehension():
            return place.field == "ifs"
        case ast.Call(func=called):
            return _name(called) == "expect" and place.field == "args"
        case ast.Return(value=ast.Call(func=called)):
            return _name(called) in ("bool", "any", "all")
    return False


def _doubts(parent: ast.AST) -> bool:
    """Whether a condition only leads to doubt."""
    return isinstance(parent, ast.If) and any(
        isinstance(s, ast.Raise) and isinstance(s.exc, ast.Call) and _name(s.exc.func) == "CannotTell"
        for s in parent.body
    )


def _fewer(operator: ast.boolop, values: list[ast.expr]) -> Iterator[ast.expr]:
    """The condition without one of its parts."""
    for index in range(len(values)):
        rest = values[:index] + values[index + 1 :]
        yield rest[0] if len(rest) == 1 else ast.BoolOp(operator, rest)
