"""Both platforms, and both engines, keep the same things in files of the same name and place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import pytest
from support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

ENGINE: Final = "rust/engine/src"
PURE: Final = "python/sortition/_engine/pure"
BINDINGS: Final = "rust/bindings/src"


class Twins(NamedTuple):
    """Two folders, with the files that only one of them has, and why."""

    one: str
    other: str
    only_one: dict[str, str]
    only_other: dict[str, str]


VWO_ONLY: Final = {
    "group": "PageSense has no groups of experiments that exclude each other",
    "operand": "PageSense's audiences compare with `condition`",
    "segment": "PageSense calls it `audience`",
    "visitor": "PageSense sends the user's id as it is",
}
PAGESENSE_ONLY: Final = {
    "activated": "VWO's storage tells who was activated",
    "audience": "VWO calls it `segment`",
    "condition": "VWO's segments compare with `operand`",
    "profile": "VWO's storage keeps a record of each campaign, not a profile of the user",
}
TWINS: Final = (
    Twins(f"{ENGINE}/vwo", f"{ENGINE}/pagesense", VWO_ONLY, PAGESENSE_ONLY),
    Twins(f"{PURE}/vwo", f"{PURE}/pagesense", VWO_ONLY, PAGESENSE_ONLY),
    Twins(f"{ENGINE}/vwo", f"{PURE}/vwo", {}, {}),
    Twins(f"{ENGINE}/pagesense", f"{PURE}/pagesense", {}, {}),
    Twins(
        ENGINE,
        PURE,
        {"reason": "a macro, where Python has plain constants"},
        {
            "surface": "the compiled engine's is `rust/bindings`",
            "pythonic": "a crate of its own in Rust: `rust/pythonic`",
        },
    ),
    Twins(
        "python/sortition/_vwo",
        "python/sortition/_pagesense",
        {
            "batch_events": "PageSense's events go one by one: the platform takes no batches",
            "integrations": "PageSense has no callback that is told of decisions",
            "settings_file": "only VWO's settings are fetched without a client",
            "variables": "PageSense's variations have no variables",
        },
        {
            "goal_property": "VWO's properties of a conversion have no names of their own",
        },
    ),
    Twins(
        f"{BINDINGS}/vwo",
        f"{BINDINGS}/pagesense",
        {},
        {"activated": "VWO's storage tells who was activated"},
    ),
)


def names_in(folder: Path) -> set[str]:
    """The modules of a folder, whether each is a file or a folder with files."""
    names = {path.stem for path in folder.iterdir() if path.suffix in (".py", ".rs")}
    names |= {path.parent.name for path in folder.glob("*/*.py")}
    return names - {"__init__", "lib"}


@pytest.mark.parametrize("twins", TWINS, ids=lambda twins: f"{twins.one} {twins.other}")
def test_twins_differ_by_what_is_listed_only(twins: Twins) -> None:
    """A file has a twin of the same name, or stands in the list with the reason why not."""
    one, other = names_in(ROOT / twins.one), names_in(ROOT / twins.other)
    assert one - other == twins.only_one.keys()
    assert other - one == twins.only_other.keys()
    assert one & other
