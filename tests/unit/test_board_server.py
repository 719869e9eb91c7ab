"""A board on a port of the loopback, asked by real clients."""

import asyncio
import json
import re
import socket
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
import pytest

import made_class
from loopback import until
from vlab.classroom.board import numbers, server
from vlab.classroom.board.server import Board, address
from vlab.classroom.board.sources import Disk
from vlab.classroom.board.state import Check, Room, Seen, Trouble, Wall
from vlab.cli import run
from vlab.errors import Exit, LabError
from vlab.model import Verdict

ANYWHERE = "0.0.0.0"  # noqa: S104
PATHS = ["/", "/board.css", "/board.js", "/state.json", "/events"]


class Told:
    """A source that says what a test says."""

    def __init__(self):
        self.loop = None
        self.queue = asyncio.Queue()

    async def news(self):
        self.loop = asyncio.get_running_loop()
        while True:
            yield await self.queue.get()

    def say(self, news):
        self.loop.call_soon_threadsafe(self.queue.put_nowait, news)


class Served:
    """A board that runs in a thread."""

    def __init__(self, board, told, port):
        self.board, self.told, self.port = board, told, port
        self.url = f"http://127.0.0.1:{port}"
        self.bearer = {"Authorization": f"Bearer {board.token}"}
        self.client = httpx.Client(base_url=self.url, timeout=20, verify=False)  # noqa: S501

    def get(self, path="/", **known):
        return self.client.get(path, **known)

    @contextmanager
    def listening(self, **headers):
        """The events, as a browser hears them: id, name and data of each."""
        with self.client.stream("GET", "/events", headers={**self.bearer, **headers}) as response:
            assert response.headers["content-type"] == "text/event-stream"
            yield _events(response.iter_lines())


def _events(lines):
    event = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            event[name] = value.removeprefix(" ")
        elif "data" in event:
            yield event.get("id"), event["event"], json.loads(event["data"] or "null")
            event = {}


@contextmanager
def serving(wall, names=(), sources=()):
    told = Told()
    board = Board(wall, [told, *sources], names)
    ports, ended = [], []

    def serve():
        async def run():
            task = asyncio.current_task()
            ended.append((asyncio.get_running_loop(), task))
            await board.run("127.0.0.1", 0, ports.append)

        with asyncio.Runner() as runner, suppress(asyncio.CancelledError):
            runner.run(run())

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        until(lambda: ports and told.loop)
        yield Served(board, told, ports[0])
    finally:
        loop, task = ended[0]
        loop.call_soon_threadsafe(task.cancel)
        thread.join()


@pytest.fixture
def of(tmp_path, monkeypatch):
    monkeypatch.setenv("VLAB_STATE", str(tmp_path))
    return made_class.made(5)


@pytest.fixture
def served(of):
    with serving(Wall(of), ("board.school.edu",)) as found:
        yield found


def seen(learner, *verdicts, **known):
    checks = tuple(Check(f"c{i}", f"Check {i}", v, 1) for i, v in enumerate(verdicts))
    return Seen(learner.slug, "shm-missing", datetime.now(UTC), "grading", checks=checks, **known)


@pytest.mark.parametrize("path", [*PATHS, "/nothing"])
@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer x"}, {"Authorization": "Bearer ü"}, {"Cookie": "vlab-board=x"}]
)
def test_who_has_no_token_is_told_so_in_words(served, path, headers):
    refused = served.get(path, headers={k: v.encode() for k, v in headers.items()})
    assert (refused.status_code, refused.headers["content-type"]) == (401, "text/plain; charset=utf-8")
    assert "Paste the whole address" in refused.text and "Traceback" not in refused.text


def test_a_wrong_token_opens_nothing_and_sets_nothing(served):
    for given in ("", "x", served.board.token[:-1], served.board.token + "x", "%FF", "ü"):
        refused = served.get(f"/?token={given}")
        assert refused.status_code == 401 and "set-cookie" not in refused.headers


