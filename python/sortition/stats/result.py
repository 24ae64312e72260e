"""The base class of all results, which converts them to plain values."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Final

NEEDS_SCIPY: Final = "scipy is not installed; run: pip install 'sortition[stats]'"


class Result:
    """A result of the statistics; every one is a frozen dataclass."""

    __slots__ = ()

    def as_dict(self) -> dict[str, object]:
        """The result as plain values that JSON can carry.

        Returns:
            The fields by name. Results inside are dictionaries, too; tuples are lists; and a number
            that is infinite or unknown (NaN) is None.
        """
        fields = dataclasses.fields(self)  # type: ignore[arg-type]  # every subclass is a dataclass
        return {one.name: _plain(getattr(self, one.name)) for one in fields}


def _plain(value: object) -> object:
    if isinstance(value, Result):
        return value.as_dict()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value
