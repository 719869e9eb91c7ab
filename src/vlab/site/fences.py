"""Commands on pages: the fences of a page in Markdown, what is said about each, and what of an output must be the same.

A fence of `bash` is commands, which are run as they stand. One of `text` right below it is their output. Any other
language is a snippet; with a `title="FILE"` it is a file that later commands use, and a second fence of the same title
adds to it. What else there is to say about a fence stands on the lines before it, each of its own:

- `<!-- not run: REASON -->`: it cannot be run where the pages are tested;
- `<!-- another terminal -->`: it goes on while later commands run, and ends with the page;
- `<!-- exit code: N -->`: how its only command ends, where that is not 0;
- `<!-- yours: SCRIPT -->`: before it, the reader has written something; the script does that part.

`<!-- exercise: ID -->` alone on a line says which exercise a page is read in, if it starts none itself.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff

from markdown_it import MarkdownIt
from markdown_it.token import Token

COMMANDS = "bash"
OUTPUT = "text"
MORE = "…"
"""In an output that is shown: any text; alone on a line, any lines."""

_MARK = re.compile(r"\s*<!-- (not run|another terminal|exit code|yours)(?:: *(.*?))? *-->\s*")
_EXERCISE = re.compile(r"^<!-- exercise: ([a-z0-9-]+) -->$", re.MULTILINE)
_HEAD_OF_BLOCK = re.compile(r'^ *(!!!|\?\?\?\+?) \w+.*$|^ *=== ".*$', re.MULTILINE)
"""Of an admonition or a tab: Markdown takes it for a paragraph, and what is indented below for the rest of that."""
_TITLE = re.compile(r'title="([^"]*)"')


@dataclass(frozen=True)
class Fence:
    """A fence of a page."""

    page: str
    line: int
    """Of its first line of content, counted from 1."""
    language: str
    title: str
    content: str
    """Without the fence's own indentation; each line ends with a newline."""
    marks: Mapping[str, str]
    """What is said before it, by the words of each mark."""
    output: "Fence | None" = None
    """The output that is shown right below it."""

    @property
    def place(self) -> str:
        """As editors and compilers say it: the page, and a line."""
        return f"{self.page}:{self.line}"

    @property
    def reason(self) -> str | None:
        """Why it is not run; None if it is."""
        return self.marks.get("not run")

    @property
    def is_run(self) -> bool:
        """Whether its commands are run."""
        return self.language == COMMANDS and self.reason is None

    @property
    def beside(self) -> bool:
        """Whether it runs in another terminal."""
        return "another terminal" in self.marks

    @property
    def code(self) -> int:
        """The exit code with which it ends."""
        return int(self.marks.get("exit code", "0"))

    @property
    def yours(self) -> str | None:
        """The script that does what the reader has done before it."""
        return self.marks.get("yours")


def fences(page: str, text: str) -> list[Fence]:
    """All fences of a page, in its order; an output that belongs to commands is theirs and stands among all as well.

    Args:
        page: what it is called.
        text: its Markdown, with whatever stands in front of it.
    """
    lines = text.splitlines()
    found = list(_found(page, lines, text, 0))
    below: dict[int, Fence] = {f.line: f for f in found if f.language == OUTPUT}
    return [_with_output(f, lines, below) for f in found]


def exercise(text: str) -> str | None:
    """The exercise that a page is read in, if it names one."""
    found = _EXERCISE.search(text)
    return found[1] if found else None


def _found(page: str, lines: list[str], text: str, offset: int) -> Iterator[Fence]:
    for token in MarkdownIt("commonmark").parse(_HEAD_OF_BLOCK.sub("", text)):
        if token.map is None:
            continue
        if token.type == "fence":
            yield _fence(page, lines, token, offset + token.map[0])
        elif token.type == "code_block":  # what admonitions and tabs of the site have inside is indented
            yield from _found(page, lines, token.content, offset + token.map[0])


def _fence(page: str, lines: list[str], token: Token, at: int) -> Fence:
    language, _, rest = token.info.strip().partition(" ")
    title = _TITLE.search(rest)
    return Fence(page, at + 2, language, title[1] if title else "", token.content, dict(_marks(lines, at)))


def _marks(lines: list[str], at: int) -> Iterator[tuple[str, str]]:
    while at and (mark := _MARK.fullmatch(lines[at - 1])):
        yield mark[1], mark[2] or ""
        at -= 1


