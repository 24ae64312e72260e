"""Text from outside, made safe for one line of output."""

from __future__ import annotations


def displayed(text: str) -> str:
    r"""The text on one line, with everything escaped that a terminal or a log would not print.

    Line breaks, escape sequences, other control characters, marks that change the direction of
    writing, and halves of surrogate pairs become Python escapes such as ``\n`` and ``\x1b``.
    """
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text
    )
