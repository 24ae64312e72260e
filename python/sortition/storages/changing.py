"""Changing what a backend holds while other processes change it too.

A writer reads what is there, and writes its change only if that is still there. Otherwise it tries
again with what another writer put there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sortition.storages.merging import merged_record
from sortition.storages.text import record_of, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MOST_TRIES: Final = 100
"""How often a writer tries. With every try that fails, another writer has succeeded."""
BUSY: Final = "others changed the record again and again"
"""The message of the exception after the last try."""


def change_to(record: Mapping[str, Any]) -> Callable[[object], str]:
    """A function that returns the text to write over a stored text, or over None.

    Raises:
        TypeError: The ``metaData`` of the record holds what JSON cannot.
        ValueError: The same.
    """
    # Raises before the backend is asked for anything.
    text_of(record)
    return lambda stored: text_of(merged_record(record_of(stored), record))
