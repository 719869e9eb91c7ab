"""recommend: a look at the metrics under a load of one's own; what is written of it is judged by the shared checks."""

from vlab.grading import check, expect


@check(
    "load-looked-at",
    points=1,
    help="`vlab load recommend` sends the traffic once more: gauges can be read only while it runs.",
)
def test_load_looked_at(loads, parameters):
    """The traffic was sent once more, to be looked at"""
    expect(loads, "a load that was sent since the start", "none")
    many, users = max(len(load.requests) for load in loads), parameters["users"]
    expect(many >= users, f"a load of {users} requests, as at the start", f"{many}")
