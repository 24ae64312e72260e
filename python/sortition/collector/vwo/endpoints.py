"""VWO's endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sortition.collector.vwo import wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request

    from sortition.collector.collector import Collector
    from sortition.collector.event import Event

MOST_BODY_BYTES: Final = 10 * 1024 * 1024
"""The most bytes of a request's body."""


def routes(collector: Collector) -> list[Route]:
    """VWO's endpoints of a collector."""
    here = _Endpoints(collector)
    endpoints: dict[str, tuple[str, Callable[[Request], Awaitable[Response]]]] = {
        "/server-side/settings": ("GET", here.settings),
        "/server-side/pull": ("GET", here.settings),
        "/server-side/track-user": ("GET", here.track_user),
        "/server-side/track-goal": ("GET", here.track_goal),
        "/server-side/push": ("GET", here.push),
        "/server-side/batch-events": ("POST", here.batch),
        "/events/t": ("POST", here.event),
    }
    return [
        Route(f"{prefix}{path}", endpoint, methods=[method])
        for path, (method, endpoint) in endpoints.items()
        # Accounts with data in another region prefix the path with a segment.
        for prefix in ("", "/{collection_prefix}")
    ]


@dataclass(frozen=True, slots=True)
class _Endpoints:
    collector: Collector

    async def settings(self, request: Request) -> Response:
        """``GET /server-side/settings`` and ``/server-side/pull``."""
        account = self.collector.account()
        if account is None:
            detail = "the collector serves no VWO settings; start it with --settings FILE"
            raise HTTPException(404, detail)
        query = _query(request)
        account.ensure_asked_for(query.get("a", ""), query.get("i", ""))
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
        events = wire.event(query, await _body(request), self.collector.account())
        return await self._keep(events, query.get("env"))

    async def batch(self, request: Request) -> Response:
        """``POST /server-side/batch-events``."""
        query = _query(request)
        key = request.headers.get("authorization")
        account = self.collector.account()
        needs_key = account is None or account.sdk_key is not None
        if needs_key and (not key or key != query.get("env")):
            raise HTTPException(401, "the Authorization header must be the SDK key")
        try:
            events = wire.batch(query, await _body(request))
        except wire.TooManyEventsError:
            detail = f"a batch takes at most {wire.MOST_EVENTS_OF_A_BATCH} events"
            raise HTTPException(413, detail) from None
        return await self._keep(events, key)

    async def _keep(self, events: list[Event], key: str | None) -> Response:
        account = self.collector.account()
        if account is not None:
            for event in events:
                account.ensure_its_own(event.owner, key or "")
        await self.collector.keep(events)
        return JSONResponse({"status": "success"})


def _query(request: Request) -> Mapping[str, str]:
    return request.query_params


async def _body(request: Request) -> bytes:
    """Read the body.

    Raises:
        HTTPException: The body is too large or incomplete.
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
