"""PageSense's endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sortition.collector.pagesense import wire

if TYPE_CHECKING:
    from starlette.requests import Request

    from sortition.collector.collector import Collector
    from sortition.collector.event import Event


def routes(collector: Collector) -> list[Route]:
    """PageSense's endpoints of a collector; all requests are GET."""
    here = _Endpoints(collector)
    endpoints = {
        "/psfullstacksdk/updateprojectsettings": here.settings,
        "/psfullstacksdk/trackvisitor": here.track_visitor,
        "/psfullstacksdk/trackgoal": here.track_goal,
    }
    return [Route(path, endpoint, methods=["GET"]) for path, endpoint in endpoints.items()]


@dataclass(frozen=True, slots=True)
class _Endpoints:
    collector: Collector

    async def settings(self, request: Request) -> Response:
        """``GET /psfullstacksdk/updateprojectsettings``."""
        project = self.collector.project()
        if project is None:
            detail = "the collector serves no PageSense settings; start it with --settings FILE"
            raise HTTPException(404, detail)
        project.ensure_asked_for(wire.settings_request(request.query_params))
        return Response(project.document, media_type="application/json")

    async def track_visitor(self, request: Request) -> Response:
        """``GET /psfullstacksdk/trackvisitor``."""
        return await self._keep(wire.visitor(request.query_params, self.collector.project()))

    async def track_goal(self, request: Request) -> Response:
        """``GET /psfullstacksdk/trackgoal``."""
        return await self._keep(wire.goal(request.query_params, self.collector.project()))

    async def _keep(self, events: list[Event]) -> Response:
        await self.collector.keep(events)
        # The platform's own client treats an empty response as a failure.
        return JSONResponse({"status": "success"})
