"""A project's settings: how they are asked for and read.

Source: PageSense spec, section 2; "Our choices".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sortition._client.launching import report_problems
from sortition._pagesense.credentials import split_account
from sortition._pagesense.snapshot import Snapshot
from sortition._pagesense.wire import settings_request
from sortition._settings.compressed import CompressedDocument
from sortition._settings.owner import owner_of

if TYPE_CHECKING:
    from sortition._base.log import Log
    from sortition._engine import Engine
    from sortition._http.transport import Request
    from sortition._pagesense.credentials import Credentials


def compiled(engine: Engine, document: bytes) -> Snapshot:
    """The settings that a client could use. A byte order mark in front makes them none.

    Raises:
        SettingsError: They cannot be used at all; the message names the places.
    """
    settings = engine.module.PagesenseSettings.compile(document)
    return Snapshot(settings, CompressedDocument(document))


def first_request(base_url: str, credentials: Credentials) -> Request:
    """The request for settings by what a caller gives."""
    return settings_request(
        base_url,
        credentials.account_id,
        credentials.sdk_key,
        credentials.project_name,
        # The portal's name is not known yet; the platform's SDK has this in its place.
        credentials.account_id,
    )


class PagesensePlatform:
    """See `sortition._settings.platform.Platform`."""

    document_name: Final = "settings document"
    account_option: Final = "sdk_account_id"

    def __init__(
        self, engine: Engine, log: Log, base_url: str, credentials: Credentials | None
    ) -> None:
        self._engine = engine
        self._log = log
        self._base_url = base_url
        self._credentials = credentials

    def request(
        self,
        current: Snapshot | None,
        *,
        is_via_webhook: bool = False,  # noqa: ARG002 -- the platform has one request for both
    ) -> Request | None:
        """The request by the settings in use; for the first ones, by what the launch was given."""
        if not self._base_url:
            return None
        if current is not None:
            known = current.settings
            return settings_request(
                self._base_url,
                known.sdk_account_id,
                known.sdk_key,
                known.project_name,
                known.portal_name,
            )
        return None if self._credentials is None else self.request_by(self._credentials)

    def request_by(self, credentials: Credentials) -> Request:
        """The request by what a caller gives."""
        return first_request(self._base_url, credentials)

    def compile(self, document: bytes) -> Snapshot:
        """See `Platform`."""
        return compiled(self._engine, document)

    def difference(self, snapshot: Snapshot, current: Snapshot | None) -> str | None:
        """See `Platform`.

        The answer may name its account otherwise than the request does, and hold another key, which
        later requests use. So a first answer is compared by the name of its project.
        """
        if current is None:
            return self._difference_of_project(snapshot)
        is_same = snapshot.settings.project_key == current.settings.project_key
        return None if is_same else "project"

    def difference_of_file(self, snapshot: Snapshot) -> str | None:
        """See `Platform`."""
        found, known = snapshot.settings, self._credentials
        if known is None:
            return None
        if split_account(found.sdk_account_id)[0] != known.account_id:
            return "account"
        if self._difference_of_project(snapshot) is not None:
            return "project"
        return None if found.sdk_key == known.sdk_key else "environment"

    def _difference_of_project(self, snapshot: Snapshot) -> str | None:
        known = self._credentials
        is_same = known is None or snapshot.settings.project_name == known.project_name
        return None if is_same else "project"

    def owner(self, current: Snapshot | None) -> str:
        """See `Platform`."""
        known = self._credentials
        if known is not None:
            return owner_of("pagesense", known.account_id, known.sdk_key, known.project_name)
        if current is None:
            return owner_of("pagesense")
        found = current.settings
        account_id = split_account(found.sdk_account_id)[0]
        return owner_of("pagesense", account_id, found.sdk_key, found.project_name)

    def report(self, snapshot: Snapshot) -> None:
        """See `Platform`."""
        report_problems(self._log, snapshot.settings)
