"""cache-saturated: under the same load the cache holds what is asked of it, and nobody pays for that."""

from vlab.grading import CannotTell, check
from vlab.grading.traffic import expect_kept, expect_served, expect_share

SHOWS = 4
"""Preemptions of a load that a cache was too small for, at least."""


@check(
    "preemptions-gone",
    points=3,
    needs=["server-ready", "safeguards"],
    help="vllm:num_preemptions_total counts requests that lost their place in the KV cache and began again.",
)
def test_preemptions_gone(before, after):
    """Hardly a request loses its place in the cache any more"""
    if before.preemptions < SHOWS:
        raise CannotTell(f"the load of the start caused {before.preemptions:g} preemptions only")
    expect_share("preemptions under the load", before, after, lambda t: t.preemptions, most=0.5, unit="")


@check(
    "queue-drains",
    points=2,
    needs=["server-ready", "safeguards"],
    help="vllm:num_requests_waiting, and how long it stays up: a burst may wait a moment, not most of the time.",
)
def test_queue_drains(before, after):
    """Requests wait in the queue for half of the time"""
    expect_share("requests waiting, times seconds", before, after, lambda t: t.waited, most=0.5, unit="request-seconds")


@check(
    "first-token-sooner",
    points=3,
    needs=["server-ready", "safeguards"],
    help="The slowest readers wait for others to give their place in the cache free: find what that place is.",
)
def test_first_token_sooner(before, after):
    """The slowest readers see their first token in two thirds of the time"""
    expect_share("time to first token, p95", before, after, lambda t: t.ttft(95), most=0.65)


@check(
    "throughput-kept",
    points=1,
    needs=["server-ready", "safeguards"],
    help="A queue is also short where less is done: compare the tokens a second, in and out.",
)
def test_throughput_kept(before, after):
    """As many tokens a second as before, in and out"""
    expect_kept("tokens in and out", before, after, lambda t: t.tokens_per_second, least=0.6, unit="a second")


@check(
    "all-served",
    points=2,
    needs=["server-ready", "safeguards"],
    help="Who is turned away does not wait either. What was answered before must be, to its end.",
)
def test_all_served(before, after, parameters):
    """Nobody is refused or cut short who was served before"""
    expect_served(before, after, cap=parameters["shown"])
