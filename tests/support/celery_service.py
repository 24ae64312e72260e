"""The application as a Celery worker: its tasks accept events."""

from __future__ import annotations

import os

from celery import Celery, signals

from support import application

app = application.application()
if os.environ.get("ACCEPTS_AT_IMPORT"):
    app.accept()

celery = Celery(broker=os.environ["BROKER"], backend=os.environ["BROKER"])
celery.conf.worker_prefetch_multiplier = 1
celery.conf.broker_connection_retry_on_startup = True


@celery.task  # type: ignore[untyped-decorator]  # Celery has no types
def accept() -> int:
    """Accept an event, and say by which process."""
    app.accept(1)
    return os.getpid()


@signals.worker_shutdown.connect  # type: ignore[untyped-decorator]  # Celery has no types
def _at_the_end(**_: object) -> None:
    app.accept()
