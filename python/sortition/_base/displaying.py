"""Text from outside, as it may stand in a line for people."""

from __future__ import annotations


def displayed(text: str) -> str:
    r"""A text on one line: what a terminal or a log would not print as it is, is escaped.

    Line breaks, escape sequences, other control characters, marks that turn the direction of
    writing, and halves of surrogate pairs become Python escapes such as ``\n`` and ``\x1b``.
    """
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text
    )
