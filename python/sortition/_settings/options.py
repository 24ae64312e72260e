"""The launch options about settings, and getting the first settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sortition._base.errors import OptionError
from sortition._settings.launching import FirstSettings, load
from sortition._settings.live import LiveSettings, Refreshing

if TYPE_CHECKING:
    from sortition._base.log import Log
    from sortition._http.transport import Transport
    from sortition._settings.cache import SettingsCache
    from sortition._settings.current import SnapshotT
    from sortition._settings.platform import Platform


@dataclass(frozen=True, slots=True)
class SettingsOptions:
    """The sources of settings, with checked values.

    Attributes:
        fallback: The settings to start with if there are no others.
        refreshing: How to keep them up to date.
        cache: Keeps the last good ones.
        init_timeout_s: How long fetching the first ones may take.
        allows_empty: Whether a client may start without settings.
    """

    fallback: bytes | None = field(repr=False)
    refreshing: Refreshing
    cache: SettingsCache | None
    init_timeout_s: float
    allows_empty: bool


def load_with(
    platform: Platform[SnapshotT],
    transport: Transport,
    log: Log,
    options: SettingsOptions,
    given: SnapshotT | None,
) -> LiveSettings[SnapshotT]:
    """The settings of a client at its launch.

    Args:
        platform: Asks for and reads settings.
        transport: Sends requests.
        log: The client's log.
        options: The sources of settings.
        given: The given settings; None to fetch them.

    Raises:
        OptionError: The given settings do not fit the other options.
        SettingsError: The fallback is not usable at all; the message names the places.
        SettingsUnavailableError: No source has usable settings.
    """
    fallback = None
    if options.fallback is not None:
        fallback = platform.compile(options.fallback)
    for snapshot, noun in ((given, "settings"), (fallback, "fallback settings")):
        if snapshot is not None and platform.difference(snapshot, None) == "account":
            raise OptionError(f"{platform.account_option}: the {noun} are of another account")
    other = None if fallback is None else platform.difference_of_file(fallback)
    if other is not None:
        log.warning("settings: the fallback cannot be used: its settings are of another %s", other)
        fallback = None
    polls = options.refreshing.poll_interval_s is not None
    if polls and given is not None and platform.request(given, is_via_webhook=False) is None:
        raise OptionError("poll_interval_s: requires an sdkKey, which the settings do not have")
    live = LiveSettings(platform, transport, log, options.refreshing, options.cache)
    if given is not None:
        live.use(given, "given")
    else:
        first = FirstSettings(options.init_timeout_s, fallback, options.allows_empty)
        load(live, first, log)
    return live
