"""Reads a word with one letter wrong as the word that it was meant to be; spelling is no criterion."""

import re
from functools import cache

from vlab.rubric.vocabulary import fold, read_list

_WORD = re.compile(r"(?<![\w/.-])[a-z]{2,}(?![\w/]|[-.]\w)")
_SHORTEST = 5
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def corrected(folded: str) -> str:
    """The text with misspelt words of the vocabulary as they are written; names in code are left alone."""
    return _WORD.sub(lambda m: _word(m[0]), folded)


@cache
def _lists() -> tuple[frozenset[str], dict[str, str], frozenset[str]]:
    lists = read_list("spelling")
    known = frozenset(fold(lists["known"]).split())
    return known, {fold(k): fold(v) for k, v in lists["also"].items()}, frozenset(fold(lists["not"]).split())


@cache
def _word(word: str) -> str:
    known, also, others = _lists()
    if word in also:
        return also[word]
    if len(word) < _SHORTEST or word in known or word in others:
        return word
    near = {w for w in _one_off(word) & known if w[0] == word[0] or len(w) == len(word)}
    # A plural, a participle and the like of a word is no slip of it.
    near = {w for w in near if not (word.startswith(w) or w.startswith(word))}
    return near.pop() if len(near) == 1 else word


def _one_off(word: str) -> set[str]:
    parts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    return {
        *(a + b[1:] for a, b in parts if b),
        *(a + b[1] + b[0] + b[2:] for a, b in parts if len(b) > 1),
        *(a + c + b[1:] for a, b in parts if b for c in _LETTERS),
        *(a + c + b for a, b in parts for c in _LETTERS),
    }
