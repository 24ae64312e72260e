"""Groups of many campaigns: what the settings decide is computed once, not with every call."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import pytest
from support.documents import campaign, settings

from sortition import vwo

if TYPE_CHECKING:
    from types import FrameType

MEMBERS: Final = 3000
SEGMENT: Final = {"and": [{"custom_variable": {"plan": "gold"}}]}
ADVANCED: Final = {"et": 2, "p": [3], "wt": {"1": 20, "2": 30, "4": 40}}
WEIGHTED: Final = {"et": 2, "p": [], "wt": {"1": 20, "2": 30, "4": 40}}
KINDS: Final[list[dict[str, Any]]] = [
    {},
    {"percentTraffic": 50},
    {"segments": SEGMENT},
    {"percentTraffic": 0},
    {"percentTraffic": 70, "isBucketingSeedEnabled": True},
    {"percentTraffic": 60, "segments": SEGMENT},
]


def grouped(campaigns: list[dict[str, Any]], **group: Any) -> dict[str, Any]:
    ids = [one["id"] for one in campaigns]
    return settings(
        *campaigns,
        groups={"7": {"name": "Group", "campaigns": ids, **group}},
        campaignGroups={str(one): 7 for one in ids},
    )


def calls_of(client: vwo.Client, key: str) -> list[str]:
    """The names of the Python functions that one decision calls."""
    names: list[str] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            names.append(frame.f_code.co_name)

    sys.setprofile(note)
    try:
        client.get_variation_name(key, "Ann")
    finally:
        sys.setprofile(None)
    return names


@pytest.fixture(scope="module")
def campaigns() -> list[dict[str, Any]]:
    return [campaign(number + 1, f"c{number + 1}") for number in range(MEMBERS)]


@pytest.mark.parametrize("group", [{}, ADVANCED], ids=["random", "advanced"])
def test_a_group_that_takes_everybody_costs_no_more_with_many_members(
    campaigns: list[dict[str, Any]], group: dict[str, Any]
) -> None:
    """Only the settings determine which campaigns are eligible."""
    client = vwo.launch(grouped(campaigns, **group), engine="pure", is_development_mode=True)
    assert len(calls_of(client, "c1")) < 100


def test_the_members_of_a_group_share_a_hash(campaigns: list[dict[str, Any]]) -> None:
    """Campaigns with the same seed string have the same bucket of a user."""
    parts = [{**one, "percentTraffic": 50} for one in campaigns]
    client = vwo.launch(grouped(parts), engine="pure", is_development_mode=True)
    # Ann's bucket in the campaign, in those of the group, and in the group itself.
    assert calls_of(client, "c1").count("murmur3_32") <= 4


@pytest.mark.parametrize(
    "group", [{}, ADVANCED, WEIGHTED], ids=["random", "advanced", "by weight alone"]
)
@pytest.mark.parametrize("kinds", [KINDS, [{}], KINDS[:2]], ids=["mixed", "open", "half"])
def test_the_engines_choose_the_same_winner(
    kinds: list[dict[str, Any]], group: dict[str, Any]
) -> None:
    """Whatever the members of a group are, and however it chooses."""
    members = [
        campaign(number + 1, f"c{number + 1}", **kinds[number % len(kinds)]) for number in range(20)
    ]
    document = grouped(members, **group)
    pure, compiled = (
        vwo.launch(document, engine=engine, is_development_mode=True)
        for engine in ("pure", "compiled")
    )
    won = 0
    for user in range(40):
        for member in members:
            asked = (member["key"], f"user {user}")
            variables = {"plan": "gold" if user % 2 else "silver"}
            found = compiled.get_variation_name(*asked, custom_variables=variables)
            assert pure.get_variation_name(*asked, custom_variables=variables) == found
            won += found is not None
    assert won
