"""When settings are asked for: the times alone, without a clock."""

from __future__ import annotations

import itertools

import pytest

from sortition._settings.schedule import FLOOR_S, JITTER, Schedule, Streak

MINUTE_S = 60.0
CLIENTS = 2000


def schedule(interval_s: float | None = 10.0, *, is_needed: bool = False) -> Schedule:
    return Schedule(interval_s, 0.0, Streak(), is_needed=is_needed)


def asked_at(one: Schedule) -> float:
    """Begin the next request; when that is."""
    assert one.next_at is not None
    at = one.next_at
    assert one.wait_s(at) == 0.0
    one.begin(at)
    return at


def failing(
    one: Schedule, until: float, status: int | None = None, asks_s: float = 0.0
) -> list[float]:
    """When it asks a server that only fails."""
    times = []
    while one.next_at is not None and one.next_at < until:
        times.append(asked_at(one))
        one.note_failure(times[-1], status, asks_s)
    return times


def pauses(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def test_clients_that_start_together_spread_over_the_whole_interval() -> None:
    """Their first requests do not come at the same time."""
    tenths = [0] * 10
    for _ in range(CLIENTS):
        tenths[int(asked_at(schedule()))] += 1
    # Each tenth is expected to have 200, with a standard deviation of 13.
    assert min(tenths) > 100
    assert max(tenths) < 300


def test_an_interval_is_longer_or_shorter_by_a_tenth_at_most() -> None:
    one = schedule()
    times = []
    for _ in range(CLIENTS):
        times.append(asked_at(one))
        one.note_success(times[-1], 0.0)
    found = pauses(times)
    assert 10 * (1 - JITTER) <= min(found) < 9.1
    assert 10 * (1 + JITTER) >= max(found) > 10.9


def test_pauses_grow_with_failures_and_end_with_them() -> None:
    one = schedule()
    found = pauses(failing(one, 3600.0))
    for number, pause in enumerate(found):
        bound = min(300.0, 10.0 * 2**number)
        assert bound / 2 <= pause <= bound
    assert len(found) < 40
    at = asked_at(one)
    one.note_success(at, 0.0)
    assert one.next_at is not None
    assert one.next_at - at < 12


def test_the_first_settings_are_asked_for_at_once_and_then_soon() -> None:
    times = failing(schedule(None, is_needed=True), 600.0)
    assert times[0] == 0.0
    assert pauses(times)[0] <= 2 * FLOOR_S
    assert max(pauses(times)) <= MINUTE_S


@pytest.mark.parametrize("interval_s", [None, 10.0, 1800.0])
@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_server_that_refuses_is_left_alone(status: int, interval_s: float | None) -> None:
    """Three requests in the first minute at most, then every ten to fifteen minutes."""
    times = failing(schedule(interval_s, is_needed=True), 24 * 3600.0, status)
    assert len([at for at in times if at <= MINUTE_S]) <= 3
    slow = pauses(times)[2:]
    assert all(600.0 <= pause <= max(900.0, (interval_s or 0) * (1 + JITTER)) for pause in slow)
    # It is never asked sooner than one that answers.
    assert min(pauses(times)) >= (interval_s or 0) * (1 - JITTER)
    # Never dies.
    assert len(times) > 24 * 3600 / 2000


def test_a_key_that_becomes_valid_ends_the_slow_pauses() -> None:
    one = schedule()
    failing(one, 3600.0, 401)
    at = asked_at(one)
    one.note_success(at, 0.0)
    assert one.next_at is not None
    assert one.next_at - at < 12


@pytest.mark.parametrize("status", [429, 503, 200])
def test_a_server_is_left_alone_as_long_as_it_asks(status: int) -> None:
    one = schedule()
    at = asked_at(one)
    if status == 200:
        one.note_success(at, 120.0)
    else:
        one.note_failure(at, status, 120.0)
    assert one.next_at is not None
    assert one.next_at >= at + 120.0
    # Also by webhooks, and by whoever asks by themselves.
    one.wake(at + 1.0)
    assert one.next_at >= at + 120.0
    assert one.wait_s(at + 1.0) == pytest.approx(119.0)


def test_a_storm_of_webhooks_asks_once_a_second() -> None:
    one = schedule(None)
    times = []
    for millisecond in range(10_000):
        now = millisecond / 1000
        one.wake(now)
        assert one.next_at is not None
        if one.next_at <= now:
            times.append(asked_at(one))
            one.note_success(now, 0.0)
    assert min(pauses(times)) >= FLOOR_S
    assert len(times) == 10


def test_a_webhook_is_not_forgotten_where_the_answer_fails() -> None:
    one = schedule(None)
    assert one.next_at is None
    one.wake(5.0)
    assert asked_at(one) == 5.0
    one.note_failure(5.0, 503, 0.0)
    at = asked_at(one)
    assert at <= 7.0
    one.note_success(at, 0.0)
    assert one.next_at is None


def test_webhooks_while_the_server_refuses() -> None:
    one = schedule(None, is_needed=True)
    failing(one, 3600.0, 403)
    assert one.next_at is not None
    last = one.next_at
    one.begin(last)
    one.note_failure(last, 403, 0.0)
    one.wake(last + 1.0)
    assert one.next_at == last + MINUTE_S


def test_stopped_it_asks_no_more() -> None:
    one = schedule()
    one.stop()
    assert one.next_at is None
    one.wake(3.0)
    assert asked_at(one) == 3.0
    one.note_success(3.0, 0.0)
    assert one.next_at is None


def test_a_child_goes_on_from_what_its_parent_knows() -> None:
    streak = Streak()
    parent = Schedule(None, 0.0, streak, is_needed=True)
    failing(parent, 3600.0, 401)
    child = Schedule(None, 3600.0, streak, is_needed=True)
    assert child.next_at is not None
    assert child.next_at >= 3600.0 + 600.0
