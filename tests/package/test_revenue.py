"""The client and the collector read the same amounts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sortition._base.revenue import is_amount
from sortition.collector.values import amount_of

TEXTS = st.one_of(
    st.text("0123456789+-.eE,_ \u0661naif", max_size=12),
    st.text(max_size=8),
    st.decimals().map(str),
    st.floats().map(repr),
    st.integers().map(str),
)
VALUES = st.one_of(TEXTS, st.integers(), st.floats(), st.booleans())


@given(VALUES)
def test_one_definition(value: object) -> None:
    """Blank text is no revenue for the collector; the client never sends it."""
    amount = amount_of(value)
    if isinstance(value, str) and not value.strip():
        assert (amount.revenue, amount.is_unreadable) == (None, False)
    else:
        assert is_amount(value) == (not amount.is_unreadable) == (amount.revenue is not None)
