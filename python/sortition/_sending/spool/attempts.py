"""What the spool is told of a batch that is sent again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sortition._sending.spool.segment import Place
    from sortition._sending.spool.spool import Spool


class Attempts:
    """Keeps on record whether the server may have a batch, for whoever takes over from us.

    Args:
        spool: The spool; None if there is none.
        places: Where the events of the batch are.
    """

    def __init__(self, spool: Spool | None, places: Sequence[Place | None]) -> None:
        self._spool = spool
        self._places = places
        self._is_noted = False
        self._may_have_arrived = False

    def begin(self) -> None:
        """The batch is about to be sent."""
        if self._spool is not None and not self._is_noted:
            self._spool.note_sending(self._places)
            self._is_noted = True

    def fail(self, *, may_have_arrived: bool) -> None:
        """The batch was not accepted."""
        self._may_have_arrived |= may_have_arrived
        if self._spool is not None and not self._may_have_arrived:
            self._spool.note_returned(self._places)
            self._is_noted = False
