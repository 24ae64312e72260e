"""The part of settings that depends on the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sortition._settings.current import SnapshotT

if TYPE_CHECKING:
    from sortition._http.transport import Request


class Platform(Protocol[SnapshotT]):
    """Asks for, reads and compares a platform's settings.

    It must not refer to the client: the client's threads hold it, and the client could not be
    freed.
    """

    @property
    def document_name(self) -> str:
        """The platform's term for its settings, for the log, such as ``settings file``."""

    @property
    def account_option(self) -> str:
        """The launch option that names the account."""

    def request(self, current: SnapshotT | None, *, is_via_webhook: bool) -> Request | None:
        """The request for new settings.

        Args:
            current: The settings in use; None unless they were given or came from the server.
            is_via_webhook: Whether a webhook of the platform is the cause.

        Returns:
            The request; None if the client does not know what to ask for.
        """

    def compile(self, document: bytes) -> SnapshotT:
        """Read settings.

        Raises:
            SettingsError: They are not usable at all.
        """

    def difference(self, snapshot: SnapshotT, current: SnapshotT | None) -> str | None:
        """What in these settings does not belong to the client.

        Args:
            snapshot: The settings.
            current: The settings in use, where they were given or came from the server. None: there
                are none, and the settings are the first ones that came from the server.

        Returns:
            What differs: ``account``, ``environment`` (which has its own key) or ``project``; None
            if the settings are the client's.
        """

    def difference_of_file(self, snapshot: SnapshotT) -> str | None:
        """The same for settings from a file, comparing everything that they name."""

    def owner(self, current: SnapshotT | None) -> str:
        """A digest of the platform, and of the client's account, key and project.

        Args:
            current: The settings in use, which name what the launch was not given.
        """

    def report(self, snapshot: SnapshotT) -> None:
        """Log notes about settings that come into use."""
