"""The load client against a server of scripted bytes: framing, failures and deadlines of the protocol.

The server below is no engine and stands for none: it sends the bytes that a test gives it, when it gives
them, so that each way in which HTTP and server-sent events can be cut, delayed or broken is met once.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlab.errors import LabError
from vlab.load import sse, workload
from vlab.load.client import Progress, first_model, run_async
from vlab.load.exchange import Target
from vlab.load.result import LoadResult, RequestRecord
from vlab.load.summary import summarise

Piece = bytes | float | asyncio.Event
"""Bytes to send, seconds to wait, or something to wait for."""

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: close\r\n\r\n"
METRICS = (
    'vllm:num_requests_running{engine="0"} 0\nvllm:num_requests_waiting{engine="0"} 0\n'
    'vllm:generation_tokens_total{engine="0"} 5\nvllm:ttft_bucket{le="1"} 5\n'
)


def event(body: object) -> bytes:
    return f"data: {json.dumps(body)}\n\n".encode()


def token(text: str = "word") -> bytes:
    return event({"choices": [{"text": text}]})


USAGE = event({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}})
DONE = b"data: [DONE]\n\n"


def answer(status: str, body: bytes, kind: str = "application/json") -> bytes:
    head = (
        f"HTTP/1.1 {status}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    return "\r\n".join((*head, "", "")).encode() + body


@asynccontextmanager
async def scripted(
    script: Callable[[], Sequence[Piece]],
    seen: list[bytes] | None = None,
    on_get: Callable[[], None] = lambda: None,
) -> AsyncIterator[str]:
    """The URL of a server that answers each POST with `script()`'s pieces, and each GET with METRICS."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"GET"):
                on_get()
                pieces: Sequence[Piece] = [answer("200 OK", METRICS.encode(), "text/plain")]
            else:
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                body = await reader.readexactly(length)
                if seen is not None:
                    seen.append(head + body)
                pieces = script()
            for piece in pieces:
                if isinstance(piece, bytes):
                    writer.write(piece)
                    await writer.drain()
                elif isinstance(piece, asyncio.Event):
                    await piece.wait()
                else:
                    await asyncio.sleep(piece)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def load_of(text: str) -> workload.Workload:
    return workload.parse(text, "test")


def one_request(stream: bool = True, timeout: float = 5.0) -> workload.Workload:
    return load_of(f"""
request_timeout_seconds: {timeout}
classes:
  - name: only
    arrival: {{loop: closed, users: 1}}
    requests: 1
    prompt: {{words: 3}}
    output_tokens: 3
    stream: {str(stream).lower()}
""")


def run(load: workload.Workload, script: Callable[[], Sequence[Piece]], **more: object) -> LoadResult:
    async def go() -> LoadResult:
        async with scripted(script) as url:
            return await run_async(load, Target(url, "m"), **more)  # type: ignore[arg-type]

    return asyncio.run(asyncio.wait_for(go(), 20))


def only(load: workload.Workload, *pieces: Piece) -> RequestRecord:
    (record,) = run(load, lambda: pieces).requests
    return record


def test_a_whole_stream() -> None:
    record = only(one_request(), HEAD, token(), 0.15, token(""), 0.15, token(), USAGE, DONE)
    assert record.error is None
    assert len(record.chunks) == 3
    assert (record.prompt_tokens, record.output_tokens, record.counted) == (7, 3, True)
    assert record.ttft is not None
    assert 0 < record.ttft < record.latency
    assert all(gap > 0.05 for gap in record.gaps)
    assert record.reads >= 3


def test_without_usage_the_chunks_are_counted() -> None:
    record = only(one_request(), HEAD, token(), token(), DONE)
    assert (record.error, record.output_tokens, record.prompt_tokens, record.counted) == (
        None,
        2,
        None,
        False,
    )