def _with_output(fence: Fence, lines: list[str], below: Mapping[int, Fence]) -> Fence:
    if fence.language != COMMANDS:
        return fence
    at = fence.line + fence.content.count("\n")  # the line after the one that closes it
    while at < len(lines) and not lines[at].strip():
        at += 1
    return Fence(**{**vars(fence), "output": below.get(at + 2)})


# What differs from one run to the next, most particular first.
_SAFE = "[bcdfghjklmnpqrstvwxz2456789]"
"""What Kubernetes makes names of."""
_VARYING: tuple[tuple[str, str], ...] = (
    (r"\x1b\[[0-9;?]*[a-zA-Z]", ""),
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "UID"),
    (r"\b(sha256:)?[0-9a-f]{64}\b", "DIGEST"),
    (rf"-{_SAFE}{{8,10}}-{_SAFE}{{5}}\b", "-HASH"),
    (rf"-(?=[a-z]*[0-9]){_SAFE}{{8,10}}\b", "-HASH"),
    (rf"-{_SAFE}{{5}}\b", "-HASH"),
    (r"\b(?=[a-f]*[0-9])[0-9a-f]{12,}\b", "DIGEST"),
    (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?( ?(Z|UTC|[+-]\d\d:?\d\d))?", "TIME"),
    (r"\b\d{8}T\d{6,}Z\b", "TIME"),
    (r"\b\d\d:\d\d:\d\d(\.\d+)?\b", "TIME"),
    (r"\b(?!127\.0\.0\.1\b)\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", "IP"),
    (r"\bv?\d+\.\d+\.\d+([-+.][0-9A-Za-z.+-]*[0-9A-Za-z])?\b", "VERSION"),
    (r"\b\d+(\.\d+)? ?([kKMGT]i?B?|[kMGT]?B|bytes)\b", "SIZE"),
    (r"\b(\d+(\.\d+)?(ms|µs|s|m|h|d|y))+\b", "DURATION"),
    (r"\b\d+(\.\d+)? (ms|s|seconds?|minutes?|hours?|days?)\b", "DURATION"),
    (r"\b\d+\.\d+(e[+-]?\d+)?\b", "FIGURE"),
    (r"\b\d{5,}\b", "FIGURE"),
    (r"[─-]{3,}", "---"),
)
_HEARTBEAT = re.compile(r"^… .* \(\d+ s\)$")
_ON_THE_WAY = re.compile(rf"{_HEARTBEAT.pattern}|^Waiting for .* (to finish: .*|to be observed)\.\.\.$")
"""What is said while something comes about, which one run passes sooner than the next: `kubectl rollout status` too."""


def normal(text: str) -> list[str]:
    """The lines of an output, with a word in the place of whatever differs from one run to the next."""
    lines = [line for line in text.splitlines() if not _ON_THE_WAY.match(line)]
    for pattern, word in _VARYING:
        lines = [re.sub(pattern, word, line) for line in lines]
    lines = [" ".join(line.split()) for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        lines.pop(0)
    return lines


def agree(shown: str, said: str) -> bool:
    """Whether an output that is shown is what was said, but for what differs from one run to the next."""
    return _agree(normal(shown), normal(said))


def _agree(shown: list[str], said: list[str]) -> bool:
    if not shown:
        return not said
    if shown[0] == MORE:
        return any(_agree(shown[1:], said[at:]) for at in range(len(said) + 1))
    pattern = ".*".join(map(re.escape, shown[0].split(MORE)))
    return bool(said) and re.fullmatch(pattern, said[0]) is not None and _agree(shown[1:], said[1:])


def difference(shown: str, said: str) -> str:
    """Both, line by line, for whoever has to see where they differ."""
    return "\n".join(unified_diff(normal(shown), normal(said), "shown", "said", lineterm="", n=2))


def updated(text: str, outputs: Mapping[int, str]) -> str:
    """A page with other outputs.

    Args:
        text: the page.
        outputs: what the fences are to hold, by the line of their content.
    """
    lines = text.splitlines()
    held = {f.line: f.content.count("\n") for f in fences("", text)}
    for at in sorted(outputs, reverse=True):
        indent = re.match(r"\s*", lines[at - 2])
        kept = [line for line in outputs[at].strip("\n").splitlines() if not _HEARTBEAT.match(line)]
        said = [f"{indent[0] if indent else ''}{line}".rstrip() for line in kept]
        lines[at - 1 : at - 1 + held[at]] = said
    return "\n".join(lines) + "\n"