def test_the_token_goes_from_the_address_into_a_cookie(served):
    where = urlsplit(address("127.0.0.1", served.port, served.board.token))
    entered = served.get(f"{where.path}?{where.query}&zoom=2")
    assert (entered.status_code, entered.headers["location"]) == (303, "/?zoom=2")
    kept = entered.headers["set-cookie"]
    assert all(word in kept for word in ("HttpOnly", "SameSite=Strict", "Path=/"))
    page = served.get("/")
    assert page.status_code == 200 and "<h1" in page.text
    assert served.get("/state.json").json()["class"] == "spring"


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example/", "/%2F/evil.example"])
def test_an_address_with_the_token_leads_nowhere_else(served, path):
    with socket.create_connection(("127.0.0.1", served.port)) as line:
        line.sendall(
            f"GET {path}?token={served.board.token} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        said = b"".join(iter(lambda: line.recv(4096), b"")).decode()
    where = re.search(r"(?im)^location: (.*)\r$", said)
    assert where is None or where[1] == "/"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", PATHS)
def test_it_can_only_be_read(served, method, path):
    refused = served.client.request(method, path, headers=served.bearer)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", PATHS)
def test_head_says_what_get_does_without_a_body(served, path):
    told = served.client.head(path, headers=served.bearer)
    assert told.status_code == 200 and told.content == b""


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200), ("localhost:80", 200), ("127.0.0.1", 200), ("[::1]:8000", 200),
        ("board.school.edu", 200), ("BOARD.school.edu:8000", 200),
        ("evil.example", 421), ("localhost.evil.example", 421), ("10.0.0.1", 421), ("2130706433", 421), ("", 421),
        ("board.school.edu@evil.example", 421), ("[::1", 421), ("127.0.0.1.", 200),
    ],
)  # fmt: skip
def test_it_answers_by_its_own_names_alone(served, host, status):
    assert served.get("/", headers={**served.bearer, "Host": host}).status_code == status


@pytest.mark.parametrize("path", ["/", "/state.json", "/nothing", "/?token=x"])
def test_every_answer_has_headers_that_keep_the_page_to_itself(served, path):
    told = served.get(path, headers=served.bearer).headers
    assert told["content-security-policy"].startswith("default-src 'self'")
    assert "unsafe" not in told["content-security-policy"]
    assert told["x-content-type-options"] == "nosniff" and told["cache-control"] == "no-store"
    assert told["referrer-policy"] == "no-referrer" and told["server"] == "vlab"


def test_a_change_is_told_without_being_asked_for(served, of):
    ana = of.learners[0]
    with served.listening() as events:
        _, kind, state = next(events)
        assert kind == "state" and len(state["rows"]) == 5
        assert state["rows"]["1"] == {"number": 1, "label": ana.name, "slug": ana.slug, "state": "not started"}
        served.told.say(seen(ana, Verdict.FAIL, Verdict.PASS))
        _, kind, patch = next(events)
        assert kind == "change" and patch["rows"].keys() == {"1"}
        assert (patch["rows"]["1"]["passed"], patch["rows"]["1"]["of"]) == (1, 2)
        served.told.say(Room(waiting=2))
        assert next(events)[2]["room"]["waiting"]["words"] == "2 pods wait for room"


def test_a_page_that_comes_back_gets_what_it_missed_or_everything(served, of):
    ana = of.learners[0]
    with served.listening() as events:
        first = next(events)[0]
        served.told.say(seen(ana, Verdict.FAIL))
        next(events)
        served.told.say(seen(ana, Verdict.PASS))
        last = next(events)[0]
    with served.listening(**{"Last-Event-ID": first}) as events:
        missed = [next(events) for _ in range(2)]
        assert [kind for _, kind, _ in missed] == ["change", "change"] and missed[-1][0] == last
    for stale in ("x", "", "1-1", f"{last.partition('-')[0]}-99", f"{last.partition('-')[0]}-²", f"{last}{'0' * 5000}"):
        with served.listening(**{"Last-Event-ID": stale.encode()}) as events:
            _, kind, state = next(events)
            assert kind == "state" and state["rows"]["1"]["state"] == "solved"


