"""The API as it is asked: its kinds, what its answers mean, and the limits of every call against a real server."""

import asyncio
import json
import time

import pytest
from aiohttp import web

from loopback import APPS, CORE, group, kinds, kubeconfig, running, status
from vlab.cluster import execs, kube
from vlab.cluster.kube import Kube, asked
from vlab.cluster.refusals import ApiError, NoAnswer
from vlab.cluster.resources import Resource, by_plural
from vlab.errors import Exit, LabError

SHORT = 0.4


@pytest.fixture
def api():
    with running() as made:
        yield made


@pytest.fixture
def cluster(api, tmp_path):
    return Kube(kubeconfig(tmp_path, api.url), "x")


# The pure parts


@pytest.mark.parametrize(
    ("resource", "arguments", "path"),
    [
        (Resource("Pod", "pods", "v1", True), ("n", "p", "log"), "/api/v1/namespaces/n/pods/p/log"),
        (Resource("Pod", "pods", "v1", True), (), "/api/v1/pods"),
        (Resource("Node", "nodes", "v1", False), (None, "a"), "/api/v1/nodes/a"),
        (Resource("Node", "nodes", "v1", False), ("n", "a"), "/api/v1/nodes/a"),
        (Resource("Deployment", "deployments", "apps/v1", True), ("n",), "/apis/apps/v1/namespaces/n/deployments"),
    ],
)
def test_where_an_object_is_served(resource, arguments, path):
    assert resource.path(*arguments) == path


def test_of_a_group_the_preferred_version_counts_and_of_two_plurals_the_first():
    events = group("events.k8s.io", ("v1", [kinds("Event", "pods"), kinds("Review", "reviews", verbs=["create"])]))
    found = by_plural([CORE, APPS, events])
    assert {(r.plural, r.version) for r in found.values()} == {
        ("pods", "v1"),
        ("namespaces", "v1"),
        ("deployments", "apps/v1"),
    }
    assert not found["namespaces"].namespaced


def test_a_context_that_is_not_there_is_said(tmp_path):
    file = kubeconfig(tmp_path, "http://127.0.0.1:1")
    with pytest.raises(LabError, match="no way to the cluster of context 'other'") as caught:
        _ = Kube(file, "other").client
    assert caught.value.exit_code is Exit.NO_LAB


# Calls


def test_a_list_says_of_each_object_what_it_is(api, cluster):
    api.paths["/api/v1/namespaces/n/pods"] = {"items": [{"metadata": {"name": "p"}}]}
    api.paths["/apis/apps/v1/namespaces/n/deployments"] = {"items": None}
    (found,) = cluster.items("pods,deployments", "n", selector="a=b", fields="c=d")
    assert (found["kind"], found["apiVersion"]) == ("Pod", "v1")
    queries = {path: query for _, path, query, _ in api.asked}
    assert queries["/api/v1/namespaces/n/pods"] == {"labelSelector": "a=b", "fieldSelector": "c=d"}


def test_a_kind_that_this_cluster_does_not_have_is_said(cluster):
    with pytest.raises(LabError, match="this cluster has no x/v1 Y"):
        cluster.resource({"apiVersion": "x/v1", "kind": "Y"})


def test_a_call_that_failed_once_is_looked_at_again(api, cluster):
    api.paths["/x"] = [status(500, "InternalError"), status(429, "TooManyRequests"), {"found": True}]
    assert cluster.read("/x") == {"found": True}
    assert len(api.asked) == 3


@pytest.mark.parametrize(("code", "reason"), [(404, "NotFound"), (403, "Forbidden"), (409, "Conflict")])
def test_what_is_refused_is_asked_once(api, cluster, code, reason):
    api.paths["/x"] = status(code, reason)
    with pytest.raises(ApiError, match="said the API") as caught:
        cluster.read("/x")
    assert (caught.value.status, caught.value.reason) == (code, reason)
    assert len(api.asked) == 1


