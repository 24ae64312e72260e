"""A Starlette service with an experiment: it shows a variation, and tracks what users do.

Its user storage is async, and each event is sent within its call, which awaits the answer.
"""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from sortition import vwo

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request


class Records:
    """A user storage of the service's own; a real one would ask its database here."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], dict[str, Any]] = {}

    async def get(self, user_id: str, campaign_key: str) -> dict[str, Any] | None:
        """The record of this user and campaign."""
        return self._records.get((user_id, campaign_key))

    async def set(self, record: dict[str, Any]) -> None:
        """Keep a record."""
        self._records[record["userId"], record["campaignKey"]] = record


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Keep a client from the start of the server to its end."""
    async with await vwo.alaunch(
        Path(os.environ["SETTINGS"]),
        user_storage=Records(),
        storage_timeout_s=0.5,
        base_url=os.environ.get("BASE_URL"),
    ) as client:
        app.state.experiments = client
        yield


async def checkout(request: Request) -> JSONResponse:
    """The variation of the checkout that a user gets."""
    client: vwo.AsyncClient = request.app.state.experiments
    user = request.query_params["user"]
    return JSONResponse({"variation": await client.activate("checkout", user)})


async def order(request: Request) -> JSONResponse:
    """Take an order, and track it as a conversion."""
    client: vwo.AsyncClient = request.app.state.experiments
    user, amount = request.query_params["user"], request.query_params["amount"]
    result = await client.track("checkout", user, "purchase", revenue_value=amount)
    return JSONResponse({"tracked": bool(result)})


async def health(request: Request) -> JSONResponse:
    """How the client is."""
    client: vwo.AsyncClient = request.app.state.experiments
    return JSONResponse(client.healthz().as_dict())


app = Starlette(
    lifespan=lifespan,
    routes=[
        Route("/checkout", checkout),
        Route("/orders", order, methods=["POST"]),
        Route("/health", health),
    ],
)
