"""An account's settings: how they are asked for and read.

Source: VWO spec, section 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sortition._client.document import without_byte_order_mark
from sortition._client.launching import report_problems
from sortition._settings.kept_document import KeptDocument
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
    """The settings that a client could use.

    Raises:
        SettingsError: They cannot be used at all; the message names the places.
    """
    return engine.module.VwoSettings.compile(without_byte_order_mark(document))


class VwoPlatform:
    """See `sortition._settings.platform.Platform`."""

    document_name: Final = "settings file"

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
        """The request by the account that was named at launch, or by that of the settings."""
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
        return Snapshot(settings, events, KeptDocument(document))

    def is_ours(self, snapshot: Snapshot, current: Snapshot | None) -> bool:
        """See `Platform`."""
        found = str(snapshot.settings.account_id)
        if current is not None:
            return found == str(current.settings.account_id)
        return self._credentials is None or found == str(self._credentials.account_id)

    def report(self, snapshot: Snapshot) -> None:
        """See `Platform`."""
        if self._engine.name == "pure" and b"regex(" in snapshot.document:
            self._log.warning(
                "the settings have patterns (regex operands): the pure-Python engine searches for "
                "them with Python's re, whose time has no bound"
            )
        if snapshot.settings.sdk_key is None:
            self._log.warning("the settings have no sdkKey: the server may not accept events")
        report_problems(self._log, snapshot.settings)
