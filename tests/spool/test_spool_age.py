"""How old events are that another process has left, on machines whose clock is wrong."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from sortition._base.log import Log
from sortition._sending.spool import age, record
from sortition._sending.spool.options import SpoolOptions
from sortition._sending.spool.owner import Owner
from sortition._sending.spool.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OWNER = Owner.of("vwo", "604812", "a key")
NOW_NS = time.time_ns()
DAY_S = 86_400
WEEK_S = 7 * DAY_S

CLOCKS: dict[str, Callable[[], int]] = {
    "right": lambda: NOW_NS,
    "in 1970": lambda: 0,
    "in 2000": lambda: 946_684_800 * 10**9,
    "30 days slow": lambda: NOW_NS - 30 * DAY_S * 10**9,
    "8 days fast": lambda: NOW_NS + 8 * DAY_S * 10**9,
    "in 2100": lambda: 4_102_444_800 * 10**9,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def spool(folder: Path) -> Spool:
    return Spool(SpoolOptions(str(folder), most_age_s=WEEK_S), lambda: OWNER, Log("test"), 100)


def leave(folder: Path) -> None:
    """A spool with one event that was closed."""
    one = spool(folder)
    one.append("push", b"event", [])
    one.close()


def taken_over(folder: Path) -> tuple[int, dict[str, object]]:
    """How many events are to be sent of those that were left, and which are not."""
    heir = spool(folder)
    heir.leftovers.take_over()
    loaded = heir.leftovers.load()
    heir.close()
    return (0, {}) if loaded is None else (len(loaded.events), {**loaded.dropped})


@pytest.mark.parametrize("second", CLOCKS)
@pytest.mark.parametrize("first", CLOCKS)
def test_a_wrong_wall_clock_loses_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, first: str, second: str
) -> None:
    """Neither where the event was accepted, nor where it is taken over, in any combination."""
    monkeypatch.setattr(time, "time_ns", CLOCKS[first])
    leave(folder)
    monkeypatch.setattr(time, "time_ns", CLOCKS[second])
    monkeypatch.setattr(time, "time", lambda: CLOCKS[second]() / 10**9)
    assert taken_over(folder) == (1, {})


@pytest.mark.parametrize("clock", CLOCKS)
def test_too_old(folder: Path, monkeypatch: pytest.MonkeyPatch, clock: str) -> None:
    """The client drops events that waited too long, independently of the wall clock."""
    leave(folder)
    later_ms = age.uptime_ms() + (WEEK_S + 60) * 1000
    monkeypatch.setattr(time, "time_ns", CLOCKS[clock])
    monkeypatch.setattr(age, "uptime_ms", lambda: later_ms)
    assert taken_over(folder) == (0, {"too_old": {"push": 1}})


def test_a_clock_that_is_set_while_events_come(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each event has its own age."""
    one = spool(folder)
    start_ms = age.uptime_ms()
    one.append("push", b"first", [])
    monkeypatch.setattr(time, "time_ns", CLOCKS["in 2100"])
    monkeypatch.setattr(age, "uptime_ms", lambda: start_ms + DAY_S * 1000)
    one.append("push", b"second", [])
    one.close()
    monkeypatch.setattr(age, "uptime_ms", lambda: start_ms + (WEEK_S + 60) * 1000)
    assert taken_over(folder) == (1, {"too_old": {"push": 1}})


class TestAnotherStartOfTheMachine:
    """Or another machine, to which the folder was moved: its clock began elsewhere."""

    def test_it_loses_nothing(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        leave(folder)
        monkeypatch.setattr(age, "_boot", lambda: b"another!")
        monkeypatch.setattr(age, "uptime_ms", lambda: 100 * DAY_S * 1000)
        assert taken_over(folder) == (1, {})

    def test_it_is_measured_from_then_on(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """From when a process first took the event over, whatever became of that process."""
        leave(folder)
        monkeypatch.setattr(age, "_boot", lambda: b"another!")
        monkeypatch.setattr(age, "uptime_ms", lambda: 5000)
        assert taken_over(folder) == (1, {})
        monkeypatch.setattr(age, "uptime_ms", lambda: 4000 + WEEK_S * 1000)
        assert taken_over(folder) == (1, {})
        monkeypatch.setattr(age, "uptime_ms", lambda: 6000 + WEEK_S * 1000)
        assert taken_over(folder) == (0, {"too_old": {"push": 1}})

    def test_back_on_the_first_machine(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its clock went on meanwhile."""
        leave(folder)
        later_ms = age.uptime_ms() + (WEEK_S + 60) * 1000
        with monkeypatch.context() as patched:
            patched.setattr(age, "_boot", lambda: b"another!")
            patched.setattr(age, "uptime_ms", lambda: 5000)
            assert taken_over(folder) == (1, {})
        monkeypatch.setattr(age, "uptime_ms", lambda: later_ms)
        assert taken_over(folder) == (0, {"too_old": {"push": 1}})

    def test_a_system_that_does_not_tell(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing is known of an event's age then, and nothing is dropped for it."""
        monkeypatch.setattr(age, "_boot", lambda: bytes(8))
        leave(folder)
        monkeypatch.setattr(age, "uptime_ms", lambda: 2 * WEEK_S * 1000)
        assert taken_over(folder) == (1, {})


def test_a_file_without_a_clock(folder: Path) -> None:
    """One whose first record is damaged: its events are sent, however old they may be."""
    leave(folder)
    (file,) = folder.glob("*/*.spool")
    file.write_bytes(record.encoded_event(0, 0, "push", b"event"))
    assert taken_over(folder) == (1, {})


def test_this_machine_tells_its_starts_apart() -> None:
    """Linux does; where it does not, this says so."""
    assert any(age.now().boot) == os.path.exists("/proc/sys/kernel/random/boot_id")  # noqa: PTH110
    assert age.now().uptime_ms <= age.now().uptime_ms
