"""A call never raises, whatever it is given and whatever the caller's own code does."""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import campaign, settings
from support.events import sum_of
from support.sink import BlackHole

from sortition import vwo
from sortition._base import guard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.sink import Sink

    Launch = Callable[..., vwo.Client]

SEGMENTED = settings(campaign(segments={"custom_variable": {"plan": "pro"}}))


@pytest.mark.parametrize(
    ("call", "arguments", "complaint"),
    [
        ("activate", (), "activate: missing 2 required positional arguments"),
        ("activate", ("checkout",), "activate: missing 1 required positional argument: 'user_id'"),
        ("get_variation_name", ("checkout",), "get_variation_name: missing 1 required"),
        ("track", ("checkout", "Ann"), "track: missing 1 required positional argument"),
        ("track", ("checkout", "Ann", "purchase", 5), "track: takes 4 positional arguments"),
        ("is_feature_enabled", (), "is_feature_enabled: missing 2 required"),
        ("get_feature_variable_value", (), "get_feature_variable_value: missing 3 required"),
    ],
)
def test_a_call_in_the_wrong_form(
    launch: Launch,
    caplog: pytest.LogCaptureFixture,
    call: str,
    arguments: tuple[Any, ...],
    complaint: str,
) -> None:
    client = launch(settings())
    nothing = False if call == "is_feature_enabled" else None
    for _ in range(3):
        assert getattr(client, call)(*arguments) is nothing
    (record,) = caplog.records
    assert record.getMessage().startswith(complaint)


class Broken(logging.Handler):
    """A handler that fails, as one that writes to a full disk may."""

    def emit(self, _record: logging.LogRecord) -> None:
        raise RuntimeError("the disk is full")


@pytest.fixture
def broken_logging() -> Iterator[None]:
    handler, logger = Broken(), logging.getLogger("sortition")
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)


@pytest.mark.usefixtures("broken_logging")
@pytest.mark.parametrize("is_given", [False, True])
def test_a_log_handler_that_raises(launch: Launch, is_given: bool) -> None:
    mine = logging.getLogger("tests.mine")
    mine.addHandler(Broken())
    client = launch(settings(), logger=mine if is_given else None, log_level=10)
    assert client.activate("checkout", "Ann")
    assert client.activate("none", "Ann") is None
    assert client.activate(5, "Ann") is None  # type: ignore[arg-type]
    assert client.activate("checkout", "Ann", unknown=1)  # type: ignore[call-arg]
    client.close()
    assert client.activate("checkout", "Ann") is None


class Pro:
    """Compares as it likes."""

    def __eq__(self, _other: object) -> bool:
        raise RuntimeError("not comparable")

    __hash__ = None  # type: ignore[assignment]


class Key(str):
    __slots__ = ()

    def __eq__(self, _other: object) -> bool:
        raise RuntimeError("not comparable")

    __hash__ = str.__hash__


class Multi(dict[str, Any]):
    """Like a web framework's: a list of values, and `get` gives the last one."""

    def get(self, key: str, default: Any = None) -> Any:
        return self[key][-1] if key in self else default


class Raising(dict[str, Any]):
    def get(self, key: str, default: Any = None) -> Any:
        raise RuntimeError(key, default)


