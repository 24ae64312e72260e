"""A service as its users write it: clients that all its processes share, and a journal.

The programs of `programs.py` and the servers of `test_servers.py` run it. Each event has a user of
its own. The journal says which process accepted it, and each request says which process sent it;
`cells.py` compares the two.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sortition import pagesense, vwo
from support.documents import project, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "SORTITION_TEST_APPLICATION"
SENT_BY = "x-sent-by"
BATCHES, WITHIN, PAGESENSE = "vwo, batches", "vwo, within the call", "pagesense"
"""The clients of the application: platforms, and ways of sending."""
BATCH = 10
"""How many events a batch has."""


@dataclass(frozen=True)
class Plan:
    """What the application is told by the environment.

    Attributes:
        url: Where events go.
        journal: The file that says what was accepted.
        events: How many events each client accepts at a time. No multiple of `BATCH`, so that some
            wait for a flush, a close or the exit.
        size: How often a program does what it is about.
        interval_s: The longest that an event of a batch waits.
        engine: The engine of the clients.
        ways: The clients.
        options: Further launch options.
    """

    url: str
    journal: str
    events: int = 25
    size: int = 4
    interval_s: float = 600
    engine: str = "compiled"
    ways: tuple[str, ...] = (BATCHES, WITHIN, PAGESENSE)
    options: dict[str, Any] = dataclasses.field(default_factory=dict)

    def to_text(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_environment(cls) -> Plan:
        return cls(**json.loads(os.environ[VARIABLE]))


class SigningTransport(vwo.RequestsTransport):
    """The default transport; each request says which process sends it."""

    def send(self, request: vwo.Request, timeout_s: float) -> vwo.Response:
        signed = {**request.headers, SENT_BY: str(os.getpid())}
        return super().send(dataclasses.replace(request, headers=signed), timeout_s)


class Application:
    """Clients of every way of sending, in one process."""

    def __init__(self, plan: Plan, *, signs: bool = True) -> None:
        self.plan = plan
        self.transport = SigningTransport() if signs else None
        self.clients = {way: self._launch(way) for way in plan.ways}

    def _launch(self, way: str) -> vwo.Client | pagesense.Client:
        options: dict[str, Any] = {
            "base_url": self.plan.url,
            "engine": self.plan.engine,
            "transport": self.transport,
            "request_timeout_s": 60.0,
            "close_timeout_s": 60.0,
            **self.plan.options,
        }
        if way == PAGESENSE:
            return pagesense.launch(project(), **options)
        if way == BATCHES:
            options["batch_events"] = {
                "events_per_request": BATCH,
                "request_time_interval": self.plan.interval_s,
            }
        return vwo.launch(settings(), **options)

    def accept(self, events: int | None = None) -> None:
        """Have each client accept so many events, and write down which were."""
        for _ in range(self.plan.events if events is None else events):
            for way in self.clients:
                assert self.accept_one(way)

    def accept_one(self, way: str) -> bool:
        user_id = uuid.uuid4().hex
        client = self.clients[way]
        if isinstance(client, pagesense.Client):
            # The call does not say it; where another thread's was refused, neither does this.
            before = client.stats().refused
            variation = client.activate_experiment("Test 1", user_id)
            if variation is None:
                # One user in ten thousand has bucket 0, which is no variation's.
                user_id = uuid.uuid4().hex
                variation = client.activate_experiment("Test 1", user_id)
            is_accepted = variation is not None and client.stats().refused == before
        else:
            is_accepted = bool(client.track("checkout", user_id, "purchase"))
        if is_accepted:
            self._write_down(way, user_id)
        return is_accepted

    def _write_down(self, way: str, user_id: str) -> None:
        line = f"{os.getpid()}\t{way}\t{user_id}\n".encode()
        # One write each, so that processes do not write into one another's lines.
        file = os.open(self.plan.journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            assert os.write(file, line) == len(line)
        finally:
            os.close(file)

    def flush(self, timeout_s: float = 60.0) -> bool:
        return all(flush(client, timeout_s) for client in self.clients.values())

    def close(self, timeout_s: float = 60.0) -> bool:
        closed = [client.close(timeout_s) for client in self.clients.values()]
        if self.transport is not None:
            self.transport.close()
        return all(closed)


def flush(client: vwo.Client | pagesense.Client, timeout_s: float = 60.0) -> bool:
    if isinstance(client, pagesense.Client):
        return client.flush(timeout_s)
    # None: nothing ever waits.
    return client.flush_events(timeout_s=timeout_s) is not False


def application() -> Application:
    return Application(Plan.from_environment())


def threads() -> Iterator[str]:
    """The names of the library's threads, by the interpreter's own list."""
    threading = sys.modules["threading"]
    return (one.name for one in threading.enumerate() if one.name.startswith("sortition"))


def sockets() -> int:
    """How many sockets this process holds."""
    held = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            held += str(descriptor.readlink()).startswith("socket:")
        except FileNotFoundError:
            # The one with which the folder was read.
            continue
    return held