def test_what_is_not_there_is_none(api, cluster):
    assert cluster.find("pods", "p", "n") is None
    cluster.delete("pods", "p", "n")
    cluster.gone("pods", "p", "n")


def test_a_missing_right_is_named_with_who_can_give_it(api, cluster):
    words = 'pods is forbidden: User "ada" cannot list resource "pods" in API group "" in the namespace "n"'
    api.paths["/api/v1/namespaces/n/pods"] = status(403, "Forbidden", words)
    with pytest.raises(ApiError, match='cannot list resource "pods"') as caught:
        cluster.items("pods", "n")
    assert "ask whoever runs the cluster for this right" in caught.value.hint


def test_a_refusal_that_is_no_json_is_still_one(api, cluster):
    api.paths["/x"] = web.Response(body=b"<html>", status=404)
    with pytest.raises(ApiError, match="Not Found"):
        cluster.read("/x")


def test_an_answer_that_is_no_json_is_none(api, cluster):
    api.paths["/x"] = web.Response(body=b"<html>", status=200)
    with pytest.raises(NoAnswer, match="is not JSON"):
        cluster.read("/x")


def test_where_nobody_listens_nothing_answers(tmp_path):
    cluster = Kube(kubeconfig(tmp_path, "http://127.0.0.1:1"), "x")
    with pytest.raises(NoAnswer, match="does not answer"):
        cluster.request("GET", "/x")
    assert not cluster.answers()


def sending(*pieces, again=False, pause=0.0):
    async def answer(request):
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            for piece in pieces:
                await response.write(piece)
                await asyncio.sleep(pause)
            if not again:
                return response

    return answer


async def hang(request):
    await asyncio.sleep(30)


@pytest.mark.parametrize("behaviour", [hang, sending(b"x", again=True, pause=SHORT / 4)], ids=["hangs", "trickles"])
def test_a_deadline_is_one_of_the_whole_call(api, cluster, behaviour):
    api.paths["/x"] = behaviour
    with pytest.raises(NoAnswer, match=r"did not end in time|does not answer: ReadTimeoutError"):
        cluster.request("GET", "/x", timeout=SHORT)


def test_an_answer_over_the_limit_is_refused_or_kept_to_its_end_as_is_wished(api, cluster):
    api.paths["/x"] = sending(b"x" * 1000, again=True)
    with pytest.raises(NoAnswer, match="an answer of over 5000 bytes"):
        cluster.request("GET", "/x", limit=5000)
    api.paths["/log"] = sending(b"x" * 9000 + b"why it died")
    assert cluster.request("GET", "/log", limit=5000, tail=True) == b"x" * 4989 + b"why it died"


def test_of_a_log_so_much_is_kept_and_no_more(api, cluster):
    api.paths["/api/v1/namespaces/n/pods/p/log"] = sending(b"line\n" * 1000 + b"the last one")
    kept = cluster.logs("n", "p", "c", lines=7, limit=100)
    assert len(kept) == 100
    assert kept.endswith("the last one")
    assert api.asked[-1][2] == {"container": "c", "tailLines": "7", "previous": "false"}


def test_an_object_is_deleted_by_its_uid_if_that_is_known(api, cluster):
    api.paths["/api/v1/namespaces/n/pods/p"] = status(409, "Conflict")
    cluster.delete("pods", "p", "n", uid="u", grace=1)
    body = api.asked[-1][3]
    assert (body["preconditions"], body["gracePeriodSeconds"]) == ({"uid": "u"}, 1)


def test_what_is_replaced_is_the_version_that_was_seen(api, cluster):
    api.paths["/api/v1/namespaces/n/pods/p"] = {"kind": "Pod"}
    new = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n"}}
    cluster.replace(new, {"metadata": {"resourceVersion": "7"}}, dry=True)
    method, _, query, body = api.asked[-1]
    assert (method, query, body["metadata"]["resourceVersion"]) == ("PUT", {"dryRun": "All"}, "7")


