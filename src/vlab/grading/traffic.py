"""The figures of a measured load that graders compare: as its users and as the engines counted them."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from vlab.evidence import CannotTell, Measured, Request
from vlab.evidence.metrics import PREEMPTIONS, WAITING, Metrics, percentile
from vlab.grading.check import expect


@dataclass(frozen=True)
class Traffic:
    """One measured load.

    Raises (every figure): CannotTell if nothing was recorded that tells it.
    """

    measured: Measured

    @property
    def requests(self) -> tuple[Request, ...]:
        """In the order in which they were due."""
        return self.measured.requests

    @cached_property
    def metrics(self) -> Metrics:
        """Of every engine that was ready when the load began."""
        return Metrics(self.measured.metrics)

    def of(self, name: str) -> "Traffic":
        """Only the requests of one class."""
        own = tuple(r for r in self.requests if r.class_name == name)
        return Traffic(self.measured.model_copy(update={"requests": own}))

    def ttft(self, percent: int) -> float:
        """A percentile of the time to the first token, in seconds, of the requests that were answered."""
        return percentile((r.ttft for r in self.requests if r.ok), percent)

    @property
    def quickest(self) -> float:
        """The shortest time to a first token, in seconds."""
        return min((r.ttft for r in self.requests if r.ok and r.ttft is not None), default=0.0)

    @property
    def seconds(self) -> float:
        """From when the first request was due to the end of the last."""
        if not self.requests:
            raise CannotTell("no request was sent")
        return max(r.end for r in self.requests) - min(r.intended for r in self.requests)

    @property
    def tokens_per_second(self) -> float:
        """Tokens in and out of the requests that were answered."""
        return sum((r.prompt_tokens or 0) + r.output_tokens for r in self.requests if r.ok) / self.seconds

    @property
    def preemptions(self) -> float:
        """Of all engines together."""
        return self.metrics.increase(PREEMPTIONS)

    @property
    def waited(self) -> float:
        """Request-seconds: how many requests waited in all engines' queues, times how long."""
        total = 0.0
        for pod in self.metrics.pods:
            points = [p for p in self.metrics.points(WAITING) if p.pod == pod]
            total += sum(earlier.value * (later.t - earlier.t) for earlier, later in pairwise(points))
        return total


def comparable(before: Traffic, after: Traffic) -> None:
    """Raises: CannotTell unless the same was sent the same way both times."""
    if before.measured.loaded.workload != after.measured.loaded.workload:
        raise CannotTell("what was sent at the start was another load than now")
    if before.measured.loaded.via != after.measured.loaded.via:
        raise CannotTell(
            f"the load went by {before.measured.loaded.via} at the start, and by {after.measured.loaded.via} now"
        )


def expect_served(before: Traffic, after: Traffic, cap: int | None = None) -> None:
    """Raises: Mismatch if a request is refused, lost or cut short that was served before.

    Args:
        cap: tokens after which an answer may end, as the brief allows it; None if it may not.
    """
    comparable(before, after)
    served = {(r.class_name, r.index) for r in before.requests if r.ok}
    mine = [r for r in after.requests if (r.class_name, r.index) in served or r.index >= _number(before, r)]
    for request in mine:
        name = f"{request.class_name} request {request.index + 1}"
        detail = f"{request.error}: {request.detail or ''}".strip(": ")
        expect(request.ok, f"every request answered, as at the start: {name}", detail)
        wanted = min(request.requested_tokens, cap or request.requested_tokens)
        expect(
            request.output_tokens >= wanted,
            f"{wanted} tokens for {name}, as it was served before",
            f"{request.output_tokens}",
        )
    lost = len(served) - sum((r.class_name, r.index) in served for r in after.requests)
    if after.measured.loaded.not_sent:
        expect(not lost, "every request sent in the time that it took before", f"{after.measured.loaded.not_sent} not")


def _number(traffic: Traffic, request: Request) -> int:
    """How many requests of a class there were: those after them were never served before."""
    return len(traffic.of(request.class_name).requests)


def expect_share(what: str, after: float, before: float, *, most: float, unit: str = "s") -> None:
    """Raises: Mismatch unless a figure is at most a share of what it was at the start."""
    expect(
        after <= most * before,
        f"{what}: at most {most:.0%} of the {before:.2f} {unit} at the start, so {most * before:.2f} {unit}",
        f"{after:.2f} {unit}",
    )


def expect_kept(what: str, after: float, before: float, *, least: float, unit: str) -> None:
    """Raises: Mismatch unless a figure is at least a share of what it was at the start."""
    expect(
        after >= least * before,
        f"{what}: at least {least:.0%} of the {before:.1f} {unit} at the start, so {least * before:.1f} {unit}",
        f"{after:.1f} {unit}",
    )
