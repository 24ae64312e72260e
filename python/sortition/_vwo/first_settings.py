"""Where a VWO client's settings come from, by its launch options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sortition._base.errors import OptionError
from sortition._client.document import document_of
from sortition._client.launching import settings_options_of
from sortition._vwo.platform import Account, account_of

if TYPE_CHECKING:
    from sortition._base.log import Log
    from sortition._settings.options import SettingsOptions
    from sortition._vwo.options import VwoOptions


def first_settings_of(
    options: VwoOptions, log: Log
) -> tuple[SettingsOptions, bytes | None, Account | None]:
    """Read the options that say where settings come from.

    Returns:
        The options; the settings that are given; and whose settings they are, where that is said.

    Raises:
        OptionError: One cannot be used; the message names it.
    """
    account = _account(options.account_id, options.sdk_key)
    given, fallback = options.settings_file, options.fallback_settings_file
    if given is None and account is None:
        raise OptionError(
            "settings_file: a settings document is needed, or account_id and sdk_key to fetch one"
        )
    checked = settings_options_of(
        options,
        None if fallback is None else document_of(fallback, "fallback_settings_file"),
        options.poll_interval_s,
        log,
    )
    return checked, None if given is None else document_of(given), account


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
