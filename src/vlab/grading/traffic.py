"""What graders expect of a measured load, against the one of the start."""

from collections.abc import Callable

from vlab.evidence import Request
from vlab.evidence.traffic import Traffic, comparable, same_load
from vlab.grading.check import expect


def expect_served(before: Traffic, after: Traffic, cap: int | None = None) -> None:
    """Raises: Mismatch if a request is refused, lost or cut short that was served before.

    Args:
        cap: tokens after which an answer may end, as the brief allows it; None if it may not.
    """
    same_load(before, after)  # an engine that does not outlive the load has answered for itself
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


def expect_share(
    what: str, before: Traffic, after: Traffic, figure: Callable[[Traffic], float], *, most: float, unit: str = "s"
) -> None:
    """Raises: Mismatch unless a figure is at most a share of what it was at the start."""
    comparable(before, after)
    was, now = figure(before), figure(after)
    expect(
        now <= most * was,
        f"{what}: at most {most:.0%} of the {was:.2f} {unit} at the start, so {most * was:.2f} {unit}".rstrip(),
        f"{now:.2f} {unit}".rstrip(),
    )


def expect_kept(
    what: str, before: Traffic, after: Traffic, figure: Callable[[Traffic], float], *, least: float, unit: str
) -> None:
    """Raises: Mismatch unless a figure is at least a share of what it was at the start."""
    comparable(before, after)
    was, now = figure(before), figure(after)
    expect(
        now >= least * was,
        f"{what}: at least {least:.0%} of the {was:.1f} {unit} at the start, so {least * was:.1f} {unit}",
        f"{now:.1f} {unit}",
    )
