"""The application behind ASGI, as uvicorn runs it.

With the variable ``CLOSES`` it closes its clients when the server says that it ends.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from support import application

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

app = application.application()


async def service(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Answer a request, or see to the begin and the end."""
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            if kind == "lifespan.shutdown" and os.environ.get("CLOSES"):
                app.close()
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return
    if scope["path"] == "/accept":
        app.accept(1)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
