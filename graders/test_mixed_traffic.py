"""mixed-traffic: chat answers soon while batch runs, and batch gets what was agreed."""

from vlab.grading import CannotTell, check
from vlab.grading.traffic import expect_kept, expect_served, expect_share

SUFFERS = 3.0
"""Times what a chat request takes to its first token when it is the quickest of the load: so much p95 was, at least."""


@check(
    "chat-first-token",
    points=5,
    needs=["server-ready", "safeguards"],
    help="Look at what a chat request waits for while reports are read in: time to first token by class, in the load's "
    "report.",
)
def test_chat_first_token(before, after):
    """Chat sees its first token in half the time while batch runs"""
    was = before.of("chat")
    if was.ttft(95) < SUFFERS * was.quickest:
        raise CannotTell(f"at the start chat did not suffer: p95 {was.ttft(95):.2f} s, at best {was.quickest:.2f} s")
    expect_share("time to first token of chat, p95", before, after, lambda t: t.of("chat").ttft(95), most=0.5)


@check(
    "batch-kept",
    points=3,
    needs=["server-ready", "safeguards"],
    help="Batch has a contract as well: a third of the tokens a second that it had, in and out.",
)
def test_batch_kept(before, after):
    """Batch keeps the throughput that was agreed"""
    was, now = before.of("batch"), after.of("batch")
    expect_kept("tokens of batch, in and out", was, now, lambda t: t.tokens_per_second, least=0.33, unit="a second")


@check(
    "all-served",
    points=2,
    needs=["server-ready", "safeguards"],
    help="Who is turned away does not wait either. Every request of both classes is answered, to its end.",
)
def test_all_served(before, after):
    """Nobody is refused or cut short who was served before"""
    expect_served(before, after)
