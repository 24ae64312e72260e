"""Messages that would repeat: what is logged of them, how often, and what hides no new one."""

from __future__ import annotations

import logging
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import campaign, project, settings
from support.sink import Sink, free_url, wait_until

from sortition import pagesense, vwo
from sortition._base import guard, repeating
from sortition._base.clock import now_s
from sortition._base.log import Log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLATFORMS = ["vwo", "pagesense"]
MISTAKE_PAUSE_S = 600.0
"""The value from the documentation, not from the code."""


class Clock:
    """The clock of pauses between messages, moved on by a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead_s = 0.0
        monkeypatch.setattr(repeating, "now_s", lambda: now_s() + self.ahead_s)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture(params=PLATFORMS)
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "vwo":
        with vwo.launch(settings(), is_development_mode=True) as made:
            yield made
    else:
        with pagesense.launch(project(), data_center="EU", is_development_mode=True) as one:
            yield one


def ask(client: Any, name: object, user: object = "Ann") -> None:
    """A call with the name of an experiment, which may be a mistake."""
    assert client.get_variation_name(name, user) is None


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]


class TestAMistake:
    def test_it_is_logged_again_after_ten_minutes_with_its_count(
        self, client: Any, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        for _ in range(5):
            ask(client, "nope")
        (first,) = errors(caplog)
        clock.ahead_s = MISTAKE_PAUSE_S - 1
        ask(client, "nope")
        assert errors(caplog) == [first]
        clock.ahead_s = MISTAKE_PAUSE_S + 1
        ask(client, "nope")
        assert errors(caplog)[1:] == [f"{first} (6 times since this was last logged)"]
        ask(client, "nope")
        clock.ahead_s = 2 * MISTAKE_PAUSE_S + 2
        ask(client, "nope")
        assert errors(caplog)[2:] == [f"{first} (2 times since this was last logged)"]

    def test_one_that_nobody_heard_is_not_hidden(
        self, client: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        logging.disable(logging.CRITICAL)
        try:
            ask(client, "nope")
        finally:
            logging.disable(logging.NOTSET)
        assert errors(caplog) == []
        ask(client, "nope")
        assert len(errors(caplog)) == 1


class TestVeryManyMistakes:
    """Names that come from outside may be wrong in any number of ways."""

    def test_another_kind_is_still_logged(
        self, client: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        for number in range(3000):
            ask(client, f"nope {number}")
        before = len(errors(caplog))
        assert before < 200
        ask(client, 42)
        assert "got int" in errors(caplog)[-1]
        ask(client, "checkout", 42)
        assert "user_id must be" in errors(caplog)[-1]
        client.get_variation_name("checkout", "Ann", **{"option of no call": 1})
        assert "option of no call" in errors(caplog)[-1]
        assert len(errors(caplog)) == before + 3

    def test_so_are_our_own_faults(
        self, client: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(3000):
            ask(client, f"nope {number}")

        def fail(*_: object, **__: object) -> None:
            raise LookupError("the text is in no log")

        monkeypatch.setattr(guard, "propagates", False)
        monkeypatch.setattr(type(client._live), "snapshot", property(fail), raising=False)
        monkeypatch.setattr(type(client), "_settings", property(fail), raising=False)
        log: Log = client._log
        guard.report(log, "a call", LookupError("the text is in no log"))
        assert "a call failed with LookupError, which is a bug of sortition" in errors(caplog)[-1]
        log.exception_of("flush_callback", KeyError("secret"))
        assert "flush_callback raised KeyError" in errors(caplog)[-1]
        log.exception_of("the code that sends", KeyError("secret"))
        assert "the code that sends raised KeyError" in errors(caplog)[-1]

    def test_the_log_says_how_many_there_are(
        self, client: Any, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        for number in range(1000):
            ask(client, f"nope {number}")
        assert len(errors(caplog)) == 101
        assert errors(caplog)[-1].endswith("(more mistakes of this kind are only counted)")
        clock.ahead_s = MISTAKE_PAUSE_S + 1
        for number in range(1000, 2000):
            ask(client, f"nope {number}")
        assert len(errors(caplog)) == 202
        assert "with others of this kind, 900 times since the last" in errors(caplog)[-1]

    def test_its_memory_is_bounded(self, client: Any, clock: Clock) -> None:
        for round_ in range(3):
            clock.ahead_s = round_ * (MISTAKE_PAUSE_S + 1)
            for number in range(1000):
                ask(client, f"nope {round_} {number}")
        kinds = client._log._mistakes._kinds.values()
        assert sum(len(kind._mistakes) for kind in kinds) <= 100

    def test_with_a_callback_that_raises(
        self, sink: Sink, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The client logs failures to send events, regardless of its callers."""

        def fail(*_: object) -> None:
            raise KeyError("the text is in no log")

        batches = {"events_per_request": 10, "flush_callback": fail}
        with vwo.launch(settings(), base_url=sink.url, batch_events=batches) as client:
            for number in range(1200):
                client.track("checkout", "Ann", f"goal {number}")
            assert client.track("checkout", "Ann", "purchase")
            client.flush_events()
            assert "flush_callback raised KeyError" in caplog.text
            client.track("checkout", 5, "purchase")  # type: ignore[arg-type]
            assert "user_id must be a string" in caplog.text