def test_the_role_of_a_chat_stream_is_no_token() -> None:
    role = event({"choices": [{"delta": {"role": "assistant", "content": ""}}]})
    word = event({"choices": [{"delta": {"content": "word"}}]})
    record = only(one_request(), HEAD, role, 0.15, word, word, DONE)
    assert len(record.chunks) == 2
    assert record.ttft is not None
    assert record.ttft > 0.14


def test_lines_split_in_the_midst_of_a_character() -> None:
    stream = token("über") + b": a comment\r\n\r\nevent: x\r\n" + token("wört").replace(b"\n", b"\r\n") + DONE
    raw = stream.replace(b"\\u00fc", "ü".encode())
    pieces = [part for i in range(0, len(raw), 9) for part in (raw[i : i + 9], 0.001)]
    record = only(one_request(), HEAD, *pieces)
    assert (record.error, len(record.chunks)) == (None, 2)


@settings(max_examples=40)
@given(st.data())
def test_the_decoder_does_not_care_where_reads_end(data: st.DataObject) -> None:
    texts = data.draw(st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8")), max_size=6))
    raw = "".join(f"data: {t}\n\n" for t in texts).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    decoder = sse.Decoder()
    found = [e for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True) for e in decoder.feed(raw[a:b])]
    assert found == texts


@pytest.mark.parametrize(
    ("pieces", "kind", "words"),
    [
        (
            [HEAD, token(), event({"error": {"message": "engine died", "code": 500}})],
            "stream_error",
            "engine died",
        ),
        ([HEAD, event({"object": "error", "message": "old form"})], "stream_error", "old form"),
        ([HEAD, token(), b"data: {half"], "truncated", "after 1 chunks"),
        ([HEAD, token()], "truncated", "without [DONE]"),
        ([HEAD, DONE], "protocol", "without any output"),
        ([HEAD, b"data: not json\n\n"], "protocol", "not json"),
        ([HEAD, b"data: [1]\n\n"], "protocol", "no JSON object"),
        ([HEAD, b"data: {}\n\n"], "protocol", "without choices"),
        ([HEAD, b"data: \xff\xfe\n\n"], "protocol", "UTF-8"),
        ([HEAD, event({"choices": [1]})], "protocol", "no object"),
        ([HEAD, event({"choices": [], "usage": {"prompt_tokens": "x"}})], "protocol", "usage"),
        ([HEAD, b"data: " + b"x" * 1_200_000], "protocol", "over 1 MiB"),
        ([answer("200 OK", b"<html>hello</html>", "text/html")], "protocol", "text/html came"),
        ([answer("500 Internal Server Error", b"boom", "text/plain")], "http_500", "boom"),
        ([answer("400 Bad Request", b'{"error": {"message": "too long"}}')], "http_400", "too long"),
        ([answer("401 Unauthorized", b'{"error":"Unauthorized"}')], "http_401", "Unauthorized"),
        ([answer("302 Found", b"")], "http_302", "no words"),
        ([answer("503 Service Unavailable", b"\xff\xfe")], "http_503", ""),
        ([b"SSH-2.0-OpenSSH_9.2\r\n"], "protocol", ""),
        ([], "disconnected", ""),
    ],
)
def test_each_failure_has_its_kind(pieces: list[Piece], kind: str, words: str) -> None:
    record = only(one_request(), *pieces)
    assert record.error == kind, record.detail
    assert words in (record.detail or "")
    assert len(record.detail or "") <= 300


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"choices": [{"text": "a"}], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}', None),
        (b'{"error": {"message": "no"}}', "stream_error"),
        (b'{"choices": []}', "protocol"),
        (b"[" * 100_000, "protocol"),
        (b"", "protocol"),
    ],
)
def test_an_answer_that_is_not_streamed(body: bytes, kind: str | None) -> None:
    record = only(one_request(stream=False), answer("200 OK", body))
    assert record.error == kind
    assert record.first_token is None
    assert record.output_tokens == (0 if kind else 3)


