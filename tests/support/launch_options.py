"""Writes what is made from the tables of launch options: signatures, docstrings and a docs page.

`make options` runs it; a test finds any file that it would change.
"""

from __future__ import annotations

import re
import sys
import textwrap
from typing import TYPE_CHECKING, Final

from sortition._pagesense.options import PagesenseOptions
from sortition._vwo.options import VwoOptions
from support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sortition._client.options import LaunchOptions, Option

MODULES: Final[dict[str, type[LaunchOptions]]] = {
    "vwo": VwoOptions,
    "pagesense": PagesenseOptions,
}
PAGE: Final = ROOT / "docs" / "launch-options.md"
_GROUPS: Final = {
    "decisions": "Decisions",
    "settings": "Settings",
    "sending": "Sending",
    "messages": "Messages",
}
_TITLES: Final = {"vwo": "`vwo.launch`", "pagesense": "`pagesense.launch`"}
_SIGNATURE: Final = re.compile(r"(?<=\ndef launch\(\n).*?(?=\) -> Client:\n)", re.DOTALL)
_ARGUMENTS: Final = re.compile(
    r"(?<=\n    Args:\n).*?(?=\n    Returns:\n        The client)", re.DOTALL
)
_AWAITED: Final = {
    "\ndef launch(": "\nasync def alaunch(",
    ") -> Client:": ") -> AsyncClient:",
    '"""Create a client': '"""Create an async client',
}
"""The parts of the source that differ in `alaunch`, with their replacements."""
_WIDTH: Final = 100


def made() -> Iterator[tuple[Path, str]]:
    """Each file that is made from the tables, with what it is to hold."""
    for name, options in MODULES.items():
        path = ROOT / "python" / "sortition" / f"{name}.py"
        text = path.read_text(encoding="utf-8")
        for place, part in ((_SIGNATURE, signature(options)), (_ARGUMENTS, arguments(options))):
            before, after = place.split(text, maxsplit=1)
            text = before + part + after
        yield path, with_alaunch(text)
    yield PAGE, page()


def with_alaunch(text: str) -> str:
    """A module in which `alaunch` says what `launch` says."""
    place = text.find("\nasync def alaunch(")
    if place < 0:
        return text
    begin, end = text.index("\ndef launch("), "    given = locals()\n"
    says = text[begin : text.index(end, begin)]
    for old, new in _AWAITED.items():
        says = says.replace(old, new, 1)
    return text[:place] + says + text[text.index(end, place) :]


def signature(options: type[LaunchOptions]) -> str:
    """The parameters of ``launch``, one a line."""
    lines = []
    for number, option in enumerate(options.table()):
        if number == len(options.POSITIONAL):
            lines.append("    *,\n")
        lines.append(f"    {option.name}: {option.annotation} = {_quoted(option.shown_default)},\n")
    return "".join(lines)


def arguments(options: type[LaunchOptions]) -> str:
    """The section ``Args`` of the docstring of ``launch``."""
    return "".join(
        textwrap.fill(
            f"{option.name}: {option.documentation}",
            width=_WIDTH,
            initial_indent=" " * 8,
            subsequent_indent=" " * 12,
            break_long_words=False,
            break_on_hyphens=False,
        )
        + "\n"
        for option in options.table()
    )


def page() -> str:
    """The page of the documentation."""
    return "".join(_page())


def _page() -> Iterator[str]:
    yield (
        "# Launch options\n\n"
        'Every option of `launch` and `alaunch`, for each platform. `None` means "not given" for\n'
        "all of them. `make options` writes this page from the tables in `_vwo/options.py`,\n"
        "`_pagesense/options.py` and `_client/options.py`.\n"
    )
    for name, options in MODULES.items():
        yield f"\n## {_TITLES[name]}\n"
        if options.POSITIONAL:
            listed = ", ".join(f"`{one}`" for one in options.POSITIONAL)
            yield f"\nBy position, in this order: {listed}. All others by name only.\n"
        for group, title in _GROUPS.items():
            yield f"\n### {title}\n\n| option | type | default | meaning |\n"
            yield "| --- | --- | --- | --- |\n"
            for option in options.table():
                if option.group == group:
                    yield _row(option)


def _row(option: Option) -> str:
    allowed = option.check.allowed
    meaning = option.document + (f" Allowed: {allowed}." if allowed else "")
    if option.empty_is_absent:
        meaning += " A false or empty value counts as not given."
    default = _with_unit(option) or "not given"
    if isinstance(option.default, bool):
        default = f"`{option.default}`"
    type_ = option.type.replace("|", "\\|")
    return f"| `{option.name}` | `{type_}` | {_markdown(default)} | {_markdown(meaning)} |\n"


def _with_unit(option: Option) -> str:
    words = option.default_words
    return (
        f"{words} {option.unit}"
        if option.unit in ("seconds", "events") and words[:1].isdigit() and " " not in words
        else words
    )


def _markdown(text: str) -> str:
    return text.replace("``", "`").replace("|", "\\|")


def _quoted(default: str) -> str:
    return default.replace("'", '"')


def write() -> None:
    """Write every file that differs."""
    for path, text in made():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    write()
