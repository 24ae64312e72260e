"""The value of a call comes before that of the launch, which comes before the default."""

from __future__ import annotations

import pytest

from sortition._base.options import first_given


@pytest.mark.parametrize(
    ("call", "launch", "default", "value"),
    [
        (False, True, True, False),
        (0, 5, 1, 0),
        ("", "launch", "default", ""),
        (None, False, True, False),
        (None, None, 3, 3),
    ],
)
def test_only_none_is_not_given(
    call: object, launch: object, default: object, value: object
) -> None:
    """``False``, 0 and empty text count as given."""
    assert first_given(call, launch, default) == value
