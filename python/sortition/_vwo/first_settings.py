"""The options of a VWO launch that say where settings come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sortition._base.errors import OptionError
from sortition._base.options import seconds_of_waiting
from sortition._client.document import document_of
from sortition._settings.options import SettingsOptions, settings_options_of
from sortition._vwo.platform import Account, account_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sortition._base.log import Log

_LEAST_POLL_INTERVAL_S: Final = 1.0


def first_settings_of(
    settings_file: object, request_timeout_s: float, log: Log, options: Mapping[str, object]
) -> tuple[SettingsOptions, bytes | None, Account | None]:
    """Check the options that say where settings come from.

    Returns:
        The options; the settings that are given; and whose settings they are, where that is said.

    Raises:
        OptionError: One cannot be used; the message names it.
    """
    account = _account(options["account_id"], options["sdk_key"])
    fallback, interval_s = options["fallback_settings_file"], options["poll_interval_s"]
    needs_document = settings_file is not None or account is None
    if interval_s is not None:
        name = "poll_interval_s"
        interval_s = seconds_of_waiting(name, interval_s, least=_LEAST_POLL_INTERVAL_S)
    checked = settings_options_of(
        None if fallback is None else document_of(fallback, "fallback_settings_file"),
        request_timeout_s=request_timeout_s,
        poll_interval_s=interval_s,
        log=log,
        options=options,
    )
    return checked, document_of(settings_file) if needs_document else None, account


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