@pytest.mark.parametrize(
    "pieces", [[60.0], [HEAD, 60.0], [HEAD, token(), 60.0], [p for _ in range(600) for p in (b":\n\n", 0.02)]]
)
def test_a_server_that_hangs_or_trickles_is_a_timeout(pieces: list[Piece]) -> None:
    record = only(one_request(timeout=0.15), *(pieces if len(pieces) < 9 else [HEAD, *pieces]))
    assert record.error == "timeout"
    assert 0.1 < record.latency < 1.5


def test_the_runs_own_time_ends_everything_and_says_so() -> None:
    load = load_of("""
run_timeout_seconds: 0.2
classes:
  - {name: a, arrival: {loop: closed, users: 2}, requests: 9, prompt: {words: 3}, output_tokens: 3}
""")
    result = run(load, lambda: [60.0])
    assert [r.error for r in result.requests] == ["deadline", "deadline"]
    assert result.not_sent == 7


def test_nobody_listens() -> None:
    async def go() -> LoadResult:
        async with scripted(list) as url:
            pass
        return await run_async(one_request(), Target(url, "m"))

    result = asyncio.run(go())
    assert [r.error for r in result.requests] == ["connect"]
    assert result.metrics == ()
    assert result.metrics_errors["connect"] >= 2
    assert summarise(result).consistency.agrees is None


def overlap(records: Sequence[RequestRecord]) -> int:
    """Most requests in flight at once; one that ends when another begins does not overlap it."""
    steps = sorted([(r.sent, 1) for r in records] + [(r.end, -1) for r in records])
    level = highest = 0
    for _, change in steps:
        level += change
        highest = max(highest, level)
    return highest


def test_a_closed_loop_never_has_more_in_flight_than_users() -> None:
    load = load_of("""
classes:
  - {name: a, arrival: {loop: closed, users: 3}, requests: 9, prompt: {words: 3}, output_tokens: 3}
""")
    result = run(load, lambda: [HEAD, token(), 0.03, token(), DONE])
    assert len(result.requests) == 9
    assert all(r.ok for r in result.requests)
    assert overlap(result.requests) == 3
    assert len({r.index for r in result.requests}) == len(result.requests)


def test_users_of_a_ramp_begin_one_after_the_other() -> None:
    load = load_of("""
classes:
  - name: a
    arrival: {loop: closed, users: 3, ramp_seconds: 0.3}
    requests: 3
    prompt: {words: 3}
    output_tokens: 3
""")
    result = run(load, lambda: [HEAD, token(), DONE])
    first, second, third = sorted(r.sent for r in result.requests)
    assert first < second < third
    assert second >= 0.1
    assert third >= 0.2


def test_the_first_user_of_a_ramp_does_not_wait() -> None:
    load = load_of("""
classes:
  - name: a
    arrival: {loop: closed, users: 2, ramp_seconds: 3000}
    requests: 1
    prompt: {words: 3}
    output_tokens: 3
""")
    result = run(load, lambda: [HEAD, token(), DONE])
    assert [r.ok for r in result.requests] == [True]


def test_an_open_loop_does_not_wait_for_a_slow_server() -> None:
    load = load_of("""
classes:
  - {name: a, arrival: {loop: open, rate: 60}, requests: 8, prompt: {words: 3}, output_tokens: 3}
""")
    came = 0
    all_came = asyncio.Event()

    def script() -> Sequence[Piece]:
        nonlocal came
        came += 1
        if came == 8:
            all_came.set()
        return [all_came, HEAD, token(), DONE]

    result = run(load, script)
    assert [r.ok for r in result.requests] == [True] * 8
    assert overlap(result.requests) == 8  # none is answered before all have come
    assert all(r.intended <= r.sent for r in result.requests)
    assert min(r.end for r in result.requests) >= max(r.sent for r in result.requests)


def test_a_dead_server_is_not_hammered() -> None:
    load = load_of("""
duration_seconds: 0.7
classes:
  - {name: a, arrival: {loop: closed, users: 2}, prompt: {words: 3}, output_tokens: 3}
""")
    result = run(load, lambda: [answer("500 Oops", b"")])
    assert 2 <= len(result.requests) <= 4


