"""The three criteria of a diagnosis: the failing layer out of a closed list, what shows it, and what was ruled out."""

from dataclasses import replace

from vlab.rubric.criteria import Ask
from vlab.rubric.reading import Reading
from vlab.rubric.seen import number_true, signal_exists
from vlab.rubric.stance import denied, supposed
from vlab.rubric.text import Sentence
from vlab.rubric.verdict import Criterion
from vlab.rubric.vocabulary import fold, layers


def layer_right(r: Reading) -> Criterion:
    """The layer that the evidence shows is named, and no other beside it."""
    wanted = (r.rubric.diagnosis.layer, *r.rubric.diagnosis.also)
    named = [(name, s) for s in _explaining(r) for name in _layers(s, deny=False)]
    right = [s for name, s in named if name in wanted]
    wrong = [(name, s) for name, s in named if name not in wanted and s not in right]
    closed = ", ".join(layers())
    if not named:
        return Criterion("layer_right", "fail", "", f"name the failing layer, one of: {closed}")
    if not right:
        return Criterion("layer_right", "fail", named[0][1].text, f"the evidence does not show {named[0][0]}")
    if wrong and r.of("interpretation"):
        return Criterion(
            "layer_right",
            "fail",
            f"{right[0].text} ... {wrong[0][1].text}",
            "decide for one layer, and rule out the other",
        )
    return Criterion("layer_right", "pass", right[0].text, f"the evidence shows {r.rubric.diagnosis.layer}")


def evidence_shown(r: Reading) -> Criterion:
    """Something that was really seen in this run shows it, with numbers of the run where there are any."""
    seen, numbers = signal_exists(r), number_true(r)
    worse = numbers if seen.verdict == "pass" and numbers.verdict == "fail" else seen
    return replace(worse, id="evidence_shown")


def ruled_out(r: Reading) -> Criterion:
    """Another layer is ruled out, and not the failing one."""
    wanted = (r.rubric.diagnosis.layer, *r.rubric.diagnosis.also)
    own = r.of("ruled-out")
    denied_here = [(n, s) for s in r.sentences if s.part != "ruled-out" for n in _layers(s, deny=True)]
    named = [(n, s) for s in own for n in (*_layers(s, deny=False), *_layers(s, deny=True))] + denied_here
    itself = next((s for n, s in named if n == r.rubric.diagnosis.layer), None)
    if itself is not None:
        return Criterion("ruled_out", "fail", itself.text, "the evidence shows this layer: do not rule it out")
    other = next((s for n, s in named if n not in wanted), None)
    if other is None:
        return Criterion(
            "ruled_out", "fail", own[0].text if own else "", "say which other layer you ruled out, and by what"
        )
    return Criterion("ruled_out", "pass", other.text, "another layer is ruled out")


def _explaining(r: Reading) -> list[Sentence]:
    own = r.of("interpretation")
    return own or [
        s for s in r.sentences if s.part not in ("ruled-out", "change", "validation") and not supposed(s.folded)
    ]


def _layers(sentence: Sentence, *, deny: bool) -> list[str]:
    """The layers that a sentence names, of overlapping names the longest; denied ones or the others."""
    folded = fold(sentence.text)
    every = [
        (m.end() - m.start(), m.start(), m.end(), name) for name, p in layers().items() for m in p.finditer(folded)
    ]
    kept: list[tuple[int, int, int, str]] = []
    for each in sorted(every, reverse=True):
        if all(each[2] <= other[1] or each[1] >= other[2] for other in kept):
            kept.append(each)
    return [name for _, start, end, name in sorted(kept, key=lambda k: k[1]) if denied(folded, start, end) is deny]


DIAGNOSIS: tuple[Ask, ...] = (layer_right, evidence_shown, ruled_out)
