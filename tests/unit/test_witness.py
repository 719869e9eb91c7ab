"""What the witness says of real servers on the loopback that misbehave: each costs bounded time and memory."""

import asyncio
import contextlib
import json
import socket

import aiohttp
import pytest

import making
from vlab.witness import api, reference
from vlab.witness.http import LIMIT, as_object, exchange

SHORT = 0.3
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"


def said(value, status=b"200 OK"):
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return (WHOLE % (len(text), text)).replace(b"200 OK", status)


async def refused_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.asynccontextmanager
async def server(answer):
    """A server whose answer to a request (its path and body) is bytes, or comes from a coroutine with the writer."""

    async def connected(reader, writer):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next((int(x.split(":")[1]) for x in head.splitlines() if x.lower().startswith("content-len")), 0)
            body = json.loads(await reader.readexactly(length)) if length else None
            given = answer(head.split()[1], body)
            if isinstance(given, bytes):
                writer.write(given)
                await writer.drain()
            else:
                await given(writer)
        writer.close()

    made = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{made.sockets[0].getsockname()[1]}"
    finally:
        made.close()


def exchanged(answer, timeout=SHORT):
    async def run():
        async with server(answer) as url, aiohttp.ClientSession() as session:
            return await exchange(session, "GET", f"{url}/x", timeout=timeout)

    return asyncio.run(run())


async def hang(writer):
    await asyncio.sleep(30)


