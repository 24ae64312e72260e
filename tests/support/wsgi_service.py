"""The application behind WSGI, as gunicorn and uWSGI run it; and gunicorn's hooks.

``/accept`` accepts events, ``/flush`` flushes, and both say by which process.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from support import application

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

app = application.application()
if os.environ.get("ACCEPTS_AT_IMPORT"):
    app.accept()


def service(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Answer a request."""
    if environ["PATH_INFO"] == "/accept":
        app.accept(1)
    elif environ["PATH_INFO"] == "/flush":
        assert app.flush()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]


def pre_fork(_server: object, _worker: object) -> None:
    """Between two workers, the parent goes on sending."""
    app.accept()


def on_exit(_server: object) -> None:
    """At its end, it still does."""
    app.accept()
