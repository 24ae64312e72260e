"""A FastAPI service with an experiment: it shows a variation, and tracks what users buy."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, FastAPI, Request, Response

from sortition import vwo
from sortition.storages import SQLiteStorage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Keep a client from the start of the server to its end, when it sends what waits."""
    async with await vwo.alaunch(
        Path(os.environ["SETTINGS"]),
        user_storage=SQLiteStorage(os.environ["USERS"]),
        batch_events={"events_per_request": 100, "request_time_interval": 10},
        base_url=os.environ.get("BASE_URL"),
    ) as client:
        app.state.experiments = client
        yield


def experiments(request: Request) -> vwo.AsyncClient:
    """The client, for a handler that depends on it."""
    client: vwo.AsyncClient = request.app.state.experiments
    return client


Experiments = Annotated[vwo.AsyncClient, Depends(experiments)]
app = FastAPI(lifespan=lifespan)


@app.get("/checkout")
async def checkout(user: str, client: Experiments) -> dict[str, str | None]:
    """The variation of the checkout that a user gets."""
    return {"variation": await client.activate("checkout", user)}


@app.post("/orders")
async def order(user: str, amount: float, client: Experiments) -> dict[str, bool]:
    """Take an order, and track it as a conversion."""
    result = await client.track("checkout", user, "purchase", revenue_value=amount)
    return {"tracked": bool(result)}


@app.post("/settings-changed")
async def settings_changed(request: Request, client: Experiments) -> Response:
    """Take the platform's webhook, after which the client fetches new settings."""
    secret = os.environ.get("WEBHOOK_SECRET", "")
    status = await client.handle_webhook(request.headers.raw, await request.body(), secret)
    return Response(status_code=status)


@app.get("/health")
def health(client: Experiments) -> dict[str, object]:
    """How the client is."""
    return client.healthz().as_dict()
