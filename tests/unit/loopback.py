"""A small API server on the loopback, for tests of how one is asked; it knows what a test tells it."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import yaml
from aiohttp import web


def kinds(kind, plural, *, scope="Namespaced", verbs=("list", "get")):
    return {"resource": plural, "responseKind": {"kind": kind}, "scope": scope, "verbs": list(verbs)}


def group(name, *versions):
    return {"metadata": {"name": name}, "versions": [{"version": v, "resources": r} for v, r in versions]}


CORE = group("", ("v1", [kinds("Pod", "pods"), kinds("Namespace", "namespaces", scope="Cluster")]))
APPS = group("apps", ("v1", [kinds("Deployment", "deployments")]), ("v1beta1", [kinds("Old", "olds")]))


class Api:
    """A small API server on the loopback: answers by path, and remembers what it was asked."""

    def __init__(self):
        self.paths = {"/api": {"items": [CORE]}, "/apis": {"items": [APPS]}}
        self.asked = []
        self.loop = asyncio.new_event_loop()
        self.stopped = None

    async def handle(self, request):
        body = await request.text()
        self.asked.append((request.method, request.path, dict(request.query), json.loads(body) if body else None))
        found = self.paths.get(request.path, web.json_response({"message": "none", "reason": "NotFound"}, status=404))
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        if callable(found):
            return await found(request)
        if isinstance(found, dict):
            return web.json_response(found)
        return web.Response(body=found.body, status=found.status, headers={"Content-Type": "application/json"})

    def serve(self, started):
        async def run():
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", self.handle)
            runner = web.AppRunner(app, shutdown_timeout=0.1)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.stopped = asyncio.Event()
            self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
            started.set()
            await self.stopped.wait()
            await runner.cleanup()

        self.loop.run_until_complete(run())
        self.loop.close()


class Collection:
    """Objects of one kind, listed as they are and watched as a test says."""

    def __init__(self, *objects):
        self.objects = list(objects)
        self.events = asyncio.Queue()
        self.lists = 0
        self.since = []

    async def __call__(self, request):
        if "watch" not in request.query:
            self.lists += 1
            return web.json_response({"metadata": {"resourceVersion": "1"}, "items": self.objects})
        self.since.append(request.query["resourceVersion"])
        response = web.StreamResponse()
        await response.prepare(request)
        while (event := await self.events.get()) is not None:
            if event == "abort":
                request.transport.abort()
                break
            await response.write(json.dumps(event).encode() + b"\n")
        return response

    def send(self, api, event):
        """Tell it to who watches; None ends the watch, and "abort" breaks it off."""
        api.loop.call_soon_threadsafe(self.events.put_nowait, event)


def kubeconfig(tmp_path, url):
    file = tmp_path / "kubeconfig"
    file.write_text(
        yaml.safe_dump(
            {
                "clusters": [{"name": "c", "cluster": {"server": url}}],
                "users": [{"name": "u", "user": {"token": "t"}}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "x",
            }
        )
    )
    return file


def status(code, reason, message="said the API"):
    return web.json_response({"kind": "Status", "message": message, "reason": reason}, status=code)


@contextmanager
def running() -> Iterator[Api]:
    """One that runs for the block."""
    made, started = Api(), threading.Event()
    thread = threading.Thread(target=made.serve, args=(started,))
    thread.start()
    started.wait()
    try:
        yield made
    finally:
        made.loop.call_soon_threadsafe(made.stopped.set)
        thread.join()


def until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)
