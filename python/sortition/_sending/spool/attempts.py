"""Reports the attempts to send a batch to the spool."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sortition._sending.spool.segment import Place
    from sortition._sending.spool.spool import Spool


class Attempts:
    """Records whether the server may have a batch, for the process that takes over.

    Args:
        spool: The spool; None without one.
        places: The places of the batch's events.
    """

    def __init__(self, spool: Spool | None, places: Sequence[Place | None]) -> None:
        self._spool = spool
        self._places = places
        self._is_noted = False
        self._may_have_arrived = False

    def begin(self) -> None:
        """Note that the batch is about to be sent."""
        if self._spool is not None and not self._is_noted:
            self._spool.note_sending(self._places)
            self._is_noted = True

    def fail(self, *, may_have_arrived: bool) -> None:
        """Note that the batch was not accepted."""
        self._may_have_arrived |= may_have_arrived
        if self._spool is not None and not self._may_have_arrived:
            self._spool.note_returned(self._places)
            self._is_noted = False
