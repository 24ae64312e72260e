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

    def is_ours(self, snapshot: SnapshotT, current: SnapshotT | None) -> bool:
        """Whether settings are of the account, and the project, that the client is for."""

    def report(self, snapshot: SnapshotT) -> None:
        """Log what is to be known of settings that come into use."""
