"""Whether a streamed answer flows: what came through the edge, against what came of the engine itself."""

from collections.abc import Iterator

from vlab.evidence import CannotTell, Stream, StreamPath
from vlab.grading.check import Mismatch, expect

READS = 0.5
"""Of the reads an event that come directly. What flows had 0.68 at least on a busy machine, what is gathered 0.08."""
EVENTS = 0.7
"""Of those that come directly. A busy engine puts several tokens into one: 55 were seen beside 60, of 64 tokens."""
FIRST = 0.25
"""Of the answer's own time: so much later than directly the first piece may come."""
LONGER = 1.5
"""Times the answer's own time."""


def gathered(stream: Stream) -> bool:
    """Whether something on the way gathers what the engine sends one by one."""
    direct, edge = _both(stream)
    return bool(edge.chunks) and not all(held for held, _, _ in _one_by_one(direct, edge))


def expect_flow(stream: Stream) -> None:
    """Raises: Mismatch unless pieces come through the edge as they come directly; CannotTell if they do not come so."""
    direct, edge = _both(stream)
    if edge.status is None or edge.error:
        raise Mismatch("an answer through the edge", f"{edge.error or 'none'}: {edge.detail}")
    expect(edge.status == 200, "status 200 through the edge", f"status {edge.status}")
    for held, expected, found in _one_by_one(direct, edge):
        expect(held, expected, found)
    expect(
        edge.seconds <= LONGER * direct.seconds,
        f"the whole answer in {LONGER * direct.seconds:.1f} s at most (without the edge: {direct.seconds:.1f} s)",
        f"{edge.seconds:.1f} s",
    )


def expect_whole(stream: Stream) -> None:
    """Raises: Mismatch unless as much came through the edge as directly, to the end."""
    direct, edge = _both(stream)
    kind = edge.headers.get("content-type", "")
    expect(kind.startswith("text/event-stream"), "an answer of type text/event-stream", kind or "none")
    expect(edge.done, "a stream to its [DONE]", f"an end after {edge.events} events")
    if direct.tokens is not None:
        expect(edge.tokens == direct.tokens, f"{direct.tokens} tokens, as without the edge", f"{edge.tokens or 'none'}")
    least = EVENTS * direct.events
    expect(edge.events >= least, f"about {direct.events} events, as without the edge", f"{edge.events}")


def _both(stream: Stream) -> tuple[StreamPath, StreamPath]:
    if stream.direct is None or stream.edge is None:
        raise CannotTell("the stream was not asked for in time")
    direct = stream.direct
    if direct.status != 200 or direct.error or not direct.chunks or not direct.events:
        raise CannotTell(f"the engine itself did not stream: {direct.error or direct.status} {direct.detail}".strip())
    return direct, stream.edge


def _one_by_one(direct: StreamPath, edge: StreamPath) -> Iterator[tuple[bool, str, str]]:
    """What tells pieces that flow from gathered ones: whether it holds, what is expected and what is found."""
    coded = f", Content-Encoding {edge.content_encoding}" if edge.content_encoding else ""
    yield (
        _share(edge) >= READS * _share(direct),
        f"about {_share(direct):.1f} reads an event, as without the edge ({direct.reads} for {direct.events})",
        f"{edge.reads} for {edge.events} through the edge{coded}",
    )
    yield (
        _first(edge) <= _latest_first(direct),
        f"the first piece after {_latest_first(direct):.2f} s at most (without the edge: {_first(direct):.2f} s)",
        f"after {_first(edge):.2f} s{coded}",
    )


def _share(path: StreamPath) -> float:
    return path.reads_per_event or 0.0


def _first(path: StreamPath) -> float:
    return path.seconds if path.first_chunk is None else path.first_chunk


def _latest_first(direct: StreamPath) -> float:
    return _first(direct) + FIRST * direct.seconds