class TestLosses:
    """Each way of losing events has its line, once, and again after ten minutes with the number."""

    def test_within_the_call(self, caplog: pytest.LogCaptureFixture, clock: Clock) -> None:
        with vwo.launch(settings(), base_url=free_url()) as client:
            for _ in range(5):
                assert not client.track("checkout", "Ann", "purchase")
            assert [one for one in errors(caplog) if "lost" in one] == [
                "1 event was lost: not sent"
            ]
            clock.ahead_s = MISTAKE_PAUSE_S + 1
            assert not client.track("checkout", "Ann", "purchase")
            assert errors(caplog)[-1] == "5 events were lost: not sent"
            assert not client.track("checkout", "Ann", "purchase")
        # The last ones have their line at the end.
        assert errors(caplog)[-1] == "1 event was lost: not sent"

    @pytest.mark.parametrize("engine", ["compiled", "pure"])
    @pytest.mark.parametrize("way", ["exit", "sys.exit", "freed", "in a child", "at exit"])
    def test_within_the_call_the_lines_add_up_to_the_ledger(self, way: str, engine: str) -> None:
        """However the process or the client ends without a close."""
        program = textwrap.dedent(
            """
            import atexit, multiprocessing, os, sys
            from sortition import vwo
            way, engine, url = sys.argv[1:]
            client = vwo.launch({document!r}, base_url=url, engine=engine)
            def lose():
                for _ in range(7):
                    assert not client.track("checkout", "Ann", "purchase")
            if way == "in a child":
                child = multiprocessing.get_context("fork").Process(target=lose)
                child.start()
                child.join()
            elif way == "at exit":
                # After the client's own hook, which is registered with the first event.
                atexit.register(lose)
                import sortition._process.exit
                atexit.unregister(sortition._process.exit._come)
                atexit.register(sortition._process.exit._come)
            else:
                lose()
            if way == "freed":
                del client
            if way == "sys.exit":
                sys.exit(0)
            """
        ).format(document=settings())
        ran = subprocess.run(
            [sys.executable, "-c", program, way, engine, free_url()],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        lines = [line for line in ran.stderr.splitlines() if "lost: not sent" in line]
        assert sum(int(line.split()[0]) for line in lines) == 7, ran.stderr
        assert len(lines) <= 2 or way == "at exit"

    def test_in_batches(self, caplog: pytest.LogCaptureFixture, clock: Clock) -> None:
        with vwo.launch(
            settings(),
            base_url=free_url(),
            batch_events={"events_per_request": 1000},
            queue_events=1,
            close_timeout_s=0.1,
        ) as client:
            for _ in range(5):
                client.track("checkout", "Ann", "purchase")
            wait_until(lambda: any("refused: queue full" in one for one in errors(caplog)))
            before = len(errors(caplog))
            client.track("checkout", "Ann", "purchase")
            clock.ahead_s = MISTAKE_PAUSE_S + 1
            client.track("checkout", "Ann", "purchase")
            wait_until(lambda: len(errors(caplog)) > before)
            refused = client.stats().refused["queue_full"]["conversion"]
        told = [int(one.split()[0]) for one in errors(caplog) if "refused: queue full" in one]
        assert sum(told) == refused

    def test_a_loss_that_nobody_heard_is_told_later(self, caplog: pytest.LogCaptureFixture) -> None:
        from sortition._sending.drops import Drops  # noqa: PLC0415
        from sortition._sending.pure import Counts  # noqa: PLC0415

        counts = Counts()
        counts.adopt({"visitor": 7})
        drops = Drops(counts, Log("vwo"), None)
        logging.disable(logging.CRITICAL)
        try:
            counts.drop_spooled({"visitor": 3}, "rejected")
            drops.tell(is_ending=False)
        finally:
            logging.disable(logging.NOTSET)
        counts.drop_spooled({"visitor": 4}, "rejected")
        drops.tell(is_ending=False)
        assert errors(caplog) == ["7 events were lost: rejected"]


# -- Names from outside ------------------------------------------------------------------------

HOSTILE = "x\nERROR root: forged\r\x1b[31m\x00\u2028\u202e\x85\ud800y"
BREAKS = ("\n", "\r", "\x1b", "\x00", "\u2028", "\u202e", "\x85", "\ud800")

VWO_CALLS: dict[str, Callable[[Any], object]] = {
    "campaign": lambda client: client.activate(HOSTILE, "Ann"),
    "campaign of get_variation_name": lambda client: client.get_variation_name(HOSTILE, "Ann"),
    "campaign of is_feature_enabled": lambda client: client.is_feature_enabled(HOSTILE, "Ann"),
    "campaign of track": lambda client: client.track(HOSTILE, "Ann", "purchase"),
    "campaigns of track": lambda client: client.track([HOSTILE], "Ann", "purchase"),
    "goal": lambda client: client.track("checkout", "Ann", HOSTILE),
    "goal of all campaigns": lambda client: client.track(None, "Ann", HOSTILE),
    "known campaign": lambda client: client.activate(f"known {HOSTILE}"[:30], "Ann"),
    "variable": lambda client: client.get_feature_variable_value("checkout", HOSTILE, "Ann"),
    "option": lambda client: client.activate("checkout", "Ann", **{HOSTILE: 1}),
    "custom variable": lambda client: client.activate(
        "checkout", "Ann", custom_variables={HOSTILE: {1}}
    ),
    "argument": lambda client: client.activate("checkout", user_id="Ann", **{HOSTILE: {HOSTILE}}),
    "revenue": lambda client: client.track("checkout", "Ann", "purchase", revenue_value=HOSTILE),
    "goal type": lambda client: client.track(
        "checkout", "Ann", "purchase", goal_type_to_track=HOSTILE
    ),
    "push": lambda client: client.push(HOSTILE, HOSTILE, "Ann"),
    "flush": lambda client: client.flush_events(mode=HOSTILE),
    "settings": lambda client: client.get_and_update_settings_file(HOSTILE, HOSTILE),
    "explain": lambda client: client.explain(HOSTILE, "Ann"),
    "explain a call": lambda client: client.explain("checkout", "Ann", call=HOSTILE),
}
PAGESENSE_CALLS: dict[str, Callable[[Any], object]] = {
    "experiment": lambda client: client.activate_experiment(HOSTILE, "Ann"),
    "experiment of get_variation_name": lambda client: client.get_variation_name(HOSTILE, "Ann"),
    "experiment of track_goal": lambda client: client.track_goal(HOSTILE, "Ann", "Goal"),
    "goal": lambda client: client.track_goal("Test 1", "Ann", HOSTILE),
    "goal of the project": lambda client: client.track_project_goal(HOSTILE, "Ann"),
    "attribute": lambda client: client.activate_experiment("Test 1", "Ann", {HOSTILE: {1}}),
    "property": lambda client: client.track_project_goal("Goal", "Ann", {}, {HOSTILE: {1}}),
    "option": lambda client: client.activate_experiment("Test 1", "Ann", **{HOSTILE: 1}),
    "explain": lambda client: client.explain(HOSTILE, "Ann"),
}


class Lines:
    """A logger of the caller."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, _level: int, message: str) -> None:
        self.lines.append(message)


def hostile_client(platform: str, **options: Any) -> Any:
    if platform == "vwo":
        document = settings(campaign(1, "checkout"), campaign(2, f"known {HOSTILE}"[:30]))
        return vwo.launch(document, is_development_mode=True, **options)
    return pagesense.launch(project(), data_center="EU", is_development_mode=True, **options)


CALLS = [
    *(pytest.param("vwo", call, id=f"vwo {name}") for name, call in VWO_CALLS.items()),
    *(
        pytest.param("pagesense", call, id=f"pagesense {name}")
        for name, call in PAGESENSE_CALLS.items()
    ),
]


@pytest.mark.parametrize("has_logger", [False, True], ids=["logging", "a logger"])
@pytest.mark.parametrize(("platform", "call"), CALLS)
def test_no_name_breaks_a_line(
    platform: str,
    call: Callable[[Any], object],
    caplog: pytest.LogCaptureFixture,
    has_logger: bool,
) -> None:
    """Whatever a caller passes on from outside, a message is one line of printable characters."""
    caplog.set_level(logging.DEBUG)
    lines = Lines()
    with hostile_client(platform, **({"logger": lines} if has_logger else {})) as client:
        call(client)
    messages = lines.lines if has_logger else [one.getMessage() for one in caplog.records]
    for message in messages:
        assert not [one for one in BREAKS if one in message]
        message.encode()


def test_a_traceback_keeps_its_lines(caplog: pytest.LogCaptureFixture) -> None:
    """The one part of a message that has several lines; it holds none of the exception's text."""
    try:
        raise KeyError(HOSTILE)
    except KeyError as error:
        Log("vwo").exception_of(HOSTILE, error)
    first, *frames = caplog.records[0].getMessage().split("\n")
    assert first.startswith(
        "x\\nERROR root: forged\\r\\x1b[31m\\x00\\u2028\\u202e\\x85\\ud800y raised"
    )
    assert any("test_a_traceback_keeps_its_lines" in line for line in frames)
    assert "forged" not in "\n".join(frames)


def test_a_path_breaks_no_line(tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The folder of a spool that cannot be written to."""
    folder = tmp_path / "a\nb\x1bc"
    with vwo.launch(
        settings(),
        base_url=free_url(),
        batch_events={"events_per_request": 10},
        spool=folder,
        close_timeout_s=0.1,
    ) as client:
        folder.write_text("no folder")
        client.track("checkout", "Ann", "purchase")
    assert "cannot write to" in caplog.text
    assert not [one for one in caplog.records if "\x1b" in one.getMessage()]
