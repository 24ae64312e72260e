"""Gets a client's first settings."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Generic

from sortition._base.errors import SettingsUnavailableError
from sortition._http.answers import is_refusal
from sortition._http.pool import Deadline
from sortition._settings.cache import SettingsCache
from sortition._settings.current import SnapshotT

if TYPE_CHECKING:
    from sortition._base.log import Log
    from sortition._settings.live import LiveSettings

_FIRST_PAUSE_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class FirstSettings(Generic[SnapshotT]):
    """The sources of settings besides the server.

    Attributes:
        init_timeout_s: How long the launch may take, in seconds.
        fallback: The settings to use if there are no others.
        allows_empty: Whether a client may start without settings.
    """

    init_timeout_s: float
    fallback: SnapshotT | None = None
    allows_empty: bool = False


def cache_of(path: str | None, log: Log) -> SettingsCache | None:
    """The file at the path that the option ``settings_cache`` gives; None without one."""
    # A service may change its working directory later.
    return None if path is None else SettingsCache(Path(path).absolute(), log)


def load(live: LiveSettings[SnapshotT], first: FirstSettings[SnapshotT], log: Log) -> None:
    """Get the first settings.

    Tries the server, then the last good settings, then the fallback, then none. Asks the server
    again and again only if there is no other source.

    Raises:
        SettingsUnavailableError: There are none, and the client may not start without them.
    """
    deadline = Deadline(first.init_timeout_s)
    outcome = live.ask_first(deadline)
    if outcome.is_success or _has_other(live, first, log, outcome.error):
        return
    pause_s = _FIRST_PAUSE_S
    while not is_refusal(outcome.status):
        pause_s = max(2 * pause_s, outcome.retry_after_s)
        if pause_s >= deadline.remaining_s():
            break
        time.sleep(pause_s)
        outcome = live.ask_first(deadline)
        if outcome.is_success:
            return
    raise SettingsUnavailableError(
        f"there are no settings: {outcome.error}", outcome.status, outcome.retry_after_s
    )


def _has_other(
    live: LiveSettings[SnapshotT], first: FirstSettings[SnapshotT], log: Log, why: str | None
) -> bool:
    """Whether the client can start without the server."""
    if live.use_cached():
        log.warning("settings: the last good ones are in use: %s", why)
        return True
    if first.fallback is not None:
        live.use(first.fallback, "fallback", age_s=None)
        log.warning("settings: the fallback is in use: %s", why)
        return True
    if first.allows_empty:
        log.warning("settings: there are none yet: %s", why)
    return first.allows_empty