def test_the_clock_is_that_of_the_cluster(api, cluster):
    async def version(request):
        return web.json_response({}, headers={"Date": "Thu, 01 Jan 2026 00:00:00 GMT"})

    api.paths["/version"] = version
    assert cluster.now().isoformat() == "2026-01-01T00:00:00+00:00"


# Commands in containers

OK = b'\x03{"status": "Success"}'
FAILED = b'\x03{"status": "Failure", "details": {"causes": [{"reason": "ExitCode", "message": "7"}]}}'
EXEC = "/api/v1/namespaces/n/pods/p/exec"


def commanded(*frames, then=None):
    async def answer(request):
        socket = web.WebSocketResponse(protocols=["v4.channel.k8s.io"])
        await socket.prepare(request)
        for frame in frames:
            await socket.send_bytes(frame)
        if then is not None:
            await then(socket)
        await socket.close()
        return socket

    return answer


async def without_end(socket):
    while not socket.closed:
        await socket.send_bytes(b"\x01" + b"x" * 1000)


def run(cluster, **how):
    return cluster.run("n", "p", "c", ["echo", "a b"], **{"timeout": 20, **how})


def test_a_command_runs_to_its_end(api, cluster):
    heard = []
    api.paths[EXEC] = commanded(b"\x01one\n", b"\x02two\n", b"\x01three\n", OK)
    ran = run(cluster, on_output=heard.append)
    assert (ran.code, ran.stdout, ran.stderr) == (0, "one\nthree\n", "two\n")
    assert "".join(heard) == "one\nthree\n"
    assert api.asked[-1][2]["container"] == "c"


def test_a_command_that_fails_says_its_code(api, cluster):
    api.paths[EXEC] = commanded(FAILED)
    assert run(cluster).code == 7


def test_a_command_that_is_cut_off_has_no_code(api, cluster):
    api.paths[EXEC] = commanded(b"\x01one\n")
    ran = run(cluster)
    assert (ran.code, ran.stdout) == (None, "one\n")


def test_a_command_that_does_not_end_is_left_at_its_deadline(api, cluster):
    api.paths[EXEC] = commanded(b"\x01one\n", then=hang)
    ran = run(cluster, timeout=SHORT)
    assert (ran.code, ran.stdout, ran.stderr) == (None, "one\n", "it did not end in time")


def test_output_without_end_is_cut(api, cluster):
    api.paths[EXEC] = commanded(then=without_end)
    ran = run(cluster, limit=5000)
    assert (ran.code, len(ran.stdout), ran.stderr) == (None, 5000, "more than 5000 bytes")


def test_a_command_that_cannot_be_begun_is_no_answer(api, cluster):
    api.paths[EXEC] = status(403, "Forbidden")
    with pytest.raises(NoAnswer, match="no command can be run in p"):
        run(cluster)


def test_a_handshake_that_does_not_come_is_no_answer(api, cluster):
    api.paths[EXEC] = hang
    with pytest.raises(NoAnswer, match="no command can be run in p"):
        run(cluster, timeout=SHORT)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ('{"metadata":{},"status":"Success"}', 0),
        (
            '{"status":"Failure","message":"command terminated with exit code 3","reason":"NonZeroExitCode",'
            '"details":{"causes":[{"reason":"ExitCode","message":"3"}]}}',
            3,
        ),
        (
            '{"status":"Failure","message":"Internal error occurred: error executing command in container: failed to '
            'exec in container: exec: \\"python3\\": executable file not found in $PATH","reason":"InternalError",'
            '"details":{"causes":[{"message":"error executing command in container"}]},"code":500}',
            127,
        ),
        ('{"status":"Failure","message":"container not found"}', None),
        ("", None),
        ("{", None),
    ],
)
def test_how_a_command_ended(said, code):
    assert execs.ended(said)[0] == code