async def trickle(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(SHORT / 2)


async def trickled_head(writer):
    for byte in b"HTTP/1.1 200 OK\r\n" * 100:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(SHORT / 2)


async def endless(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def endless_head(writer):
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: " + b"x" * 4096 + b"\r\n")
        await writer.drain()


async def cut(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
    await writer.drain()


async def nothing(writer):
    await writer.drain()


def test_an_answer_is_passed_on_with_its_status():
    found = exchanged(lambda *_: said(b"busy", b"503 Busy"), timeout=20)
    assert (found["status"], found["body"], found["error"]) == (503, "busy", "")


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (hang, "timeout"),
        (trickle, "timeout"),
        (trickled_head, "timeout"),
        (endless_head, "garbage"),
        (nothing, "cut"),
    ],
)
def test_what_does_not_answer_is_told_apart(behaviour, kind):
    found = exchanged(lambda *_: behaviour, timeout=SHORT if kind == "timeout" else 20)
    assert found["error"] == kind
    assert found["detail"]


def test_garbage_is_an_answer_that_is_none():
    assert exchanged(lambda *_: b"\x00\x01 this is no HTTP\r\n\r\n", timeout=20)["error"] == "garbage"


def test_an_answer_without_end_is_read_up_to_the_limit():
    found = exchanged(lambda *_: endless, timeout=20)
    assert (found["error"], len(found["body"])) == ("endless", LIMIT)


def test_an_answer_that_breaks_off_was_cut():
    found = exchanged(lambda *_: cut, timeout=20)
    assert (found["status"], found["error"]) == (200, "cut")


def test_a_redirect_is_not_followed():
    found = exchanged(lambda *_: b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", timeout=20)
    assert found["status"] == 302


def exchanged_at(url):
    async def run():
        async with aiohttp.ClientSession() as session:
            return await exchange(session, "GET", url, timeout=20)

    return asyncio.run(run())["error"]


def test_nobody_listens_and_no_such_name_are_two_things():
    assert exchanged_at(f"http://127.0.0.1:{asyncio.run(refused_port())}/") == "refused"
    assert exchanged_at("http://nobody.invalid/") == "unknown-name"


@pytest.mark.parametrize("text", ["", "[1]", "null", "{", "<html>", "[" * 100_000, "9" * 10_000], ids=lambda t: t[:9])
def test_what_is_no_json_object_is_an_empty_one(text):
    assert as_object(text) == {}


class Engine:
    """A small server that speaks as the engine does, and counts."""

    def __init__(self, **how):
        self.asked = 0
        self.how = how
        self.questions = []

    def __call__(self, path, body):
        if path in self.how:
            return self.how[path] if callable(self.how[path]) else said(self.how[path])
        if path == "/v1/models":
            return said({"data": [{"id": making.MODEL, "max_model_len": 2048}]})
        if path == "/metrics":
            count = 0 if self.how.get("still") else self.asked
            lines = [f'{name}{{model="m",engine="{e}"}} {count / 2}' for name in api.COUNTERS for e in "01"]
            return said("\n".join(["# HELP x", "python_gc 1.0", *lines]).encode())
        self.asked += 1
        self.questions.append(body)
        choice = {"text": " a", "prompt_token_ids": [1, 2], "token_ids": [3]}
        usage = {"prompt_tokens": 2, "completion_tokens": 1}
        return said({"model": making.MODEL, "choices": [choice], "usage": usage})


def heard(engine, weights=""):
    async def run():
        events = []
        async with server(engine) as url:
            given = {"services": [url], "pods": {"a": url}, "model": making.MODEL, "prompts": ["p", "q", "r"]}
            given |= {"max_tokens": 1, "api_key": None, "weights": weights}
            await api.ask(given, lambda **event: events.append(event))
        return events

    return asyncio.run(run())


def kinds(events):
    return [e["kind"] for e in events]


def test_an_engine_is_asked_through_the_service_and_pod_by_pod_and_its_counters_around_that():
    engine = Engine()
    events = heard(engine)
    assert kinds(events) == ["models", "counters", "answer", "answer", "answer"]
    counters = events[1]
    assert set(counters["before"].values()) == {0.0}
    assert set(counters["after"].values()) == {3.0}
    assert counters["after"].keys() == set(api.COUNTERS)
    assert [(a["pod"], a["prompt"], a["text"], a["output_tokens"]) for a in events[2:]] == [
        ("", "p", " a", 1),
        ("", "q", " a", 1),
        ("a", "r", " a", 1),
    ]
    assert [a["tokens"] for a in events[2:]] == [[[1, 2], [3]]] * 3


def test_questions_are_put_at_temperature_0_with_a_fixed_number_of_tokens():
    engine = Engine()
    heard(engine)
    assert {(q["temperature"], q["max_tokens"], q["ignore_eos"]) for q in engine.questions} == {(0, 1, True)}


def test_canned_text_is_heard_and_its_counters_do_not_rise(monkeypatch):
    monkeypatch.setattr(api, "_COUNTED_S", SHORT)
    events = heard(Engine(still=True))
    assert [a["text"] for a in events if a["kind"] == "answer"] == [" a"] * 3
    (counters,) = [e for e in events if e["kind"] == "counters"]
    assert counters["after"] == counters["before"]


@pytest.mark.parametrize("metrics", [b"", b"garbage", b"<html>", b'vllm:request_success_total{x="1"} NaN?'])
def test_an_engine_without_counters_has_none(monkeypatch, metrics):
    monkeypatch.setattr(api, "_COUNTED_S", SHORT)
    (counters,) = [e for e in heard(Engine(**{"/metrics": metrics})) if e["kind"] == "counters"]
    assert (counters["before"], counters["after"]) == ({}, {})


@pytest.mark.parametrize("number", ["1.2.3", "-", "e", "1e999"])
def test_a_counter_that_is_no_number_is_none(monkeypatch, number):
    monkeypatch.setattr(api, "_COUNTED_S", SHORT)
    text = f"vllm:request_success_total {number}\nvllm:generation_tokens_total 1.0".encode()
    (counters,) = [e for e in heard(Engine(**{"/metrics": text})) if e["kind"] == "counters"]
    assert counters["before"] == {"vllm:generation_tokens_total": 1.0}


def test_an_endpoint_that_wants_a_key_is_asked_no_further():
    events = heard(lambda *_: said({"error": "no key"}, b"401 Unauthorized"))
    assert [(e["kind"], e["status"]) for e in events] == [("models", 401)]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        [],
        {"choices": "x", "usage": 3},
        {"choices": []},
        {"choices": [3]},
        {"choices": {"a": 1}},
        {"choices": 7},
        {"choices": [{"text": "", "token_ids": ["x"], "prompt_token_ids": [1]}]},
        {"choices": [{"text": "", "token_ids": [1] * 9, "prompt_token_ids": [1]}]},
        {"choices": [{"text": "\ud800", "token_ids": [], "prompt_token_ids": [1]}], "model": "\udfff"},
        {"choices": [{"text": 7, "token_ids": "x", "prompt_token_ids": [1]}], "usage": {"completion_tokens": "many"}},
        b"not json",
    ],
    ids=str,
)
def test_wrong_json_is_an_answer_without_text(monkeypatch, wrong):
    monkeypatch.setattr(api, "_COUNTED_S", SHORT)
    answers = [e for e in heard(Engine(**{"/v1/completions": wrong})) if e["kind"] == "answer"]
    assert [a["status"] for a in answers] == [200] * 3
    assert [a["tokens"] for a in answers] == [[]] * 3
    assert {a["output_tokens"] for a in answers} == {None}
    assert {a["text"] for a in answers} <= {"", "7", "?"}


def test_a_reference_that_is_not_there_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(reference, "SOCKET", str(tmp_path / "no.sock"))
    (said_,) = [e for e in heard(Engine(), weights="/models/m") if e["kind"] == "reference"]
    assert said_["gaps"] == []
    assert "FileNotFoundError" in said_["unavailable"]
