"""Cuts what is not the learner's own: what repeats the brief or a hint, dumps of metrics, words to whoever grades."""

import re
from collections.abc import Sequence

from vlab.rubric.text import Sentence, read
from vlab.rubric.vocabulary import cue, fold, word

_SHINGLE = 6
_TO_THE_GRADER = cue("to-the-grader")
_METRIC_LINE = re.compile(r"\s*(?:#.*|[-*]?\s*['\"]?vllm[:_]\w+(?:\{[^{}]*\})?['\"]?\s*[-+.\de]*)\s*")
_MOST_OF_A_DUMP = 5


def once(text: str) -> str:
    """The text with each line once: what is said a thousand times is said."""
    lines = text.splitlines()
    if len(lines) < 200:
        return text
    seen: set[str] = set()
    kept = []
    for line in lines:
        if not line.strip() or line not in seen:
            kept.append(line)
        seen.add(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept))


def own(sentences: Sequence[Sentence], given: str) -> list[Sentence]:
    """The sentences without those that are not the learner's own."""
    known = _shingles(fold(given))
    copies = {tuple(_words(s.folded)) for s in read(given)}
    dump = _dump(sentences)
    return [
        s
        for s in sentences
        if s not in dump
        and not _TO_THE_GRADER.search(s.folded)
        and tuple(_words(s.folded)) not in copies
        and not _repeats(s.folded, known)
        and not (_is_dump(s) if s.code else _is_salad(s.folded))
    ]


_FUNCTION_WORDS = frozenset(
    [
        "the",
        "a",
        "an",
        "is",
        "are",
        "was",
        "were",
        "and",
        "or",
        "of",
        "to",
        "in",
        "with",
        "on",
        "by",
        "for",
        "it",
        "this",
        "that",
        "should",
        "must",
        "will",
        "i",
        "we",
        "while",
        "when",
        "from",
        "again",
        "than",
        "as",
        "at",
        "no",
        "not",
        "before",
        "after",
        "comes",
        "come",
        "go",
        "goes",
        "gets",
        "get",
        "falls",
        "fall",
        "drops",
        "stays",
        "rises",
        "runs",
        "der",
        "die",
        "das",
        "ist",
        "sind",
        "war",
        "und",
        "oder",
        "von",
        "zu",
        "mit",
        "auf",
        "fur",
        "ich",
        "wir",
        "soll",
        "muss",
        "sinkt",
        "steigt",
        "el",
        "la",
        "los",
        "las",
        "es",
        "son",
        "era",
        "y",
        "o",
        "de",
        "con",
        "en",
        "para",
        "que",
        "debe",
        "un",
        "una",
    ]
)
_FEWEST_OF_A_SALAD = 9


def _is_salad(folded: str) -> bool:
    """Words in a row that say nothing: no verb, no number, no mark that divides them."""
    words = _words(folded)
    plain = not re.search(r"[.;:!?>=+|/\n]|(?<!\w)\d|\s-\s", folded.strip(".! "))
    said = "," in folded and word("same").search(folded) and (word("up").search(folded) or word("down").search(folded))
    return len(words) >= _FEWEST_OF_A_SALAD and plain and not said and not _FUNCTION_WORDS & set(words)


def _words(folded: str) -> list[str]:
    return re.findall(r"\w+", folded)


def _shingles(folded: str) -> set[tuple[str, ...]]:
    words = _words(folded)
    return {tuple(words[i : i + _SHINGLE]) for i in range(len(words) - _SHINGLE + 1)}


def _repeats(folded: str, known: set[tuple[str, ...]]) -> bool:
    """Whether most of a sentence stands in what was given."""
    words = _words(folded)
    own = [tuple(words[i : i + _SHINGLE]) for i in range(len(words) - _SHINGLE + 1)]
    return bool(own) and sum(each in known for each in own) > 0.6 * len(own)


def _dump(sentences: Sequence[Sentence]) -> set[Sentence]:
    """Metrics in a row, as /metrics prints them or as a list of names."""
    lines = [s for s in sentences if not s.code and _METRIC_LINE.fullmatch(s.folded)]
    return set(lines) if len(lines) >= _MOST_OF_A_DUMP else set()


def _is_dump(sentence: Sentence) -> bool:
    lines = sentence.folded.splitlines()
    return sentence.code and sum(bool(_METRIC_LINE.fullmatch(x)) for x in lines) > _MOST_OF_A_DUMP