# Watches

PODS = "/api/v1/namespaces/n/pods"


def stream(*lines, pause=0.0):
    """An answer that goes on: lines, each in a chunk of its own."""

    async def answer(request):
        response = web.StreamResponse()
        await response.prepare(request)
        for line in lines:
            await response.write(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")
            await asyncio.sleep(pause)
        await response.write_eof()
        return response

    return answer


def event(kind, name="p", version="2"):
    found = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "n", "resourceVersion": version},
    }
    return {"type": kind, "object": found}


def test_a_list_says_from_where_on_it_can_be_watched(api, cluster):
    api.paths[PODS] = {"metadata": {"resourceVersion": "7"}, "items": [{"metadata": {"name": "p"}}]}
    found, since = cluster.listed("pods", "n")
    assert ([o["kind"] for o in found], since) == (["Pod"], "7")


def test_a_watch_tells_each_event_as_it_comes_and_ends_when_the_server_ends_it(api, cluster):
    events = [event("ADDED"), event("MODIFIED", version="3"), event("BOOKMARK", version="9")]
    api.paths[PODS] = stream(*events)
    before = asked()
    assert list(cluster.watch("pods", "n", "a=b", since="1", seconds=20)) == events
    query = api.asked[-1][2]
    assert query == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "1",
        "timeoutSeconds": "20",
        "labelSelector": "a=b",
    }
    assert asked()["watches"] == before["watches"] + 1


def test_an_event_that_comes_in_pieces_is_one(api, cluster):
    line = json.dumps(event("ADDED")).encode()
    api.paths[PODS] = stream(line[:10], line[10:], b"\n", pause=0.05)
    assert list(cluster.watch("pods", "n", since="1")) == [event("ADDED")]


def test_an_event_is_told_before_the_next_one_is_there(api, cluster):
    api.paths[PODS] = stream(event("ADDED"), event("DELETED"), pause=1.0)
    began = time.monotonic()
    assert next(cluster.watch("pods", "n", since="1"))["type"] == "ADDED"
    assert time.monotonic() - began < 0.9


@pytest.mark.parametrize("how", ["in the answer", "as the answer"])
def test_a_version_that_is_too_old_is_said_as_gone(api, cluster, how):
    words = "too old resource version: 1 (7)"
    error = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": words}}
    api.paths[PODS] = stream(error) if how == "in the answer" else status(410, "Expired", words)
    with pytest.raises(ApiError, match="too old resource version") as caught:
        list(cluster.watch("pods", "n", since="1"))
    assert caught.value.status == 410


def test_a_watch_of_a_server_that_is_silent_for_too_long_is_no_answer(api, cluster, monkeypatch):
    monkeypatch.setattr(kube, "_SILENT_S", 0.0)
    api.paths[PODS] = stream(event("ADDED"), pause=5.0)
    with pytest.raises(NoAnswer, match="does not answer"):
        list(cluster.watch("pods", "n", since="1", seconds=SHORT))


def test_a_watch_that_breaks_off_is_no_answer(api, cluster):
    async def broken(request):
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(json.dumps(event("ADDED")).encode() + b"\n")
        request.transport.abort()
        return response

    api.paths[PODS] = broken
    with pytest.raises(NoAnswer, match="does not answer"):
        list(cluster.watch("pods", "n", since="1"))


def test_a_watch_that_tells_no_json_or_too_much_is_no_answer(api, cluster, monkeypatch):
    api.paths[PODS] = stream(b"<html>\n")
    with pytest.raises(NoAnswer, match="is not JSON"):
        list(cluster.watch("pods", "n", since="1"))
    monkeypatch.setattr(kube, "_LIMIT", 10)
    api.paths[PODS] = stream(b"x" * 100)
    with pytest.raises(NoAnswer, match="over 10 bytes"):
        list(cluster.watch("pods", "n", since="1"))
