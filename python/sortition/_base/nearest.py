"""Suggests the name that the caller probably meant.

A call waits for the hint, so its cost is bounded: it looks at up to `MOST_NAMES` names, and
compares only the most similar ones letter by letter.
"""

from __future__ import annotations

import difflib
import heapq
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_NAMES: Final = 200
"""If there are more names, there is no hint."""

_MOST_COMPARED: Final = 5
_MOST_LETTERS: Final = 100
_LEAST_ALIKE: Final = 0.5


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint at the name that the caller probably meant.

    Args:
        name: The unknown name.
        known: The known names.

    Returns:
        The hint, for the end of a message; empty if no name is similar, or if there are more than
        `MOST_NAMES`.
    """
    names = list(islice(known, MOST_NAMES + 1))
    if len(names) > MOST_NAMES:
        return ""
    wanted = _plain(name)
    for one in names:
        # As in userId for user_id.
        if _plain(one) == wanted:
            return _hint(one)
    pairs = _pairs(wanted)
    likely = heapq.nlargest(_MOST_COMPARED, names, key=lambda one: _share(pairs, one))
    found = difflib.get_close_matches(name[:_MOST_LETTERS], likely, n=1, cutoff=_LEAST_ALIKE)
    return _hint(found[0]) if found else ""


def _hint(name: str) -> str:
    return f"; did you mean {name}?"


def _plain(name: str) -> str:
    """The name without differences in case and in how words are joined."""
    return name[:_MOST_LETTERS].casefold().replace("_", "").replace("-", "").replace(" ", "")


def _pairs(name: str) -> set[str]:
    """The pairs of consecutive letters."""
    return {name[at : at + 2] for at in range(len(name) - 1)}


def _share(pairs: set[str], name: str) -> float:
    """How much a name has in common with these pairs."""
    found = _pairs(_plain(name))
    return len(pairs & found) / (len(pairs | found) or 1)
