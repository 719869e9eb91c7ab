"""Keeps classes: one folder each under the state folder, whole or not at all."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pydantic

from vlab import paths, runs
from vlab.classroom.model import LONGEST_CLASS, Class, Learner, folder
from vlab.errors import Exit, LabError
from vlab.locks import locked

_RECORD = "class.json"


def checked_name(name: str) -> str:
    """Raises: LabError if `name` cannot be part of a namespace's name."""
    if not re.fullmatch(rf"[a-z]([a-z0-9-]{{0,{LONGEST_CLASS - 2}}}[a-z0-9])?", name):
        hint = f"use up to {LONGEST_CLASS} lower-case letters, digits and dashes, a letter first: --class NAME"
        raise LabError(f"{name!r} cannot be a class's name", hint)
    return name


def save(made: Class) -> None:
    """Write the record."""
    made.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    runs.write_whole(made.folder / _RECORD, made.model_dump_json(indent=2))


def remove(name: str) -> None:
    """Forget a class; its runs lie with their lab."""
    shutil.rmtree(folder(name), ignore_errors=True)


def find(name: str) -> Class | None:
    """The class of this name.

    Raises:
        LabError: its record cannot be read.
    """
    file = folder(checked_name(name)) / _RECORD
    try:
        return Class.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, pydantic.ValidationError) as e:
        said = e.strerror if isinstance(e, OSError) else e.errors()[0]["msg"]
        raise LabError(f"{file} cannot be read: {said}", "move it away, or update vlab") from None


def get(name: str = "") -> Class:
    """The class of this name; the only one if none is named.

    Raises:
        LabError: there is none, or there are several and none is named.
    """
    names = [each for each in every() if not name and (known := find(each)) is not None and known.closed is None]
    if not name and len(names) == 1:
        name = names[0]
    if not name:
        said = f"there are several classes: {', '.join(names)}" if names else "there is no class"
        raise LabError(
            said, "say which: --class NAME" if names else "`vlab class create ROSTER` makes one", Exit.NO_LAB
        )
    found = find(name)
    if found is None:
        others = f"; there are: {', '.join(every())}" if every() else ""
        raise LabError(
            f"no class is called {name!r}{others}", "`vlab class create ROSTER --class NAME` makes it", Exit.NO_LAB
        )
    return found


def every() -> list[str]:
    """The names of all classes."""
    return sorted(file.parent.name for file in (paths.state() / "classes").glob(f"*/{_RECORD}"))


@contextmanager
def at_work(name: str, doing: str) -> Iterator[None]:
    """Hold a class: what changes it does not interleave."""
    with locked(folder(name), doing):
        yield


def chosen(of: Class, wanted: tuple[str, ...]) -> tuple[Learner, ...]:
    """The learners that are meant by slug, key or name; all if none is named.

    Raises:
        LabError: somebody is not in the class, or several are called so.
    """
    return of.learners if not wanted else tuple({one.slug: one for each in wanted for one in [_one(of, each)]}.values())


def _one(of: Class, wanted: str) -> Learner:
    for value in ("slug", "key", "name"):
        found = [each for each in of.learners if getattr(each, value).casefold() == wanted.casefold()]
        if len(found) == 1:
            return found[0]
        if found:
            raise LabError(
                f"{len(found)} learners of class {of.name} are called {wanted!r}",
                f"say which: {', '.join(each.slug for each in found)}",
            )
    raise LabError(f"nobody in class {of.name} is called {wanted!r}", f"`vlab class show --class {of.name}` lists them")
