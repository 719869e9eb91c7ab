"""load-test: a load of several at once that went through, figures that agree with it, goodput, and its limits."""

from vlab.evidence.metrics import LATENCY, SUCCESS
from vlab.grading import CannotTell, check, expect

NOTE = "load-test.md"
REQUESTS = 8
AT_ONCE = 2.0
"""Requests under way at a time, on average, of a load that is sent at once; one after the other makes less than one."""
CLOSE = 0.05
"""Of a figure so much may be lost to rounding, or to a client that counts a little otherwise."""
ROUNDED_S = 0.005
"""Of a latency that is told in hundredths of a second."""
LATE_S = 0.5
"""What a client may see later than its engine: the way there and back, and a tunnel in it."""
FEW = (
    r"\b(few|small|little|short|single|once|one run|repeat|warm|eight|ten|sixteen|\d+ (requests|questions)|wenig|pocas)"
)
UNREAL = r"real|produc|traffic|users|mix|length|arriv|steady|\bcpu|\bgpu|simulat|hardware|tunnel|laptop|machine"


@check(
    "load-sent",
    points=2,
    help="`vlab load eight-prompts`, or `vlab load record -- COMMAND` for a script of your own: both are kept.",
)
def test_load_sent(loads):
    """Eight requests or more were sent at once, and all were answered"""
    expect(loads, "a load that was kept with this exercise", "none")
    reasons = [reason for reason in map(_lacking, loads) if reason]
    expect(len(reasons) < len(loads), f"{REQUESTS} requests at once, all answered", "; ".join(reasons[-2:]))


@check(
    "figures-agree",
    points=3,
    needs=["load-sent"],
    help="All figures are of one load: throughput is requests divided by elapsed time, and p95 is among the slowest.",
)
def test_figures_agree(loads, written):
    """The noted figures are those of a load that was sent, by its users' clock and by the engine's counters"""
    note = written.note(NOTE)
    load = _noted(loads, note)
    elapsed, mean = note.seconds("elapsed seconds"), note.seconds("mean latency seconds")
    _expect_near("requests per second", note.number("requests per second"), note.number("requests") / elapsed)
    by_engine = load.metrics.average(LATENCY)
    expect(
        (1 - CLOSE) * by_engine <= mean <= (1 + CLOSE) * by_engine + LATE_S,
        f"a mean latency like the engine's own, {by_engine:.2f} s",
        f"{mean:.2f} s",
    )
    _expect_p95(load, note.seconds("p95 latency seconds"))
    longest = _span(load)
    slowest = load.seconds if load.requests else _bounds(load, 1.0)[0]
    expect(
        (1 - CLOSE) * slowest <= elapsed <= longest + LATE_S,
        f"from {slowest:.2f} to {longest:.2f} s elapsed",
        f"{elapsed:.2f} s",
    )
    if load.requests:
        _expect_near("elapsed seconds", elapsed, load.seconds)
        _expect_near("mean latency seconds", mean, sum(_latencies(load)) / len(load.requests))


@check(
    "goodput-right",
    points=2,
    needs=["figures-agree"],
    help="Count the answers that took at most as long as your objective says, and divide by the elapsed seconds.",
)
def test_goodput_right(loads, written):
    """Goodput follows from the objective and from how long each answer took"""
    note = written.note(NOTE)
    load = _noted(loads, note)
    objective, good = note.seconds("objective seconds"), note.number("requests within the objective")
    expect(objective > 0, "an objective of more than 0 seconds", f"{objective:g}")
    least, most = _within(load, objective)
    is_so = f"{least:g}" if least == most else f"{least:g} to {most:g}"
    expect(least <= good <= most, f"{is_so} answers within {objective:g} s", f"{good:g}")
    _expect_near("goodput per second", note.number("goodput per second"), good / note.seconds("elapsed seconds"))


@check(
    "limits-explained",
    points=1,
    help="How much was sent, how often, and in what is it unlike what real users send to the hardware of production?",
)
def test_limits_explained(written):
    """The note says why this is a functional test and no benchmark"""
    wanted = {"how little was sent": FEW, "in what it is not like real traffic on real hardware": UNREAL}
    written.note(NOTE).reasons("benchmark", wanted)


def _counted(load):
    return load.metrics.increase(SUCCESS)


def _lacking(load):
    """Why a load is none of several at once, in words; empty if it is one."""
    failed = [r for r in load.requests if not r.ok]
    if failed:
        return f"{len(failed)} of {len(load.requests)} failed, the first by {failed[0].error}"
    counted = _counted(load)
    if counted < REQUESTS:
        return f"the engine counted {counted:g} requests"
    at_once = load.metrics.average(LATENCY) * counted / (load.seconds if load.requests else _span(load))
    return "" if at_once >= AT_ONCE else f"of {counted:g} requests {at_once:.1f} were under way at a time"


def _span(load):
    """Seconds from the first look at the engine's counters to the last."""
    times = [s.t for s in load.measured.metrics]
    return max(times) - min(times)


def _noted(loads, note):
    """The newest load that has as many requests as are noted."""
    told = note.number("requests")
    own = [load for load in loads if not _lacking(load)]
    found = [load for load in own if abs(_counted(load) - told) <= 1]  # another one's question may be among them
    counts = ", ".join(f"{_counted(load):g}" for load in own)
    expect(found, f"as many requests as the engine counted of a kept load: {counts}", f"{told:g}")
    load = found[-1]
    if load.measured.loaded.unsteady:
        raise CannotTell(f"not the same engines to the end of the load: {load.measured.loaded.unsteady}")
    return load


def _expect_near(name, told, is_so):
    expect(abs(told - is_so) <= CLOSE * is_so + 0.01, f"{name}: {is_so:.2f}", f"{told:g}")


def _latencies(load):
    return sorted(r.latency for r in load.requests)


def _expect_p95(load, told):
    """With few values it is one of the slowest, and which depends on who rounds how."""
    if load.requests:
        took = _latencies(load)
        low, high = took[max(0, int(len(took) * 0.95) - 1)], took[-1]
    else:
        low, high = _bounds(load, max(1, int(_counted(load) * 0.95)) / _counted(load))
        high = max(high, _bounds(load, 1.0)[1])
    expect(
        (1 - CLOSE) * low <= told <= (1 + CLOSE) * high + (0 if load.requests else LATE_S),
        f"p95 latency seconds from {low:.2f} to {high:.2f}",
        f"{told:.2f}",
    )


def _bounds(load, share):
    """The bucket of the engine's own latencies that this share of the requests ends in."""
    buckets = load.metrics.buckets(LATENCY)
    below = 0.0
    for bound, count in buckets:
        if count >= share * buckets[-1][1] - 1e-9:
            return below, bound
        below = bound
    return below, below


def _within(load, objective):
    """How many answers took at most so long: at least and at most, as far as it is known."""
    if load.requests:
        took = _latencies(load)
        return sum(t <= objective - ROUNDED_S for t in took), sum(t <= objective + ROUNDED_S for t in took)
    buckets = load.metrics.buckets(LATENCY)
    least = max((count for bound, count in buckets if bound <= objective - LATE_S), default=0)
    most = min((count for bound, count in buckets if bound >= objective), default=buckets[-1][1])
    return least, most
