"""The options of a launch that say where settings come from, and getting the first ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sortition._document import document_of
from sortition._errors import OptionError
from sortition._options import of_type, seconds, seconds_of_waiting
from sortition._settings.launching import FirstSettings, cache_of, load
from sortition._settings.live import LiveSettings, Refreshing
from sortition._vwo.platform import Account, account_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sortition._log import Log
    from sortition._settings.cache import SettingsCache
    from sortition._transport import Transport
    from sortition._vwo.platform import VwoPlatform
    from sortition._vwo.snapshot import Snapshot

_LEAST_POLL_INTERVAL_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class SettingsOptions:
    """Where settings come from; every value was checked.

    Attributes:
        document: The settings that are given; None where they are to be fetched.
        fallback: The settings to start with for want of any other.
        account: Whose settings are fetched; None where the given ones say it.
        refreshing: How they are kept fresh.
        cache: Where the last good ones are kept.
        init_timeout_s: How long fetching the first ones may take.
        allows_empty: Whether a client may start without.
    """

    document: bytes | None = field(repr=False)
    fallback: bytes | None = field(repr=False)
    account: Account | None
    refreshing: Refreshing
    cache: SettingsCache | None
    init_timeout_s: float
    allows_empty: bool


def first_settings_of(
    settings_file: object, request_timeout_s: float, log: Log, options: Mapping[str, object]
) -> SettingsOptions:
    """Check the options that say where settings come from.

    Raises:
        OptionError: One cannot be used; the message names it.
    """
    account = _account(options["account_id"], options["sdk_key"])
    allow_empty, init_timeout_s = options["allow_empty"], options["init_timeout_s"]
    fallback = options["fallback_settings_file"]
    needs_document = settings_file is not None or account is None
    return SettingsOptions(
        document=document_of(settings_file) if needs_document else None,
        fallback=None if fallback is None else document_of(fallback, "fallback_settings_file"),
        account=account,
        refreshing=Refreshing(
            request_timeout_s,
            _waiting("poll_interval_s", options, least=_LEAST_POLL_INTERVAL_S),
            _waiting("stale_after_s", options, least=0.0),
        ),
        cache=cache_of(options["settings_cache"], log),
        init_timeout_s=(
            request_timeout_s
            if init_timeout_s is None
            else seconds("init_timeout_s", init_timeout_s)
        ),
        allows_empty=(
            allow_empty is not None and of_type("allow_empty", allow_empty, bool, "a bool")
        ),
    )


def loaded_by(
    platform: VwoPlatform, transport: Transport, log: Log, options: SettingsOptions
) -> LiveSettings[Snapshot]:
    """The settings of a client that starts now.

    Raises:
        OptionError: Settings that are given do not fit the other options.
        SettingsError: Settings that are given cannot be used at all; the message names the places.
        SettingsUnavailableError: None are given, and none came.
    """
    given = _compiled(platform, options.document, "settings")
    fallback = _compiled(platform, options.fallback, "fallback settings")
    polls = options.refreshing.poll_interval_s is not None
    if polls and given is not None and platform.request(given) is None:
        raise OptionError("poll_interval_s: needs sdk_key, which the settings do not have")
    live = LiveSettings(platform, transport, log, options.refreshing, options.cache)
    if given is not None:
        live.use(given, "given")
    else:
        first = FirstSettings(options.init_timeout_s, fallback, options.allows_empty)
        load(live, first, log)
    return live


def _account(account_id: object, sdk_key: object) -> Account | None:
    if account_id is None and sdk_key is None:
        return None
    for name, value, other in (
        ("account_id", account_id, "sdk_key"),
        ("sdk_key", sdk_key, "account_id"),
    ):
        if value is None:
            raise OptionError(f"{name}: is needed together with {other}")
    return account_of(account_id, sdk_key)


def _waiting(name: str, options: Mapping[str, object], *, least: float) -> float | None:
    value = options[name]
    return None if value is None else seconds_of_waiting(name, value, least=least)


def _compiled(platform: VwoPlatform, document: bytes | None, noun: str) -> Snapshot | None:
    if document is None:
        return None
    snapshot = platform.compile(document)
    if not platform.is_ours(snapshot, None):
        raise OptionError(f"account_id: the {noun} are of another account")
    return snapshot