def test_metrics_are_sampled_beside_the_load_and_around_it() -> None:
    progress: list[Progress] = []
    reads = 0
    sampled = asyncio.Event()

    def on_get() -> None:
        nonlocal reads
        reads += 1
        if reads == 4:  # one before the load, two beside it that have ended, and this one
            sampled.set()

    async def go() -> LoadResult:
        async with scripted(lambda: [HEAD, token(), sampled, token(), DONE], on_get=on_get) as url:
            return await run_async(one_request(timeout=15), Target(url, "m"), on_progress=progress.append)

    result = asyncio.run(asyncio.wait_for(go(), 20))
    times = [m.time - result.started for m in result.metrics]
    end = result.requests[0].end
    assert result.requests[0].ok
    assert times[0] <= 0
    assert times[-1] >= end
    assert sum(0 < t < end for t in times) >= 2
    buckets = [any("_bucket" in key for key in m.values) for m in result.metrics]
    assert buckets == [True] + [False] * (len(buckets) - 2) + [True]
    assert progress[0].done == 0
    assert progress[-1].done == 1
    assert len(progress) >= 2


def test_what_is_sent() -> None:
    seen: list[bytes] = []

    async def go() -> None:
        async with scripted(lambda: [HEAD, token(), DONE], seen) as url:
            await run_async(one_request(), Target(f"{url}/v1/", "some-model", api_key="s3cret"))

    asyncio.run(go())
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/completions HTTP/1.1")
    assert b"Authorization: Bearer s3cret" in head
    assert b"Accept-Encoding: gzip\r\n" in head
    sent = json.loads(body)
    assert sent["model"] == "some-model"
    assert sent["max_tokens"] == 3
    assert sent["stream"] is True


def test_the_key_is_in_no_record() -> None:
    target = Target("http://127.0.0.1:9", "m", api_key="s3cret")
    result = asyncio.run(run_async(one_request(), target))
    assert "s3cret" not in result.model_dump_json() + repr(target)


def test_classes_can_go_to_different_endpoints() -> None:
    load = load_of("""
classes:
  - {name: a, arrival: {loop: closed, users: 1}, requests: 2, prompt: {words: 3}, output_tokens: 3}
  - {name: b, arrival: {loop: closed, users: 1}, requests: 1, prompt: {words: 3}, output_tokens: 3}
""")
    ones: list[bytes] = []
    others: list[bytes] = []

    async def go() -> LoadResult:
        script = lambda: [HEAD, token(), DONE]  # noqa: E731
        async with scripted(script, ones) as one, scripted(script, others) as other:
            return await run_async(load, Target(one, "m"), per_class={"b": Target(other, "n")})

    result = asyncio.run(go())
    assert (len(ones), len(others)) == (2, 1)
    assert {m.source for m in result.metrics} == {f"{t.base_url}/metrics" for t in result.targets.values()}


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://x", "http://", "http://[", "http://x:99999"])
def test_what_is_no_url_is_said_to_be_none(url: str) -> None:
    with pytest.raises(LabError, match="is not the URL of an endpoint"):
        Target(url, "m")


def test_asking_for_the_model() -> None:
    async def ask(body: bytes | None) -> str:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(body or b"")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        try:
            return await first_model(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        finally:
            server.close()

    def outcome(body: bytes | None) -> Awaitable[str]:
        return ask(body)

    assert asyncio.run(ask(answer("200 OK", b'{"data": [{"id": "tiny"}]}'))) == "tiny"
    for body, words in (
        (answer("401 Unauthorized", b'{"error":"Unauthorized"}'), "wants an API key"),
        (answer("200 OK", b'{"data": []}'), "does not list a model"),
        (answer("200 OK", b"hello"), "does not list a model"),
        (None, "nothing that serves HTTP"),
    ):
        with pytest.raises(LabError, match=words):
            asyncio.run(ask(body))
