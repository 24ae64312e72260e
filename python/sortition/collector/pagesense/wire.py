"""Reads events from requests in PageSense's wire format, independently of the client's code.

Source: PageSense spec, sections 2.2 and 6.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from sortition.collector.event import Event, MalformedError, Owner
from sortition.collector.pagesense.project import REVENUE_GOAL
from sortition.collector.values import UNREADABLE, Amount, json_of, object_of, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sortition.collector.pagesense.project import Project

_VISITOR_TYPE: Final = "22"
_GOAL_TYPE: Final = "23"
_SETTINGS_TYPE: Final = "24"

_REVENUE: Final = "revenue"
_MOST_REVENUE: Final = Decimal(10) ** 30
"""The platform's own client sends numbers that do not fit in 64 bits."""


def settings_request(query: Mapping[str, str]) -> dict[str, str]:
    """``GET /psfullstacksdk/updateprojectsettings``: the object that names account and project."""
    asked = object_of("raw.fpqd", _raw(query, _SETTINGS_TYPE).get("fpqd"))
    return {name: _kept(f"raw.fpqd.{name}", asked.get(name)) for name in ("ai", "sk", "pn", "a")}


def visitor(query: Mapping[str, str], project: Project | None) -> list[Event]:
    """``GET /psfullstacksdk/trackvisitor``.

    Raises:
        RefusedError: It is of another project, or has a wrong key.
    """
    user_id, item = _item(query, _VISITOR_TYPE, "fvrd")
    place = "raw.fvrd[0]"
    owner, key = _owner(place, item), _kept(f"{place}.ek", item.get("ek"))
    experiment = _kept(f"{place}.b", item.get("b"))
    variation = _kept(f"{place}.c", item.get("c"))
    if project is not None:
        project.ensure_its_own(owner, key, experiment)
    return [Event("visitor", owner, user_id, None, experiment, variation)]


def goal(query: Mapping[str, str], project: Project | None) -> list[Event]:
    """``GET /psfullstacksdk/trackgoal``, of an experiment or of the whole project.

    Returns:
        A conversion for each experiment that counts it; one without an experiment if no experiment
        does.

    Raises:
        RefusedError: It is of another project, or has a wrong key.
    """
    user_id, item = _item(query, _GOAL_TYPE, "fgrd")
    place = "raw.fgrd[0]"
    owner, key = _owner(place, item), _kept(f"{place}.ek", item.get("ek"))
    link_name = _kept(f"{place}.gln", item.get("gln"))
    if not isinstance(item.get("ipl"), bool):
        raise MalformedError(f"{place}.ipl must be true or false")
    pairs: Sequence[tuple[str | None, str | None]]
    # Only a conversion of the whole project has a list of experiments.
    if "el" in item:
        if (item.get("b"), item.get("c")) != ("", ""):
            raise MalformedError(f"{place} must have either el, or b and c")
        pairs = _experiments(f"{place}.el", item["el"]) or [(None, None)]
        experiment = None
    else:
        experiment = _kept(f"{place}.b", item.get("b"))
        pairs = [(experiment, _kept(f"{place}.c", item.get("c")))]
    if project is not None:
        project.ensure_its_own(owner, key, experiment)
    amount = _amount(f"{place}.gp", item.get("gp", []), link_name, project)
    return [
        Event(
            "conversion",
            owner,
            user_id,
            None,
            campaign,
            variation,
            link_name,
            amount.revenue,
            has_unreadable_revenue=amount.is_unreadable,
        )
        for campaign, variation in pairs
    ]


def _raw(query: Mapping[str, str], wanted_type: str) -> dict[str, object]:
    if query.get("type") != wanted_type:
        raise MalformedError(f"type must be {wanted_type}")
    return object_of("raw", json_of("raw", query.get("raw", "")))


def _item(query: Mapping[str, str], wanted_type: str, name: str) -> tuple[str, dict[str, object]]:
    """The user's id, and the only element of the list with this name."""
    raw = _raw(query, wanted_type)
    user_id = _kept("raw.furd.f", object_of("raw.furd", raw.get("furd")).get("f"))
    items = raw.get(name)
    if not isinstance(items, list) or len(items) != 1:
        raise MalformedError(f"raw.{name} must be a list of one element")
    place = f"raw.{name}[0]"
    item = object_of(place, items[0])
    language = item.get("lk")
    if isinstance(language, bool) or not isinstance(language, int | float | str):
        raise MalformedError(f"{place}.lk must be a number or a string")
    _named_values(f"{place}.fsca", item.get("fsca", []))
    return user_id, item


def _owner(place: str, item: dict[str, object]) -> Owner:
    portal, project = _kept(f"{place}.a", item.get("a")), _kept(f"{place}.p", item.get("p"))
    return Owner("pagesense", portal, project)


def _experiments(place: str, value: object) -> list[tuple[str, str]]:
    """A list of experiments, each with the user's variation."""
    if not isinstance(value, list):
        raise MalformedError(f"{place} must be a list")
    variations: dict[str, str] = {}
    for index, one in enumerate(value):
        pair = object_of(f"{place}[{index}]", one)
        experiment = _kept(f"{place}[{index}].b", pair.get("b"))
        if experiment in variations:
            raise MalformedError(f"{place} has an experiment twice")
        variations[experiment] = _kept(f"{place}[{index}].c", pair.get("c"))
    return list(variations.items())


def _amount(place: str, properties: object, link_name: str, project: Project | None) -> Amount:
    """The revenue in a goal's properties. Only for a revenue goal must it be an amount.

    For other goals, a property of that name may have any value.
    """
    value = _named_values(place, properties).get(_REVENUE)
    goal_type = None if project is None else project.goal_type(link_name)
    if value is None or goal_type not in (None, REVENUE_GOAL):
        return Amount()
    number = _whole_number(value)
    if number is not None:
        return Amount(str(number))
    # Without settings, the type of the goal is unknown.
    return Amount() if goal_type is None else UNREADABLE


def _whole_number(value: object) -> int | None:
    """The amount that Python parses from the text, if the platform allows it; else None."""
    try:
        number = int(value) if isinstance(value, str) else -1
    except ValueError:
        return None
    return number if 0 <= number < _MOST_REVENUE else None


def _named_values(place: str, value: object) -> dict[str, object]:
    """A list of ``{"ln": name, "v": value}``."""
    if not isinstance(value, list):
        raise MalformedError(f"{place} must be a list")
    pairs = [object_of(f"{place}[{index}]", one) for index, one in enumerate(value)]
    for index, pair in enumerate(pairs):
        if not isinstance(pair.get("ln"), str) or "v" not in pair:
            raise MalformedError(f"{place}[{index}] must have ln and v")
    return {str(pair["ln"]): pair["v"] for pair in pairs}


def _kept(place: str, value: object) -> str:
    """Check text that is stored, or compared with stored text."""
    text = text_of(place, value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise MalformedError(f"{place} has half of a surrogate pair") from None
    return text
