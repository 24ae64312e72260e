"""What a platform knows of its own settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sortition._settings.current import SnapshotT

if TYPE_CHECKING:
    from sortition._http.transport import Request


class Platform(Protocol[SnapshotT]):
    """How a platform's settings are asked for, read and told apart.

    A client's threads hold it: it must not refer to the client, which could not be freed then.
    """

    @property
    def document_name(self) -> str:
        """What the platform calls its settings, for the log: such as ``settings file``."""

    @property
    def account_option(self) -> str:
        """The launch option that names the account."""

    def request(self, current: SnapshotT | None, *, is_via_webhook: bool) -> Request | None:
        """The request for the settings that come after these.

        Args:
            current: The settings in use; None where there are none that were given or came from
                the server.
            is_via_webhook: Whether a webhook of the platform asked for it.

        Returns:
            The request; None where it is not known what to ask for.
        """

    def compile(self, document: bytes) -> SnapshotT:
        """Settings that could be used.

        Raises:
            SettingsError: They cannot be used at all.
        """

    def difference(self, snapshot: SnapshotT, current: SnapshotT | None) -> str | None:
        """In what settings are not those that the client is for.

        Args:
            snapshot: The settings.
            current: The settings in use, where they were given or came from the server. None: there
                are none, and the settings are the first ones that came from the server.

        Returns:
            What is another one: ``account``, ``environment`` (which has a key of its own) or
            ``project``; None where the settings are the client's.
        """

    def difference_of_file(self, snapshot: SnapshotT) -> str | None:
        """The same for settings from a file, compared in all that they name."""

    def owner(self, current: SnapshotT | None) -> str:
        """A digest of the platform and of the account, key and project that the client is for.

        Args:
            current: The settings in use, which say it where the launch was not given it.
        """

    def report(self, snapshot: SnapshotT) -> None:
        """Log what is to be known of settings that come into use."""
