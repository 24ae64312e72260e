"""The collector's HTTP side: the platform's endpoints, and the report."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sortition.collector import wire
from sortition.collector.account import SettingsFile
from sortition.collector.event import MalformedError, RefusedError
from sortition.collector.report import report
from sortition.collector.store import IN_MEMORY, Store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from pathlib import Path

    from starlette.requests import Request

    from sortition.collector.account import Account
    from sortition.collector.event import Event

MOST_BODY_BYTES: Final = 10 * 1024 * 1024
"""The size beyond which a body is refused."""

_BACKLOG: Final = 2048
_STOP_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Collector:
    """What the endpoints share.

    Attributes:
        store: Where events are kept.
        settings_file: The settings file that is served. None: none is served, and events of every
            account are taken.
    """

    store: Store
    settings_file: SettingsFile | None = None

    def account(self) -> Account | None:
        """The account of the settings file.

        Raises:
            HTTPException: The file cannot be used now.
        """
        if self.settings_file is None:
            return None
        try:
            return self.settings_file.account()
        except (OSError, ValueError) as error:
            detail = f"the settings file cannot be used: {error}"
            raise HTTPException(503, detail) from error

    async def settings(self, request: Request) -> Response:
        """``GET /server-side/settings`` and ``/server-side/pull``."""
        account = self.account()
        if account is None:
            raise HTTPException(404, "no settings file is served; start with --settings")
        account.ensure_its_own(_query(request).get("a", ""), _query(request).get("i", ""))
        return Response(account.document, media_type="application/json")

    async def track_user(self, request: Request) -> Response:
        """``GET /server-side/track-user``."""
        query = _query(request)
        return await self._keep([wire.classic_visitor(query)], query.get("env"))

    async def track_goal(self, request: Request) -> Response:
        """``GET /server-side/track-goal``."""
        query = _query(request)
        return await self._keep([wire.classic_conversion(query)], query.get("env"))

    async def push(self, request: Request) -> Response:
        """``GET /server-side/push``."""
        query = _query(request)
        return await self._keep(wire.classic_push(query), query.get("env"))

    async def event(self, request: Request) -> Response:
        """``POST /events/t``."""
        query = _query(request)
        events = wire.event(query, await _body(request), self.account())
        return await self._keep(events, query.get("env"))

    async def batch(self, request: Request) -> Response:
        """``POST /server-side/batch-events``."""
        query = _query(request)
        key = request.headers.get("authorization")
        if not key or key != query.get("env"):
            raise HTTPException(401, "the Authorization header must be the SDK key")
        return await self._keep(wire.batch(query, await _body(request)), key)

    async def report(self, _request: Request) -> Response:
        """``GET /report.json``."""
        account = self.account()
        counts = await run_in_threadpool(self.store.counts)
        return Response(
            json.dumps(report(counts, account), indent=2), media_type="application/json"
        )

    async def health(self, _request: Request) -> Response:
        """``GET /healthz``."""
        return JSONResponse({"status": "ok"})

    async def _keep(self, events: list[Event], key: str | None) -> Response:
        account = self.account()
        if account is not None:
            for event in events:
                account.ensure_its_own(event.account, key or "")
        await run_in_threadpool(self.store.add, events)
        return JSONResponse({"status": "success"})


def application(collector: Collector) -> Starlette:
    """The ASGI application of a collector."""
    endpoints: dict[str, tuple[str, Callable[[Request], Awaitable[Response]]]] = {
        "/server-side/settings": ("GET", collector.settings),
        "/server-side/pull": ("GET", collector.settings),
        "/server-side/track-user": ("GET", collector.track_user),
        "/server-side/track-goal": ("GET", collector.track_goal),
        "/server-side/push": ("GET", collector.push),
        "/server-side/batch-events": ("POST", collector.batch),
        "/events/t": ("POST", collector.event),
    }
    routes = [
        Route("/report.json", collector.report, methods=["GET"]),
        Route("/healthz", collector.health, methods=["GET"]),
    ]
    for path, (method, endpoint) in endpoints.items():
        routes.append(Route(path, endpoint, methods=[method]))
        # An account whose data reside elsewhere puts a segment in front.
        routes.append(Route(f"/{{collection_prefix}}{path}", endpoint, methods=[method]))
    return Starlette(
        routes=routes,
        exception_handlers={
            HTTPException: _answer_http_error,
            MalformedError: _answer_malformed,
            RefusedError: _answer_refused,
            wire.TooManyEventsError: _answer_too_many,
        },
    )


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes any free one.

    Raises:
        OSError: The address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named so that asyncio knows to send small answers without delay.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # From here on a client may connect; it is answered as soon as the server runs.
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def url_of(listener: socket.socket) -> str:
    """The base URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(collector: Collector, listener: socket.socket) -> None:
    """Serve until the process is interrupted or terminated."""
    _server(collector).run(sockets=[listener])


@contextlib.contextmanager
def running(settings_path: Path | None = None, database: str = IN_MEMORY) -> Iterator[str]:
    """Run a collector in a thread of this process, on a free port of the loopback.

    Yields:
        Its base URL.
    """
    store = Store(database)
    try:
        listener = listen("127.0.0.1", 0)
        settings_file = None if settings_path is None else SettingsFile(settings_path)
        server = _server(Collector(store, settings_file))
        thread = threading.Thread(
            target=server.run, args=([listener],), name="sortition-collector", daemon=True
        )
        thread.start()
        try:
            yield url_of(listener)
        finally:
            server.should_exit = True
            thread.join(_STOP_S)
            listener.close()
    finally:
        store.close()


def _server(collector: Collector) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            application(collector), lifespan="off", log_level="warning", access_log=False
        )
    )


def _query(request: Request) -> Mapping[str, str]:
    return request.query_params


async def _body(request: Request) -> bytes:
    """The body, unless it is too large.

    Raises:
        HTTPException: It is.
    """
    too_large = HTTPException(413, f"the body has more than {MOST_BODY_BYTES} bytes")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > MOST_BODY_BYTES:
        raise too_large
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BODY_BYTES:
                raise too_large
    except ClientDisconnect:
        raise HTTPException(400, "the body ends too early") from None
    return bytes(body)


def _answer(status: int, reason: str) -> Response:
    return JSONResponse({"error": reason}, status_code=status)


async def _answer_http_error(_request: Request, error: Exception) -> Response:
    status, detail = (
        (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "")
    )
    return _answer(status, detail)


async def _answer_malformed(_request: Request, error: Exception) -> Response:
    return _answer(400, str(error))


async def _answer_refused(_request: Request, error: Exception) -> Response:
    return _answer(403, str(error))


async def _answer_too_many(_request: Request, _error: Exception) -> Response:
    return _answer(413, f"a batch takes at most {wire.MOST_EVENTS_OF_A_BATCH} events")
