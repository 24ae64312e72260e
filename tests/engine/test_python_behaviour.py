"""The compiled engine reads and prints numbers and text as Python does."""

from __future__ import annotations

import math
import sys
import unicodedata

import pytest
from hypothesis import example, given, strategies

from sortition import _core

pytestmark = pytest.mark.slow

# The tables of the compiled engine are those of Python 3.11. On another Python a character may
# have been added since; what the two know differently is told apart by this.
IS_SAME_UNICODE = unicodedata.unidata_version == "14.0.0"
CHARACTERS = [
    chr(code)
    for code in range(sys.maxunicode + 1)
    if not 0xD800 <= code <= 0xDFFF
    and (IS_SAME_UNICODE or unicodedata.ucd_3_2_0.category(chr(code)) != "Cn")
]

NUMBERLIKE = strategies.text(alphabet="0123456789_.eE+-infatyNI \t\u3000\x1c\u0663\uff11x")
TEXT = strategies.text(
    alphabet=strategies.one_of(
        strategies.sampled_from(CHARACTERS), strategies.sampled_from("ΣσςAaß\u00ad\u0307İ .:'")
    )
)


def python_float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


@given(NUMBERLIKE | strategies.floats().map(str) | strategies.integers().map(str))
@example("1_000")
@example("\u0661_\u0662")
@example("\x1c1")
def test_float(text: str) -> None:
    expected, actual = python_float(text), _core.python_float(text)
    if expected is None or actual is None or not math.isnan(expected):
        assert expected == actual
    else:
        assert math.isnan(actual)


@given(NUMBERLIKE | strategies.integers().map(str))
@example("1_000")
@example("\u0661_\u0662")
@example("\x1c1")
@example("\u3000\x1c+1")
@example("9" * 4300)
@example("9" * 4301)
def test_integer(text: str) -> None:
    try:
        # The engine has 64 bits for what is only ever compared with 1.
        expected = min(max(int(text), -(2**63)), 2**63 - 1)
    except ValueError:
        assert _core.python_integer(text) is None
    else:
        assert _core.python_integer(text) == expected


@given(strategies.floats())
@example(1e16)
@example(-0.0)
@example(5e-324)
def test_repr(number: float) -> None:
    assert repr(number) == _core.python_repr(number)


@given(TEXT)
def test_lower(text: str) -> None:
    assert text.lower() == _core.python_lower(text)


@given(TEXT)
def test_strip(text: str) -> None:
    assert text.strip() == _core.python_strip(text)


@pytest.mark.parametrize("around", ["", "A{}Σ", "{}Σ", "AΣ{}", "AΣ{}B"])
def test_every_character(around: str) -> None:
    """Each character alone, and where a capital sigma looks at it."""
    for character in CHARACTERS:
        text = around.format(character) if around else character
        assert text.lower() == _core.python_lower(text), hex(ord(character))
        assert text.strip() == _core.python_strip(text), hex(ord(character))
        assert python_float(text) == _core.python_float(text), hex(ord(character))
