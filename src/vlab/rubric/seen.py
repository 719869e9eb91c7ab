"""What a text says that it saw: signals of the run, and its numbers."""

import re

from vlab.rubric.binding import Bound, bind, mentions
from vlab.rubric.reading import Reading
from vlab.rubric.stance import denied
from vlab.rubric.text import Sentence
from vlab.rubric.verdict import Criterion
from vlab.rubric.vocabulary import any_of, cue, signals, word


def signal_exists(r: Reading) -> Criterion:
    """Something that was really seen in this run is named as seen."""
    for sentence in r.observing:
        for name in r.rubric.signals:
            if _shows(r, name, sentence):
                return Criterion("signal_exists", "pass", sentence.text, f"the run shows it: {name.replace('-', ' ')}")
    span = r.observing[0].text if r.observing else ""
    return Criterion(
        "signal_exists",
        "fail",
        span,
        "name a metric or a symptom of this run, and say what you saw of it: high, rising, or a number",
    )


def _shows(r: Reading, name: str, sentence: Sentence) -> bool:
    signal = signals()[name]
    shown = signal.shown
    if not any(
        f.metric == shown.metric
        and f.statistic == shown.statistic
        and f.of in (shown.of, f"{shown.of}".strip())
        and shown.least <= f.value <= shown.most
        for f in r.table
        if f.when == "before"
    ):
        return False
    folded = sentence.folded
    if signal.unless and re.search(signal.unless, folded):
        return False
    phrases = any_of(signal.phrases).finditer(folded) if signal.phrases else ()
    if any((signal.negative and _DENIES.search(m[0])) or not denied(folded, m.start(), m.end()) for m in phrases):
        return True
    return signal.metric is not None and _observed(r, signal.metric, signal.state, sentence)


_SEEN = cue("seen")
_DENIES = re.compile(
    r"\b(?:no|not|never|nothing|out of|without|insufficient|enough|fails?|back-?off|kein\w*|nicht|sin|ran|0/\d)\b|n't"
)
"""Words of a signal that itself denies something: a `not` before them is one of them."""


def _observed(r: Reading, metric: str, state: str, sentence: Sentence) -> bool:
    """Whether a sentence says of a metric that it was high, went up, or was a number."""
    folded = sentence.folded
    if any(b.metric == metric and b.number.value for b in bind(folded, r.table, r.rubric.numbers)):
        return True
    for mention in (m for m in mentions(folded) if m.metric == metric):
        if state == "high" and denied(folded, mention.start, mention.end):
            continue
        rest = folded[: mention.start] + " " + folded[mention.end :]
        near = folded[max(0, mention.start - 60) : mention.end + 60]
        if any(word(w).search(near) for w in ("up", "high")) and not re.search(
            r"\b(?:not|nicht|no|never|kein\w*) (?:\w+ )?(?:high|hoch|alt[ao])", near
        ):
            return True
        if (state == "any" or metric in ("preemptions", "restarts")) and (
            word("down").search(near) or _SEEN.search(rest)
        ):
            return True
        if (
            metric in ("waiting", "ttft", "latency", "restarts", "preemptions")
            and _SEEN.search(rest)
            and not word("low").search(near)
        ):
            return True
    return False


def number_true(r: Reading) -> Criterion:
    """Every number of the run that is cited is one of the run."""
    agreed = []
    for sentence in r.sentences:
        if sentence.code and len(sentence.folded) > 600:
            continue
        for bound in bind(sentence.folded, r.table, r.rubric.numbers):
            if sentence.code and "#" not in sentence.folded[: bound.number.start].rpartition("\n")[2]:
                continue  # only a comment tells what was
            if not _is_cited(r, sentence, bound):
                if sentence.part != "change" and bound.figure is not None and _tells(bound):
                    agreed.append((bound, sentence))
                continue
            if bound.figure is None:
                near = bound.nearest
                was = f"{near.value:.3g}" if near else "another"
                whose = f" ({near.of})" if near and near.of else ""
                return Criterion(
                    "number_true",
                    "fail",
                    sentence.text,
                    f"{bound.number.text!r} is not the run's {bound.metric.replace('_', ' ')}{whose}: that was {was}",
                )
            agreed.append((bound, sentence))
    if not agreed:
        return Criterion("number_true", None, "", "no number of the run is cited")
    bound, sentence = agreed[0]
    figure = bound.figure
    of = f" of {figure.of}" if figure and figure.of else ""
    return Criterion(
        "number_true",
        "pass",
        sentence.text,
        f"{bound.number.text!r} agrees with {bound.metric.replace('_', ' ')}{of}, {figure.statistic if figure else ''}",
    )


def _tells(bound: Bound) -> bool:
    """Whether a number is too odd to be a target that happens to be what was."""
    unit = bound.number.unit.dimension
    return unit == "memory" or bool(re.search(r"[.,]\d", bound.number.text)) or (not unit and bound.number.value >= 10)


_WAS = cue("was")
_WANTED = cue("wanted")
_WANTED_MEMORY = cue("wanted-memory")
_WANTED_BEHIND = cue("wanted-behind")
_OF_A_PATH = cue("of-a-path")
_TODAY = re.compile(r"\W*(?:today|now|currently|at present|at the moment|heute|derzeit|jetzt|hoy|ahora)\b")


def _is_cited(r: Reading, sentence: Sentence, bound: Bound) -> bool:
    """Whether a number is said to be what was, not what is to be."""
    if sentence.part == "change":
        return False
    start, end = bound.number.start, bound.number.end
    future = sentence.part == "validation" or (sentence.part != "signal" and sentence in (*r.checking, *r.proposing))
    folded = sentence.folded
    if (
        future
        and not sentence.part
        and re.search(r"\b(?:i|we) (?:saw|see|measured|wait\w*|observed)\b", folded[:start])
    ):
        return True
    if future:
        return bool(
            _WAS.search(folded[max(0, start - 40) : start].rstrip("~ ") + " ")
            or _OF_A_PATH.match(folded[end : end + 40])
            or _TODAY.match(folded[end:])
        )
    if bound.metric == "shm" and _WANTED_MEMORY.search(folded[:start]):
        return False
    return not (_WANTED.search(folded[:start]) or _WANTED_BEHIND.match(folded[end:]))
