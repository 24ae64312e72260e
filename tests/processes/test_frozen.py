"""A process that was stopped for a long time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import campaign, settings, variation
from support.sink import Answer, wait_until

if TYPE_CHECKING:
    from support.sink import Received, Sink

SOAK = os.environ.get("SORTITION_SOAK") == "1"
CONFIRMED_S = 0.1
FROZEN_S = 600.0 if SOAK else 3.0
PROGRAM = textwrap.dedent(
    """
    import json, sys, time
    from sortition import vwo
    client = vwo.launch(
        sys.argv[1],
        base_url=sys.argv[2],
        poll_interval_s=1,
        stale_after_s=2,
        request_timeout_s=10,
        batch_events={"request_time_interval": 1},
    )
    def told():
        status = client.status()
        name = client.get_variation_name("checkout", "Ann")
        print(json.dumps([status.state, status.age_s, name]), flush=True)
    for line in sys.stdin:
        if line.startswith("track"):
            assert client.track("checkout", "Ann", "purchase")
        elif line.startswith("flush"):
            print(json.dumps(client.flush_events(timeout_s=30)), flush=True)
        else:
            told()
    """
)


def only(name: str) -> str:
    return json.dumps(settings(campaign(variations=[variation(1, name, 100)])))


@pytest.mark.timeout(FROZEN_S + 120)
def test_the_next_use_sees_that_time_has_passed(sink: Sink) -> None:
    document = only("Old")

    def answer(received: Received) -> Answer:
        if received.method == "GET":
            return Answer(200, document.encode())
        return Answer()

    sink.answer = answer
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, document, sink.url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def tell(word: str) -> None:
            assert process.stdin is not None
            process.stdin.write(f"{word}\n")
            process.stdin.flush()

        def ask(word: str) -> Any:
            assert process.stdout is not None
            tell(word)
            return json.loads(process.stdout.readline())

        try:
            wait_until(lambda: str(ask("status")).startswith("['ready'"))
            wait_until(lambda: any(one.method == "GET" for one in sink.received))
            tell("track")

            def is_just_confirmed() -> bool:
                state, age_s, _ = ask("status")
                return bool(state == "ready" and age_s < CONFIRMED_S)

            # No answer is on its way then, which would be read when it wakes.
            wait_until(is_just_confirmed)
            process.send_signal(signal.SIGSTOP)
            document = only("New")
            # What it is asked when it wakes is there before it does.
            tell("status")
            frozen_at = time.monotonic()
            wait_until(lambda: time.monotonic() - frozen_at > FROZEN_S, within_s=FROZEN_S + 30)
            process.send_signal(signal.SIGCONT)
            state, age_s, name = json.loads(process.stdout.readline())
            # Either it was seen at once, or the poller was the first to run.
            assert (state == "stale" and age_s > 2) or name == "New", (state, age_s, name)
            # It flushes, polls and is well again.
            assert ask("flush") is True
            wait_until(lambda: ask("status")[0] == "ready")
            wait_until(lambda: ask("status")[2] == "New")
        finally:
            process.kill()
    assert [one.path for one in sink.received if one.method == "POST"] == [
        "/server-side/batch-events"
    ]
