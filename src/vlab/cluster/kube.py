"""One cluster's API, asked in this process: every call has a deadline that cancels it and a limit of bytes."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from vlab.cluster import execs, resources
from vlab.cluster.execs import Ran
from vlab.cluster.kubectl import kubectl_path
from vlab.cluster.official import without_models
from vlab.cluster.refusals import ApiError, NoAnswer, refusal
from vlab.cluster.resources import Resource
from vlab.errors import Exit, LabError

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

    from vlab.cluster.lab import Lab

Object = dict[str, Any]
"""A Kubernetes object as its API serves it."""

TIMEOUT_S = 30.0
WATCH_S = 300.0
"""So long the API server holds a watch open; then it is begun anew from where it ended."""
_SILENT_S = 15.0
"""A watch that is open for so much longer has no server any more."""
_LIMIT = 64 << 20
_CONNECTIONS = 64
"""As many are kept for another call; each watch holds one. Of those beyond, urllib3 would complain on stderr."""
_LOOK_AGAIN_S = 15.0
"""An API server that restarts is back by then."""
_PATCHES = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
}


_ASKED: Counter[str] = Counter()
_COUNTING = Lock()


def asked() -> dict[str, int]:
    """How often this process has asked any cluster so far: `calls`, `commands` in containers, `watches`."""
    with _COUNTING:
        return {what: _ASKED[what] for what in ("calls", "commands", "watches")}


def _count(what: str) -> None:
    with _COUNTING:
        _ASKED[what] += 1


def kube(lab: "Lab") -> "Kube":
    """The API of a lab's cluster."""
    return Kube(None if lab.provider == "context" else lab.kubeconfig, lab.context)