def test_hidden_names_are_in_no_byte(of):
    now = datetime.now(UTC)
    for each in of.learners:
        made_class.begin(of, each, "shm-missing", now - timedelta(minutes=20))
        made_class.record(of, each, "shm-missing", "faulty", now - timedelta(minutes=15))
    wall = Wall(of, numbers=numbers.numbers(of))
    secret = [word.encode() for each in of.learners for word in (each.name, each.slug, each.key)]
    heard = []
    with serving(wall, sources=[Disk(of)]) as served:
        until(lambda: b"stuck" in served.get("/state.json", headers=served.bearer).content)
        heard += [served.get(path, headers=served.bearer) for path in ("/", "/board.js", "/board.css", "/state.json")]
        raw = b"".join(str(r.headers).encode() + r.content for r in heard)
        with served.client.stream("GET", "/events", headers=served.bearer) as events:
            lines = events.iter_lines()
            for each in of.learners:
                served.told.say(seen(each, Verdict.PASS, moving=f"pod of {each.name}"))
            served.told.say(Trouble("cluster", f"{of.namespace(of.learners[0])} is gone"))
            told = ""
            while "terminal" not in told:
                told += next(lines)
        raw += told.encode()
    assert b"Learner 5" in raw
    assert [word for word in secret if word in raw] == []


def test_a_page_that_takes_nothing_is_cut_off_and_others_hear_on(served, of, monkeypatch):
    monkeypatch.setattr(server, "GATHER_S", 0)
    ana = of.learners[0]
    hub = served.board.hub
    with socket.socket() as slow, served.listening() as events:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", served.port))
        slow.sendall(
            f"GET /events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {served.board.token}\r\n\r\n".encode()
        )
        until(lambda: len(hub.pages) == 2)
        said = 0
        while len(hub.pages) == 2:
            said += 1
            served.told.say(seen(ana, Verdict.PASS, moving=f"{said}" + "x" * 100_000))
            while next(events)[2].get("rows", {}).get("1", {}).get("moving", "").partition("x")[0] != str(said):
                pass
            assert said < 1000, "it was never cut off"
        taken = 0
        with suppress(ConnectionResetError):
            while raw := slow.recv(1 << 16):
                taken += len(raw)
        assert taken < said * 100_000


def test_pages_that_close_are_forgotten(served):
    with served.listening() as events:
        next(events)
        assert len(served.board.hub.pages) == 1
    until(lambda: not served.board.hub.pages)


def test_more_pages_than_it_can_serve_are_refused_in_words(served, monkeypatch):
    monkeypatch.setattr(server, "MOST_PAGES", 1)
    with served.listening() as events:
        next(events)
        refused = served.get("/events", headers=served.bearer)
        assert refused.status_code == 503 and "Close some" in refused.text


def test_garbage_is_answered_and_others_hear_on(served, of, capfd):
    for raw in (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"x" * 70000):
        with socket.create_connection(("127.0.0.1", served.port)) as line:
            line.sendall(raw)
            line.shutdown(socket.SHUT_WR)
            line.recv(4096)
    with served.listening() as events:
        assert next(events)[1] == "state"
    assert "Traceback" not in capfd.readouterr().err


def test_the_board_ends_while_a_page_listens(of):
    with serving(Wall(of)) as served:
        line = served.listening()
        events = line.__enter__()
        next(events)
    with pytest.raises(httpx.HTTPError):
        next(events)


def test_a_port_that_is_taken_is_said_in_one_line(of):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(LabError, match=f"cannot listen on 127.0.0.1, port {port}: ") as refused:
            asyncio.run(Board(Wall(of), []).run("127.0.0.1", port, lambda _: None))
    assert refused.value.exit_code is Exit.MACHINE and "--port 0" in refused.value.hint


@pytest.mark.parametrize(
    ("known", "where"),
    [
        (("127.0.0.1", 80, "t"), "http://127.0.0.1:80/?token=t"),
        ((ANYWHERE, 80, "t"), "http://localhost:80/?token=t"),
        (("::1", 80, "t"), "http://[::1]:80/?token=t"),
        ((ANYWHERE, 80, "t", ("board.school.edu",)), "http://board.school.edu:80/?token=t"),
    ],
)
def test_the_address_that_is_printed(known, where):
    assert address(*known) == where


def test_an_address_that_is_not_here_is_said_in_one_line(of, capsys):
    assert run(["class", "board", "--host", "192.0.2.1"]) == Exit.MACHINE
    assert "cannot listen on 192.0.2.1, port 0: " in capsys.readouterr().err


def test_the_command_refuses_a_class_that_is_not_there(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VLAB_STATE", str(tmp_path))
    assert run(["class", "board"]) == Exit.NO_LAB
    assert "there is no class" in capsys.readouterr().err
