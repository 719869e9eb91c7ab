"""The figures of a measured load that graders compare and reports show: as its users and the engines counted them."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from vlab.evidence.metrics import CACHE, PREEMPTIONS, WAITING, Metrics, percentile
from vlab.evidence.models import CannotTell, Measured, Request


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

    @property
    def classes(self) -> tuple[str, ...]:
        """Whose requests there are, in the order in which they began."""
        return tuple(dict.fromkeys(r.class_name for r in self.requests))

    def of(self, name: str) -> "Traffic":
        """Only the requests of one class."""
        own = tuple(r for r in self.requests if r.class_name == name)
        return Traffic(self.measured.model_copy(update={"requests": own}))

    @property
    def began(self) -> float:
        """Unix time at which the first request was due."""
        return min((r.intended for r in self.requests), default=self.measured.loaded.started)

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
        return max(r.end for r in self.requests) - self.began

    @property
    def tokens_in_per_second(self) -> float:
        """Tokens of the prompts that were answered."""
        return sum(r.prompt_tokens or 0 for r in self.requests if r.ok) / self.seconds

    @property
    def tokens_out_per_second(self) -> float:
        """Tokens of the answers that came whole."""
        return sum(r.output_tokens for r in self.requests if r.ok) / self.seconds

    @property
    def tokens_per_second(self) -> float:
        """Tokens in and out of the requests that were answered."""
        return self.tokens_in_per_second + self.tokens_out_per_second

    @property
    def failed(self) -> int:
        """Requests of which not the whole answer came."""
        if not self.requests:
            raise CannotTell("no request was sent")
        return sum(not r.ok for r in self.requests)

    @property
    def preemptions(self) -> float:
        """Of all engines together."""
        return self.metrics.increase(PREEMPTIONS)

    @property
    def cache(self) -> float:
        """The most that was in use of any engine's KV cache, as a fraction."""
        return self.metrics.max(CACHE)

    @property
    def waited(self) -> float:
        """Request-seconds: how many requests waited in all engines' queues, times how long."""
        total = 0.0
        every = self.metrics.points(WAITING)
        for pod in self.metrics.pods:
            points = [p for p in every if p.pod == pod]
            total += sum(earlier.value * (later.t - earlier.t) for earlier, later in pairwise(points))
        return total


def comparable(before: Traffic, after: Traffic) -> None:
    """Raises: CannotTell unless the same was sent the same way both times, to engines that stayed what they were."""
    same_load(before, after)
    for each, when in ((before, "at the start"), (after, "now")):
        if each.measured.loaded.unsteady:
            raise CannotTell(f"not the same engines to the end of the load {when}: {each.measured.loaded.unsteady}")


def same_load(before: Traffic, after: Traffic) -> None:
    """Raises: CannotTell unless the same was sent the same way both times."""
    if before.measured.loaded.workload != after.measured.loaded.workload:
        raise CannotTell("what was sent at the start was another load than now")
    if before.measured.loaded.via != after.measured.loaded.via:
        raise CannotTell(
            f"the load went by {before.measured.loaded.via} at the start, and by {after.measured.loaded.via} now"
        )
