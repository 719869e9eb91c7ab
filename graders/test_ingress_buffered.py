"""ingress-buffered: through the edge tokens arrive one by one, as they leave the engine."""

from vlab.grading import CannotTell, check, expect
from vlab.grading.streaming import expect_flow, expect_whole, gathered
from vlab.grading.views import image_name


@check(
    "edge-kept",
    needs=["server-ready"],
    help="Clients send to Service `edge`, and the edge's own log is what the company bills by: nginx stays in the way.",
)
def test_edge_kept(edge, serving, start, evidence):
    """The way through nginx is kept"""
    expect(not edge.strangers, f"only pods of this namespace behind {edge.name}", ", ".join(edge.strangers))
    expect(edge.pods, f"a ready pod behind Service {edge.name}", "none" if edge.service else "no such Service")
    past = sorted(name for name in edge.pods if edge.ports[name] == serving.ports.get(name))
    expect(not past, f"nginx behind {edge.name}", f"the engine itself, {', '.join(past)}")
    was = {
        image_name(c)
        for o in start
        if o["kind"] == "Deployment" and o["metadata"]["name"] == evidence.header.promised.edge
        for c in o["spec"]["template"]["spec"]["containers"]
    }
    for name, pod in edge.pods.items():
        images = {image_name(c) for c in pod["spec"]["containers"]}
        expect(images & was, f"nginx of {', '.join(sorted(was))} in {name}", ", ".join(sorted(images)))


@check(
    "tokens-flow",
    points=6,
    needs=["edge-kept", "safeguards"],
    help="`curl --no-buffer` shows when pieces arrive: ask the engine itself, then the edge, as browsers do, with "
    "`Accept-Encoding: gzip`, and compare.",
)
def test_tokens_flow(stream, stream_before):
    """Tokens arrive one by one through the edge, as they do without it"""
    if not gathered(stream_before):
        raise CannotTell("at the start nothing was gathered on its way")
    expect_flow(stream)


@check(
    "stream-whole",
    points=2,
    needs=["edge-kept", "safeguards"],
    help="An answer that is asked for as a stream comes as events, to its [DONE].",
)
def test_stream_whole(stream):
    """The whole answer comes, as a stream"""
    expect_whole(stream)
