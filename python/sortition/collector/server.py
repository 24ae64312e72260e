"""The collector's HTTP server: both platforms' endpoints, and the report."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from typing import TYPE_CHECKING, Final

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sortition.collector.collector import Collector, Served
from sortition.collector.event import MalformedError, RefusedError
from sortition.collector.pagesense import endpoints as pagesense
from sortition.collector.report import report
from sortition.collector.store import IN_MEMORY, Store
from sortition.collector.vwo import endpoints as vwo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

MOST_URL_BYTES: Final = 1024 * 1024
"""The most bytes of a URL. PageSense's events are URLs that contain every attribute."""

_MOST_HEADER_BYTES: Final = 64 * 1024
_BACKLOG: Final = 2048
_STOP_S: Final = 30.0


def application(collector: Collector) -> Starlette:
    """The ASGI application of a collector."""

    async def report_on_all(_request: Request) -> Response:
        account, project = collector.account(), collector.project()
        counts = await run_in_threadpool(collector.store.counts)
        text = json.dumps(report(counts, account, project), indent=2)
        return Response(text, media_type="application/json")

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(
        routes=[
            Route("/report.json", report_on_all, methods=["GET"]),
            Route("/healthz", health, methods=["GET"]),
            *pagesense.routes(collector),
            *vwo.routes(collector),
        ],
        middleware=[Middleware(_BoundedUrls)],
        exception_handlers={
            HTTPException: _answer_http_error,
            MalformedError: _answer_malformed,
            RefusedError: _answer_refused,
        },
    )


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket. Port 0 chooses a free port.

    Raises:
        OSError: The address is not available.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY, which avoids delays of small responses, only if the protocol is
    # given.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # Clients can connect from now on; they wait until the server runs.
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
def running(*settings: Path, database: str = IN_MEMORY) -> Iterator[str]:
    """Run a collector in a thread of this process, on a free port of the loopback.

    Args:
        settings: The settings files to serve, at most one of each platform.
        database: The path of the database for the events.

    Yields:
        The collector's base URL.
    """
    store = Store(database)
    try:
        server = _server(Collector(store, Served.of(settings)))
        listener = listen("127.0.0.1", 0)
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
            application(collector),
            # httptools, uvicorn's default if it is installed, does not limit the length of a URL.
            http="h11",
            h11_max_incomplete_event_size=MOST_URL_BYTES + _MOST_HEADER_BYTES,
            lifespan="off",
            log_level="warning",
            access_log=False,
        )
    )


class _BoundedUrls:
    """Refuses URLs that are too long."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if len(scope["raw_path"]) + len(scope["query_string"]) <= MOST_URL_BYTES:
            return await self._app(scope, receive, send)
        answer = _answer(414, f"the URL has more than {MOST_URL_BYTES} bytes")
        return await answer(scope, receive, send)


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
