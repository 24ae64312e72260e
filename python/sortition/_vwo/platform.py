"""Asks for and reads an account's settings.

Source: VWO spec, section 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sortition._client.document import without_byte_order_mark
from sortition._client.launching import report_problems
from sortition._settings.compressed import CompressedDocument
from sortition._settings.owner import owner_of
from sortition._vwo.credentials import Credentials
from sortition._vwo.snapshot import Snapshot
from sortition._vwo.wire import Events, settings_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sortition._base.log import Log
    from sortition._engine import Engine
    from sortition._engine.vwo import Settings
    from sortition._http.transport import Request


def compiled(engine: Engine, document: bytes) -> Settings:
    """The settings, if a client can use them.

    Raises:
        SettingsError: They are not usable at all; the message names the places.
    """
    return engine.module.VwoSettings.compile(without_byte_order_mark(document))


class VwoPlatform:
    """See `sortition._settings.platform.Platform`."""

    document_name: Final = "settings file"
    account_option: Final = "account_id"

    def __init__(
        self,
        engine: Engine,
        log: Log,
        base_url: str,
        usage: Mapping[str, int],
        credentials: Credentials | None,
    ) -> None:
        self._engine = engine
        self._log = log
        self._base_url = base_url
        self._usage = usage
        self._credentials = credentials

    def request(self, current: Snapshot | None, *, is_via_webhook: bool = False) -> Request | None:
        """The request, for the account named at launch or the account of the settings."""
        known = self._credentials
        if known is None and current is not None and current.settings.sdk_key is not None:
            known = Credentials(current.settings.account_id, current.settings.sdk_key)
        if known is None:
            return None
        return settings_request(self._base_url, known, is_via_webhook=is_via_webhook)

    def compile(self, document: bytes) -> Snapshot:
        """See `Platform`."""
        settings = compiled(self._engine, document)
        encode_batch = self._engine.module.vwo_batch
        events = Events(settings, self._base_url, self._usage, encode_batch)
        return Snapshot(settings, events, CompressedDocument(document))

    def difference(self, snapshot: Snapshot, current: Snapshot | None) -> str | None:
        """See `Platform`."""
        account_id, key = str(snapshot.settings.account_id), snapshot.settings.sdk_key
        if current is not None:
            return None if account_id == str(current.settings.account_id) else "account"
        if self._credentials is None:
            return None
        if account_id != str(self._credentials.account_id):
            return "account"
        return None if key in (None, self._credentials.sdk_key) else "environment"

    def difference_of_file(self, snapshot: Snapshot) -> str | None:
        """See `Platform`."""
        return self.difference(snapshot, None)

    def owner(self, current: Snapshot | None) -> str:
        """See `Platform`."""
        if self._credentials is not None:
            return owner_of("vwo", self._credentials.account_id, self._credentials.sdk_key)
        if current is not None:
            return owner_of("vwo", current.settings.account_id, current.settings.sdk_key)
        return owner_of("vwo")

    def report(self, snapshot: Snapshot) -> None:
        """See `Platform`."""
        if self._engine.name == "pure" and b"regex(" in snapshot.document:
            self._log.warning(
                "the settings have patterns (regex operands): the pure-Python engine searches for "
                "them with Python's re, whose running time has no bound"
            )
        if snapshot.settings.sdk_key is None:
            self._log.warning("the settings have no sdkKey: the server may not accept events")
        report_problems(self._log, snapshot.settings)
