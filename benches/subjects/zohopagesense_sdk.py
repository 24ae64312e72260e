"""The platform's own SDK, zohopagesense-python-sdk; its HTTP library answers for the server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import experiments
import httpx
from experiments import GOAL, KEY, NAMES, TEXTS
from pagesense import PageSenseClientBuilder, PageSenseSDKOptions, PageSenseUserContext
from sending import Stub, events_per_second
from serving import MANY, ONCE, USERS, Row, in_threads, per_user, serve

if TYPE_CHECKING:
    from collections.abc import Callable

SENT = 100 if ONCE else 200


class Server:
    """What the HTTP library is given in the place of the platform's server."""

    def __init__(self) -> None:
        self.settings = ""
        self.events = 0
        self.port: int | None = None
        self.send_on = httpx.AsyncClient.send

    def answer(self, _client: httpx.Client, request: httpx.Request, **_: Any) -> httpx.Response:
        return httpx.Response(200, text=self.settings, request=request)

    async def take(
        self, client: httpx.AsyncClient, request: httpx.Request, **more: Any
    ) -> httpx.Response:
        self.events += 1
        if self.port is None:
            return httpx.Response(200, text="{}", request=request)
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self.port)
        return await self.send_on(client, request, **more)


SERVER = Server()


def launch(document: dict[str, Any]) -> Any:
    SERVER.settings = experiments.text(document)
    options = PageSenseSDKOptions().add_log_level("FATAL").add_polling_interval(1800)
    client = PageSenseClientBuilder.create_new_pagesense_client(
        "1-US", "loopback-only", "Shop", options
    )
    if client is None:
        raise AssertionError("the settings were not taken")
    return client


def expect(wanted: object, got: object) -> None:
    if wanted != got:
        raise AssertionError(f"wanted {wanted!r}, got {got!r}")


def asked(count: int = 1, threads: int = 0) -> Row:
    client = launch(experiments.project(count))
    got = {client.get_variation_name(KEY, PageSenseUserContext(user)) for user in USERS}
    expect({*NAMES}, got)

    def once() -> None:
        for user in USERS:
            client.get_variation_name(KEY, PageSenseUserContext(user))

    return in_threads(threads, once) if threads else per_user(once)


def targeted() -> Row:
    client = launch(experiments.project(is_targeted=True))
    expect(None, client.get_variation_name(KEY, PageSenseUserContext("Ann", {"country": "FR"})))
    got = {client.get_variation_name(KEY, PageSenseUserContext(user, TEXTS)) for user in USERS}
    expect({*NAMES}, got)

    def once() -> None:
        for user in USERS:
            client.get_variation_name(KEY, PageSenseUserContext(user, TEXTS))

    return per_user(once)


def of_events(ask: Callable[[Any], object]) -> Row:
    """The time of a call that queues an event; its thread sends meanwhile, answered at once."""
    client = launch(experiments.project())

    def measure() -> float:
        before = SERVER.events
        started = time.perf_counter()
        ask(client)
        elapsed_s = time.perf_counter() - started
        for _ in range(2000):
            if SERVER.events - before == len(USERS):
                break
            time.sleep(0.01)
        expect(len(USERS), SERVER.events - before)
        return elapsed_s / len(USERS) * 1e9

    return measure


def activated() -> Row:
    def ask(client: Any) -> None:
        for user in USERS:
            client.activate_experiment(KEY, PageSenseUserContext(user))

    return of_events(ask)


def tracked() -> Row:
    def ask(client: Any) -> None:
        for user in USERS:
            client.track_goal(GOAL, PageSenseUserContext(user))

    return of_events(ask)


def end_to_end() -> Row:
    users = [f"user-{number}" for number in range(SENT)]
    stub = Stub("psfullstacksdk/trackgoal")

    def measure() -> float:
        client = launch(experiments.project())
        SERVER.port = stub.port

        def send() -> None:
            for user in users:
                client.track_goal(GOAL, PageSenseUserContext(user))

        try:
            return events_per_second(stub, SENT, send)
        finally:
            SERVER.port = None

    return measure


def launching(count: int) -> tuple[int, Callable[[], object]]:
    document = experiments.project(count, is_targeted=True)
    return len(experiments.text(document)), lambda: launch(document)


def answer(client: httpx.Client, request: httpx.Request, **more: Any) -> httpx.Response:
    return SERVER.answer(client, request, **more)


async def take(client: httpx.AsyncClient, request: httpx.Request, **more: Any) -> httpx.Response:
    return await SERVER.take(client, request, **more)


if __name__ == "__main__":
    httpx.Client.send = answer
    httpx.AsyncClient.send = take
    serve(
        {
            "decision": asked,
            "five conditions": targeted,
            "100 campaigns": lambda: asked(100),
            "1,000 campaigns": lambda: asked(1000),
            "10,000 campaigns": lambda: asked(MANY),
            "activate": activated,
            "track": tracked,
            "end to end": end_to_end,
            "1 thread": lambda: asked(threads=1),
            "2 threads": lambda: asked(threads=2),
            "8 threads": lambda: asked(threads=8),
        },
        launching,
    )
