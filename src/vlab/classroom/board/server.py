"""Serves a board: a page, its state, and what changes of it. Whoever has the token may read, and nobody may more."""

import asyncio
import hashlib
import hmac
import ipaddress
import json
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.resources import files
from urllib.parse import urlsplit

from aiohttp import web

from vlab import ui
from vlab.classroom.board.sources import Source
from vlab.classroom.board.state import BoardState, News, Trouble, View, Wall, changes, view, with_news
from vlab.errors import Exit, LabError

TICK_S = 5.0
"""So often it is looked whose minutes have grown."""
GATHER_S = 0.1
"""What comes together is sent together."""
BEAT_S = 15.0
RETRY_MS = 2000
MOST_WAITING = 64
"""Changes that a page has not taken; one that takes so few is cut off, and comes back for the whole state."""
MOST_KEPT = 256
"""Changes that are remembered for pages that come back."""
MOST_PAGES = 200
STALLED_S = 20.0
"""So long one piece may take to leave."""

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "vlab",
}
_ASSETS = {"/": "board.html", "/board.css": "board.css", "/board.js": "board.js"}
_STATE, _EVENTS = "/state.json", "/events"
_PLACES = {*_ASSETS, _STATE, _EVENTS}
_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ANYWHERE = ("0.0.0.0", "::")  # noqa: S104

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Page:
    """An open page, and what it has not taken yet.

    Args:
        line: in which all is sent; it ends when it is cut.
    """

    def __init__(self, line: asyncio.Timeout) -> None:
        self._line = line
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(MOST_WAITING)
        self._is_cut = False

    def put(self, raw: bytes) -> None:
        """Something for it to take; if it has taken too little, it is cut off instead."""
        try:
            self._waiting.put_nowait(raw)
        except asyncio.QueueFull:
            self.cut()

    def cut(self) -> None:
        """End it now."""
        self._is_cut = True
        self._line.reschedule(0)

    async def send(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        """Write the next piece.

        Raises:
            TimeoutError: from the line; it was cut, or does not take the piece.
        """
        raw = await self._waiting.get()
        self._end_in(STALLED_S)
        await write(raw)
        self._end_in(None)

    def _end_in(self, seconds: float | None) -> None:
        if not self._is_cut:
            self._line.reschedule(None if seconds is None else asyncio.get_running_loop().time() + seconds)


class Hub:
    """The state now, the view of it that was told last, and the pages that it is told to."""

    def __init__(self, wall: Wall, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._wall, self._now = wall, now
        self._state = BoardState()
        self.shown: View = view(self._state, wall, now())
        self._born = secrets.token_hex(4)
        self._number = 0
        self._kept: deque[bytes] = deque(maxlen=MOST_KEPT)
        self.pages: set[Page] = set()
        self._news = asyncio.Event()

    def hear(self, news: News) -> None:
        """Something new; it is told soon."""
        self._state = with_news(self._state, news)
        self._news.set()

    def tell(self) -> None:
        """Send what has changed to every page; nothing if nothing has."""
        new = view(self._state, self._wall, self._now())
        patch = changes(self.shown, new)
        if not patch:
            return
        self.shown = new
        self._number += 1
        raw = self._event("change", patch)
        self._kept.append(raw)
        for page in self.pages:
            page.put(raw)

    def greeting(self, last: str = "") -> bytes:
        """What a page needs that last heard the event of this id: what it missed, or everything."""
        known = [self._id(number) for number in range(self._number - len(self._kept), self._number + 1)]
        if last in known:
            return b"".join(list(self._kept)[known.index(last) :])
        return self._event("state", self.shown)

    def _event(self, name: str, data: View) -> bytes:
        return f"id: {self._id(self._number)}\nevent: {name}\ndata: {compact(data)}\n\n".encode()

    def _id(self, number: int) -> str:
        return f"{self._born}-{number}"

    async def go_on(self, source: Source) -> None:
        """Hear all news of a source."""
        async for each in source.news():
            if isinstance(each, Trouble) and each.words:
                ui.say(each.words, style="yellow")
            self.hear(each)

    async def keep_telling(self) -> None:
        """Tell news soon, and minutes as they pass."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), TICK_S)
            self._news.clear()
            self.tell()
            await asyncio.sleep(GATHER_S)

    async def keep_beating(self) -> None:
        """Show pages that the line is not dead."""
        while True:
            await asyncio.sleep(BEAT_S)
            for page in self.pages:
                page.put(b"event: beat\ndata:\n\n")

    def end(self) -> None:
        """Cut every page off."""
        for page in self.pages:
            page.cut()


class Board:
    """A board behind an address.

    Args:
        names: by which browsers may call it, besides localhost and the address that they come in by.
    """

    def __init__(self, wall: Wall, sources: Sequence[Source], names: Sequence[str] = (), token: str = "") -> None:
        self.hub = Hub(wall)
        self.token = token or secrets.token_urlsafe(24)
        self._sources = sources
        self._names = {each.lower() for each in names}
        self._cookie = f"vlab-board-{hashlib.sha256(self.token.encode()).hexdigest()[:8]}"
        folder = files("vlab.classroom.board") / "assets"
        self._assets = {path: (folder / name).read_bytes() for path, name in _ASSETS.items()}

    def app(self) -> web.Application:
        """What answers."""
        app = web.Application(middlewares=[self._guard])
        app.on_response_prepare.append(_with_headers)
        app.on_shutdown.append(self._end)
        for path in _ASSETS:
            app.router.add_get(path, self._asset)
        app.router.add_get(_STATE, self._state)
        app.router.add_get(_EVENTS, self._events)
        return app

    async def run(self, host: str, port: int, ready: Callable[[int], None]) -> None:
        """Serve for ever; `ready` is told the port.

        Raises:
            LabError: nobody may listen there.
        """
        runner = web.AppRunner(self.app(), access_log=None, shutdown_timeout=1.0, handler_cancellation=True)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port)
            try:
                await site.start()
            except OSError as e:
                raise _not_there(host, port, e) from None
            ready(int(runner.addresses[0][1]))
            heard = (self.hub.go_on(source) for source in self._sources)
            await asyncio.gather(*heard, self.hub.keep_telling(), self.hub.keep_beating())
        finally:
            await runner.cleanup()

    async def _end(self, _: web.Application) -> None:
        self.hub.end()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse whoever came by another name, wants to do more than read, or has no token."""
        if not self._is_called(request):
            return _said(
                HTTPStatus.MISDIRECTED_REQUEST, "This board has another name. Open the address that it printed."
            )
        if request.method not in ("GET", "HEAD"):
            refused = _said(HTTPStatus.METHOD_NOT_ALLOWED, "This board can only be read.")
            refused.headers["Allow"] = "GET, HEAD"
            return refused
        if "token" in request.query:
            return self._entered(request)
        if not self._is_known(request):
            return _unknown("This board is for those who have its address with the token.")
        try:
            return await handler(request)
        except web.HTTPNotFound:
            return _said(HTTPStatus.NOT_FOUND, "There is nothing here. The board is at /.")

    def _is_called(self, request: web.Request) -> bool:
        try:
            name = (urlsplit(f"//{request.headers.get('Host', '')}").hostname or "").rstrip(".")
        except ValueError:
            return False
        here = request.get_extra_info("sockname")
        return name in _LOOPBACK or name in self._names or (here is not None and _same_address(name, here[0]))

    def _is_known(self, request: web.Request) -> bool:
        kind, _, bearer = request.headers.get("Authorization", "").partition(" ")
        given = bearer if kind.lower() == "bearer" else request.cookies.get(self._cookie, "")
        return self._is_right(given)

    def _is_right(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(errors="replace"), self.token.encode())

    def _entered(self, request: web.Request) -> web.Response:
        """The token goes from the address into a cookie: the address is there for all to see on the wall."""
        if not self._is_right(request.query["token"]):
            return _unknown("This token is not, or no longer, this board's.")
        there = request.path if request.path in _PLACES else "/"
        kept = request.rel_url.without_query_params("token").raw_query_string
        location = f"{there}?{kept}" if kept else there
        entered = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": location})
        entered.set_cookie(self._cookie, self.token, httponly=True, samesite="Strict", path="/")
        return entered

    async def _asset(self, request: web.Request) -> web.Response:
        kind = _TYPES[_ASSETS[request.path].rpartition(".")[2]]
        return web.Response(body=self._assets[request.path], content_type=kind, charset="utf-8")

    async def _state(self, _: web.Request) -> web.Response:
        return web.Response(text=compact(self.hub.shown), content_type="application/json")

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if len(self.hub.pages) >= MOST_PAGES:
            return _said(HTTPStatus.SERVICE_UNAVAILABLE, f"{MOST_PAGES} pages are open already. Close some.")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        try:
            async with asyncio.timeout(None) as line:
                page = Page(line)
                greeting = self.hub.greeting(request.headers.get("Last-Event-ID", ""))
                page.put(f"retry: {RETRY_MS}\n\n".encode() + greeting)
                self.hub.pages.add(page)
                try:
                    while True:
                        await page.send(response.write)
                finally:
                    self.hub.pages.discard(page)
        except (TimeoutError, ConnectionError):
            if request.transport is not None:
                request.transport.abort()  # what waits in its buffer is of no use to anybody
        return response


def address(host: str, port: int, token: str, names: Sequence[str] = ()) -> str:
    """What is to be opened in a browser."""
    called = names[0] if names else "localhost" if host in _ANYWHERE else host
    bracketed = f"[{called}]" if ":" in called else called
    return f"http://{bracketed}:{port}/?token={token}"


def is_loopback(host: str) -> bool:
    """Whether only browsers on this machine reach it there."""
    return host in _LOOPBACK


def compact(data: View) -> str:
    """JSON in one line."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def _said(status: HTTPStatus, sentence: str) -> web.Response:
    return web.Response(status=status, text=f"{sentence}\n")


def _unknown(sentence: str) -> web.Response:
    where = "Paste the whole address that `vlab class board` printed when it was started last."
    refused = _said(HTTPStatus.UNAUTHORIZED, f"{sentence} {where}")
    refused.headers["WWW-Authenticate"] = "Bearer"
    return refused


async def _with_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)


def _same_address(name: str, here: str) -> bool:
    """An address is no name: whoever owns names cannot make it lead elsewhere."""
    try:
        return ipaddress.ip_address(name) == ipaddress.ip_address(here)
    except ValueError:
        return False


def _not_there(host: str, port: int, error: OSError) -> LabError:
    reason = error.strerror or str(error)
    return LabError(
        f"cannot listen on {host}, port {port}: {reason}",
        "--port 0 takes a free one; --host is an address of this machine",
        Exit.MACHINE,
    )