class TestOddDictionaries:
    def test_a_class_of_its_own_counts_by_its_get(self, launch: Launch) -> None:
        client = launch(SEGMENTED)
        assert client.activate("checkout", "Ann", custom_variables=Multi(plan=["free", "pro"]))
        assert not client.activate("checkout", "Ann", custom_variables=Multi(plan=["pro", "free"]))

    def test_one_that_raises_is_a_bad_argument(
        self, launch: Launch, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = launch(SEGMENTED)
        assert client.activate("checkout", "Ann", custom_variables=Raising(plan="pro")) is None
        assert "custom_variables cannot be read: Raising.get raises RuntimeError" in caplog.text

    def test_a_record_that_raises_counts_as_none(self, launch: Launch) -> None:
        class Storage(vwo.UserStorage):
            def get(self, _user_id: str, _campaign_key: str) -> dict[str, Any]:
                return Raising(campaignKey="checkout")

            def set(self, _user_data: dict[str, Any]) -> None:
                pass

        assert launch(settings(), user_storage=Storage()).activate("checkout", "Ann")

    def test_a_key_that_cannot_be_compared(self, launch: Launch) -> None:
        client = launch(SEGMENTED)
        assert client.activate("checkout", "Ann", custom_variables={Key("plan"): "pro"}) is None

    def test_a_value_that_cannot_be_compared(self, launch: Launch) -> None:
        client = launch(settings())
        assert client.activate("checkout", "Ann", user_agent=Pro()) is None  # type: ignore[arg-type]

    def test_an_interrupt_is_not_swallowed(self, launch: Launch) -> None:
        class Interrupted:
            def __str__(self) -> str:
                raise KeyboardInterrupt

        client = launch(SEGMENTED)
        with pytest.raises(KeyboardInterrupt):
            client.activate("checkout", "Ann", custom_variables={"plan": Interrupted()})


def test_calls_that_are_nested_too_deeply_are_no_bug(
    launch: Launch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Such as those of a signal handler that interrupts itself; the log says what is wrong."""
    monkeypatch.setattr(guard, "propagates", False)
    client = launch(settings())

    def call_deeper() -> None:
        client.explain("checkout", "Ann")
        call_deeper()

    with pytest.raises(RecursionError):
        call_deeper()
    assert "bug of sortition" not in caplog.text
    assert client.get_variation_name("checkout", "Ann") is not None


def test_percent_signs_in_the_settings(
    launch: Launch, sink: Sink, capfd: pytest.CaptureFixture[str]
) -> None:
    """A campaign key that looks like a format string is logged as it is."""
    key = "50%s-off%"
    client = launch(settings(campaign(key=key, type="FEATURE_TEST", variables=[])))
    assert client.get_feature_variable_value(key, "100%d", "Ann") is None
    assert client.activate(key, "Ann") is None
    assert client.track(key, "Ann", "5%") is None
    assert client.track(None, "Ann", "5%") is None
    assert not sink.received
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


@pytest.mark.parametrize(
    "revenue", ["\ud800", 10**5000, -(10**400)], ids=["surrogate", "large", "negative"]
)
@pytest.mark.parametrize("is_event_arch", [False, True])
def test_a_revenue_that_cannot_be_sent(
    launch: Launch, sink: Sink, revenue: Any, is_event_arch: bool
) -> None:
    """It is the caller's mistake, and none of the server's."""
    client = launch(settings(isEventArchEnabled=is_event_arch))
    for _ in range(5):
        assert client.track("checkout", "Ann", "purchase", revenue_value=revenue) is None
    assert client.track("checkout", "Ann", "purchase", revenue_value=10**18)
    assert len(sink.received) == 1


class TimeLimitError(Exception):
    """As Celery's, which is an ordinary exception."""


def test_what_a_signal_handler_raises_reaches_the_caller(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not a bug of sortition, and reaches the code that made the call."""
    monkeypatch.setattr(guard, "propagates", False)

    class Limit:
        def reached(self, *_: object) -> None:
            raise TimeLimitError

    before = signal.signal(signal.SIGALRM, Limit().reached)
    try:
        with BlackHole() as hole:
            client = launch(settings(), base_url=hole.url, request_timeout_s=60)
            with pytest.raises(TimeLimitError):  # noqa: PT012 -- it may come at once
                signal.setitimer(signal.ITIMER_REAL, 0.2)
                client.track("checkout", "Ann", "purchase")
            stats = client.stats()
        assert sum(stats.accepted.values()) == sum_of(stats)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_bug_in_what_answers_after_a_close_is_logged(
    launch: Launch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """`close`, `stats`, `status` and `healthz` return what is safe to act on."""
    monkeypatch.setattr(guard, "propagates", False)
    client = launch(settings())
    text = "secr" + "et"

    def fail(*_: object) -> None:
        raise RuntimeError(text)

    with monkeypatch.context() as patched:
        patched.setattr(client._delivery, "close", fail)
        patched.setattr(client._delivery, "health", fail)
        patched.setattr(client, "_not_activated", fail)
        assert client.close() is False
        assert client.stats() == vwo.Stats.empty()
        assert client.status().state == "degraded"
        assert not client.status().endpoints
        assert client.healthz().state == "degraded"
        assert client.healthz().as_dict()["ok"]
    for name in ("close", "stats", "status"):
        assert f"{name} failed with RuntimeError, which is a bug of sortition" in caplog.text
    assert "secret" not in caplog.text
