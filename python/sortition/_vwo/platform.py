"""An account's settings: how they are asked for and read.

Source: VWO spec, section 1.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sortition._base.errors import OptionError, OptionTypeError, SettingsError
from sortition._base.options import kind, of_type
from sortition._base.problem import Problem
from sortition._client.document import without_byte_order_mark
from sortition._client.launching import report_problems
from sortition._http.transport import Request
from sortition._settings.kept_document import KeptDocument
from sortition._version import VERSION
from sortition._vwo.events import CLIENT_NAME, Events
from sortition._vwo.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sortition._base.log import Log
    from sortition._engine import Engine
    from sortition._engine.vwo import Identifier, Settings

_KEY_WORDS: Final = "letters, digits and signs of ASCII without a space"
"""What an SDK key is made of."""

_RANDOM: Final = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Account:
    """Whose settings they are.

    Attributes:
        id: The account's id.
        sdk_key: The secret key of the environment.
    """

    id: Identifier
    sdk_key: str = field(repr=False)

    def request(self, base_url: str, *, is_via_webhook: bool = False) -> Request:
        """The request for the account's settings."""
        path = "/server-side/pull" if is_via_webhook else "/server-side/settings"
        return Request(
            "GET",
            base_url + path,
            query={
                "a": self.id,
                "i": self.sdk_key,
                "r": _RANDOM.random(),
                "platform": "server",
                "api-version": 1,
                "sdk": CLIENT_NAME,
                "sdk-v": VERSION,
            },
            headers={"User-Agent": CLIENT_NAME},
        )


def account_of(account_id: object, sdk_key: object) -> Account:
    """The account that a caller names.

    Raises:
        OptionError: An argument cannot be used.
    """
    if isinstance(account_id, bool) or not isinstance(account_id, int | str):
        raise OptionTypeError(f"account_id: must be an int or a string, got {kind(account_id)}")
    if account_id == "":
        raise OptionError("account_id: must not be empty")
    key = of_type("sdk_key", sdk_key, str, "a string")
    if not is_sendable_key(key):
        raise OptionError(f"sdk_key: must be {_KEY_WORDS}")
    return Account(account_id, key)


def is_sendable_key(sdk_key: str) -> bool:
    """Whether a header can carry the key as it is; one pasted with a line break is none."""
    return bool(sdk_key) and sdk_key.isascii() and sdk_key.isprintable() and " " not in sdk_key


def compiled(engine: Engine, document: bytes) -> Settings:
    """The settings that a client could use.

    Raises:
        SettingsError: They cannot be used at all; the message names the places.
    """
    settings = engine.module.VwoSettings.compile(without_byte_order_mark(document))
    if settings.sdk_key is None or is_sendable_key(settings.sdk_key):
        return settings
    raise SettingsError((Problem("sdkKey", _KEY_WORDS, "something else", "document_refused"),))


class VwoPlatform:
    """See `sortition._settings.platform.Platform`."""

    document_name: Final = "settings file"

    def __init__(
        self,
        engine: Engine,
        log: Log,
        base_url: str,
        usage: Mapping[str, int],
        account: Account | None,
    ) -> None:
        self._engine = engine
        self._log = log
        self._base_url = base_url
        self._usage = usage
        self._account = account

    def request(self, current: Snapshot | None, *, is_via_webhook: bool = False) -> Request | None:
        """The request by the account that was named at launch, or by that of the settings."""
        account = self._account
        if account is None and current is not None and current.settings.sdk_key is not None:
            account = Account(current.settings.account_id, current.settings.sdk_key)
        if account is None:
            return None
        return account.request(self._base_url, is_via_webhook=is_via_webhook)

    def compile(self, document: bytes) -> Snapshot:
        """See `Platform`."""
        settings = compiled(self._engine, document)
        encode_batch = self._engine.module.vwo_batch
        events = Events(settings, self._base_url, self._usage, encode_batch)
        return Snapshot(settings, events, KeptDocument(document))

    def is_ours(self, snapshot: Snapshot, current: Snapshot | None) -> bool:
        """See `Platform`."""
        found = str(snapshot.settings.account_id)
        if current is not None:
            return found == str(current.settings.account_id)
        return self._account is None or found == str(self._account.id)

    def report(self, snapshot: Snapshot) -> None:
        """See `Platform`."""
        if self._engine.name == "pure" and b"regex(" in snapshot.document:
            self._log.warning(
                "the settings have patterns (regex operands): the pure-Python engine searches for "
                "them with Python's re, whose time has no bound"
            )
        if snapshot.settings.sdk_key is None:
            self._log.warning("the settings have no sdkKey: the server may not accept events")
        report_problems(self._log, snapshot.settings.problems)