@dataclass(frozen=True)
class Kube:
    """A cluster, as one kubeconfig and context name it. `context` empty means the kubeconfig's current one."""

    kubeconfig: Path | None
    context: str

    @property
    def command(self) -> list[str]:
        """kubectl with the flags that make it speak to this cluster and no other, for those who type it."""
        where = ["--kubeconfig", str(self.kubeconfig)] if self.kubeconfig else []
        return [str(kubectl_path()), *where, *(["--context", self.context] if self.context else [])]

    @cached_property
    def client(self) -> "ApiClient":
        """The Python client, imported late.

        Raises:
            LabError: the kubeconfig cannot be read or has no such context.
        """
        without_models()
        from kubernetes import config
        from kubernetes.config import ConfigException

        try:
            made = config.new_client_from_config(
                config_file=str(self.kubeconfig) if self.kubeconfig else None, context=self.context or None
            )
        except (ConfigException, OSError) as e:
            raise LabError(
                f"no way to the cluster of context {self.context!r}: {str(e).splitlines()[0]}",
                "see `kubectl config get-contexts` for the contexts that you have",
                Exit.NO_LAB,
            ) from None
        made.configuration.retries = False
        made.rest_client.pool_manager.connection_pool_kw["retries"] = False
        made.rest_client.pool_manager.connection_pool_kw["maxsize"] = _CONNECTIONS
        return made

    def answers(self, timeout: float = 5) -> bool:
        """Whether the API server says that it is ready."""
        try:
            self.request("GET", "/readyz", timeout=timeout, accept="text/plain")
        except LabError:
            return False
        return True

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Iterable[tuple[str, Any]] = (),
        body: Any = None,
        content: str = "application/json",
        accept: str = "application/json",
        timeout: float = TIMEOUT_S,
        limit: int = _LIMIT,
        tail: bool = False,
    ) -> bytes:
        """One call to its end.

        Args:
            timeout: seconds in all, however slowly the answer trickles.
            limit: bytes that are read at most; what is longer is refused, or kept to its end where `tail` says so.

        Raises:
            ApiError: the API refused.
            NoAnswer: it could not be asked.
        """
        return self._send(method, path, query, body, content, accept, timeout, limit, tail)[0]

    def _send(
        self,
        method: str,
        path: str,
        query: Iterable[tuple[str, Any]] = (),
        body: Any = None,
        content: str = "application/json",
        accept: str = "application/json",
        timeout: float = TIMEOUT_S,
        limit: int = _LIMIT,
        tail: bool = False,
    ) -> tuple[bytes, Mapping[str, str]]:
        _count("calls")
        end = time.monotonic() + timeout
        with self._answer(method, path, query, body, content, accept, timeout) as answer:
            return _read(answer, end, limit, tail), dict(answer.headers)

    @contextmanager
    def _answer(
        self,
        method: str,
        path: str,
        query: Iterable[tuple[str, Any]] = (),
        body: Any = None,
        content: str = "application/json",
        accept: str = "application/json",
        silence: float = TIMEOUT_S,
    ) -> Iterator[Any]:
        """An answer that has begun, to be read in the block; `silence`: seconds without a byte."""
        without_models()
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        try:
            answer = self.client.call_api(
                path,
                method,
                query_params=list(query),
                header_params={"Accept": accept, "Content-Type": content},
                body=body,
                auth_settings=["BearerToken"],
                _preload_content=False,
                _request_timeout=(min(silence, 5.0), silence),
                _return_http_data_only=True,
            )
            try:
                yield answer
            finally:
                answer.close()
        except ApiException as e:
            if not e.status:
                raise NoAnswer(f"the API server does not answer: {e.reason}") from None
            raise refusal(e) from None
        except (HTTPError, OSError) as e:
            raise NoAnswer(f"the API server does not answer: {type(e).__name__}") from None

    def read(self, path: str, query: Iterable[tuple[str, Any]] = (), **how: Any) -> Object:
        """JSON of a GET; one call that failed for a reason that passes is looked at again."""
        wait = wait_exponential(multiplier=0.2, max=2)
        looks = Retrying(
            retry=retry_if_exception_type(_Passing), stop=stop_after_delay(_LOOK_AGAIN_S), wait=wait, reraise=True
        )
        given = list(query)
        try:
            return dict(looks(lambda: json.loads(self._passing(path, given, **how))))
        except _Passing as e:
            raise e.error from None
        except ValueError:
            raise NoAnswer("the API server's answer is not JSON") from None

    def _passing(self, path: str, query: list[tuple[str, Any]], **how: Any) -> bytes:
        try:
            return self.request("GET", path, query=query, **how)
        except NoAnswer as e:
            raise _Passing(e) from None
        except ApiError as e:
            if e.status >= HTTPStatus.INTERNAL_SERVER_ERROR or e.status == HTTPStatus.TOO_MANY_REQUESTS:
                raise _Passing(e) from None
            raise

    def now(self) -> datetime:
        """The cluster's clock, to the second, as the API server dates its answers."""
        _, headers = self._send("GET", "/version", timeout=5)
        return parsedate_to_datetime(headers["Date"]) if "Date" in headers else datetime.now(UTC)

    @cached_property
    def resources(self) -> dict[str, Resource]:
        """Every kind of object that can be listed, by plural; of two groups with one, the first that the API names."""
        roots = [self.read(root, accept=resources.ACCEPT) for root in ("/api", "/apis")]
        return resources.by_plural(group for root in roots for group in root.get("items", ()))

    def resource(self, found: Object) -> Resource:
        """Where an object of this apiVersion and kind is served.

        Raises:
            LabError: nowhere.
        """
        for each in self.resources.values():
            if (each.kind, each.version) == (found["kind"], found["apiVersion"]):
                return each
        kind = f"{found['apiVersion']} {found['kind']}"
        raise LabError(f"this cluster has no {kind}", "take a cluster of a newer Kubernetes", Exit.MACHINE)

    def items(self, plurals: str, namespace: str | None = None, selector: str = "", fields: str = "") -> list[Object]:
        """The objects of one or more kinds ("deployments,pods"), of a namespace or of all."""
        return [o for plural in plurals.split(",") for o in self.listed(plural, namespace, selector, fields)[0]]

    def listed(
        self, plural: str, namespace: str | None = None, selector: str = "", fields: str = ""
    ) -> tuple[list[Object], str]:
        """The objects of one kind, and the resourceVersion from which on a watch tells what happens to them."""
        query = [("labelSelector", selector)] if selector else []
        query += [("fieldSelector", fields)] if fields else []
        of = self.resources[plural]
        answer = self.read(of.path(namespace), query)
        found = [{"apiVersion": of.version, "kind": of.kind, **item} for item in answer.get("items") or ()]
        return found, str(answer.get("metadata", {}).get("resourceVersion", ""))

    def watch(
        self, plural: str, namespace: str | None = None, selector: str = "", *, since: str, seconds: float = WATCH_S
    ) -> Iterator[Object]:
        """What happens to the objects of a kind, as it happens, until the API server ends it after `seconds`.

        The official client's Watch does not fit: it wants a function of one of its models, forgets bookmarks, and
        reads without a limit.

        Args:
            since: the resourceVersion of a list, or of the last event.

        Yields:
            Events: `type` is ADDED, MODIFIED, DELETED or BOOKMARK, which only says how far it is; `object`.

        Raises:
            ApiError: status 410 where `since` is too old: list anew.
            NoAnswer: it could not be begun, or broke off.
        """
        _count("watches")
        query: list[tuple[str, Any]] = [("watch", "true"), ("allowWatchBookmarks", "true"), ("resourceVersion", since)]
        query += [("timeoutSeconds", max(1, round(seconds)))]
        query += [("labelSelector", selector)] if selector else []
        path = self.resources[plural].path(namespace)
        with self._answer("GET", path, query, silence=seconds + _SILENT_S) as answer:
            for line in _lines(answer, _LIMIT):
                try:
                    event = json.loads(line)
                except ValueError:
                    raise NoAnswer("the API server's answer is not JSON") from None
                if event["type"] == "ERROR":
                    said = event["object"]
                    words = f"the cluster refused: {said.get('message', '')}"
                    raise ApiError(words, "watch anew", said.get("code", 0), said.get("reason", ""))
                yield event

    def find(self, plural: str, name: str, namespace: str | None = None) -> Object | None:
        """One object, or None if there is none of this name."""
        try:
            return self.read(self.resources[plural].path(namespace, name))
        except ApiError as e:
            if e.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def create(self, new: Object) -> Object:
        """Make an object.

        Raises:
            ApiError: reason AlreadyExists, Invalid, Forbidden ...
        """
        path = self.resource(new).path(new["metadata"].get("namespace"))
        return dict(json.loads(self.request("POST", path, body=new)))

    def replace(self, new: Object, there: Object, *, dry: bool = False) -> Object:
        """Put a whole object in place of the one that is there; `dry` only says what would come of it.

        Raises:
            ApiError: reason Invalid where a field cannot be changed.
        """
        metadata = {**new["metadata"], "resourceVersion": there["metadata"]["resourceVersion"]}
        path = self.resource(new).path(metadata.get("namespace"), metadata["name"])
        query = [("dryRun", "All")] if dry else []
        return dict(json.loads(self.request("PUT", path, query=query, body={**new, "metadata": metadata})))

    def put(self, new: Object) -> None:
        """Make an object, or replace the one of its name; for what is vlab's own."""
        of = self.resource(new)
        there = self.find(of.plural, new["metadata"]["name"], new["metadata"].get("namespace"))
        self.create(new) if there is None else self.replace(new, there)

    def patch(
        self, plural: str, name: str, patch: Any, namespace: str | None = None, how: str = "merge", part: str = ""
    ) -> None:
        """Change an object, or a part of it such as `status`; `how`: merge, json or strategic."""
        path = self.resources[plural].path(namespace, name, part)
        self.request("PATCH", path, body=patch, content=_PATCHES[how])

    def delete(
        self, plural: str, name: str, namespace: str | None = None, *, uid: str = "", grace: int | None = None
    ) -> None:
        """Begin to delete an object with what it made; what is not there is no error.

        Args:
            uid: only the object that has it, not a later one of its name.
        """
        options: Object = {"propagationPolicy": "Foreground"}
        options |= {"preconditions": {"uid": uid}} if uid else {}
        options |= {} if grace is None else {"gracePeriodSeconds": grace}
        try:
            self.request("DELETE", self.resources[plural].path(namespace, name), body=options)
        except ApiError as e:
            if e.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
                raise

    def gone(self, plural: str, name: str, namespace: str | None = None, timeout: float = 120) -> None:
        """Wait until an object is not there.

        Raises:
            LabError: it still is after `timeout` seconds.
        """
        end = time.monotonic() + timeout
        while self.find(plural, name, namespace) is not None:
            if time.monotonic() > end:
                raise LabError(
                    f"{plural} {name} is still there after {timeout:.0f} s",
                    f"`vlab kubectl get {plural} {name} -o yaml` shows which finalizer it waits for",
                    Exit.NO_LAB,
                )
            time.sleep(0.2)

    def logs(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        previous: bool = False,
        lines: int = 5000,
        limit: int = 2 << 20,
    ) -> str:
        """The end of a container's log: so many lines, so many bytes at most."""
        query = [("container", container), ("tailLines", lines), ("previous", str(previous).lower())]
        path = self.resources["pods"].path(namespace, pod, "log")
        return self.request("GET", path, query=query, accept="*/*", limit=limit, tail=True).decode(errors="replace")

    def run(
        self,
        namespace: str,
        pod: str,
        container: str,
        command: Iterable[str],
        *,
        timeout: float,
        limit: int = 1 << 20,
        on_output: Callable[[str], None] | None = None,
    ) -> Ran:
        """Run a command in a container to its end, its deadline or the limit of its output.

        Raises:
            NoAnswer: it could not be begun.
        """
        _count("commands")
        path = self.resources["pods"].path(namespace, pod, "exec")
        return execs.run(self.client, path, container, command, timeout, limit, on_output)


class _Passing(Exception):
    """A failure that may pass by itself."""

    def __init__(self, error: LabError) -> None:
        super().__init__(error.message)
        self.error = error


def _read(answer: Any, end: float, limit: int, tail: bool) -> bytes:
    body = bytearray()
    while piece := answer.read1(1 << 16):
        body += piece
        if time.monotonic() > end:
            raise NoAnswer("the API server's answer did not end in time")
        if len(body) > limit and not tail:
            raise NoAnswer(f"an answer of over {limit} bytes")
        del body[:-limit]
    return bytes(body)


def _lines(answer: Any, limit: int) -> Iterator[bytes]:
    """The lines of an answer that goes on, as they come; none is longer than `limit` bytes."""
    rest = b""
    while piece := answer.read1(1 << 16):
        *lines, rest = (rest + piece).split(b"\n")
        yield from filter(None, lines)
        if len(rest) > limit:
            raise NoAnswer(f"an answer of over {limit} bytes")
