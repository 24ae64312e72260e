"""Reads events from requests in VWO's wire formats, independently of the client's code.

Source: VWO spec, section 9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sortition.collector.event import Event, MalformedError, Owner
from sortition.collector.values import Amount, amount_of, json_to_keep_of, object_of, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sortition.collector.vwo.account import Account

MOST_EVENTS_OF_A_BATCH: Final = 5000
"""The most events that the platform accepts in one request."""

_VISITOR, _CONVERSION, _PUSH = 1, 2, 3
"""The kinds of events in a batch."""

_MOST: Final = 2**53


class TooManyEventsError(Exception):
    """A batch holds more events than the platform accepts."""


def classic_visitor(query: Mapping[str, str]) -> Event:
    """``GET /server-side/track-user``."""
    return Event(
        "visitor",
        owner=_owner(query, "account_id"),
        visitor=_parameter(query, "u"),
        happened_at=_seconds(query, "sId"),
        campaign=_parameter(query, "experiment_id"),
        variation=_parameter(query, "combination"),
    )


def classic_conversion(query: Mapping[str, str]) -> Event:
    """``GET /server-side/track-goal``."""
    amount = amount_of(query.get("r"))
    return Event(
        "conversion",
        owner=_owner(query, "account_id"),
        visitor=_parameter(query, "u"),
        happened_at=_seconds(query, "sId"),
        campaign=_parameter(query, "experiment_id"),
        variation=_parameter(query, "combination"),
        goal=_parameter(query, "goal_id"),
        revenue=amount.revenue,
        has_unreadable_revenue=amount.is_unreadable,
    )


def classic_push(query: Mapping[str, str]) -> list[Event]:
    """``GET /server-side/push``."""
    return [
        Event(
            "push",
            owner=_owner(query, "account_id"),
            visitor=_parameter(query, "u"),
            happened_at=_seconds(query, "sId"),
            tag=tag,
            value=value,
        )
        for tag, value in _tags("tags", _parameter(query, "tags"))
    ]


def event(query: Mapping[str, str], body: bytes, account: Account | None) -> list[Event]:
    """``POST /events/t``."""
    content = object_of("the body", json_to_keep_of("the body", body))
    data = object_of("d", content.get("d"))
    described = object_of("d.event", data.get("event"))
    properties = object_of("d.event.props", described.get("props"))
    owner = _owner(query, "a")
    visitor = text_of("d.visId", data.get("visId"))
    happened_at = _integer("d.sessionId", data.get("sessionId"))
    name = text_of("d.event.name", described.get("name"))
    if name != query.get("en"):
        raise MalformedError("en is not the name of the event")
    if name == "vwo_variationShown":
        return [
            Event(
                "visitor",
                owner,
                visitor,
                happened_at,
                campaign=_id("d.event.props.id", properties.get("id")),
                variation=_id("d.event.props.variation", properties.get("variation")),
            )
        ]
    if name == "vwo_syncVisitorProp":
        of_visitor = object_of("d.visitor", data.get("visitor"))
        pairs = object_of("d.visitor.props", of_visitor.get("props"))
        return [
            Event("push", owner, visitor, happened_at, tag=tag, value=str(value))
            for tag, value in pairs.items()
            if tag != "vwo_fs_environment"
        ]
    meta = object_of("d.event.props.vwoMeta", properties.get("vwoMeta"))
    metric = object_of("d.event.props.vwoMeta.metric", meta.get("metric"))
    events = []
    for campaign, goals in metric.items():
        if not campaign.startswith("id_") or not isinstance(goals, list):
            raise MalformedError("d.event.props.vwoMeta.metric must map id_CAMPAIGN to goals")
        for goal in goals:
            if not isinstance(goal, str) or not goal.startswith("g_"):
                raise MalformedError("a goal of d.event.props.vwoMeta.metric must be g_GOAL")
            campaign_id, goal_id = campaign.removeprefix("id_"), goal.removeprefix("g_")
            amount = _event_amount(meta, properties, campaign_id, goal_id, account)
            events.append(
                Event(
                    "conversion",
                    owner,
                    visitor,
                    happened_at,
                    campaign=campaign_id,
                    goal=goal_id,
                    revenue=amount.revenue,
                    has_unreadable_revenue=amount.is_unreadable,
                )
            )
    return events


def batch(query: Mapping[str, str], body: bytes) -> list[Event]:
    """``POST /server-side/batch-events``.

    Raises:
        TooManyEventsError: The batch has more events than the platform accepts.
    """
    owner = _owner(query, "a")
    items = object_of("the body", json_to_keep_of("the body", body)).get("ev")
    if not isinstance(items, list):
        raise MalformedError("ev must be a list")
    if len(items) > MOST_EVENTS_OF_A_BATCH:
        raise TooManyEventsError
    events: list[Event] = []
    for index, item in enumerate(items):
        events += _batched(f"ev[{index}]", object_of(f"ev[{index}]", item), owner)
    return events


def _batched(place: str, item: dict[str, object], owner: Owner) -> list[Event]:
    visitor = text_of(f"{place}.u", item.get("u"))
    happened_at = _integer(f"{place}.sId", item.get("sId"))
    kind = item.get("eT")
    if isinstance(kind, bool) or kind not in (_VISITOR, _CONVERSION, _PUSH):
        raise MalformedError(f"{place}.eT must be 1, 2 or 3")
    if kind == _PUSH:
        tags = _tags(f"{place}.t", text_of(f"{place}.t", item.get("t")))
        return [
            Event("push", owner, visitor, happened_at, tag=tag, value=value) for tag, value in tags
        ]
    campaign = _id(f"{place}.e", item.get("e"))
    variation = _id(f"{place}.c", item.get("c"))
    if kind == _VISITOR:
        return [Event("visitor", owner, visitor, happened_at, campaign, variation)]
    goal = _id(f"{place}.g", item.get("g"))
    amount = amount_of(item.get("r"))
    return [
        Event(
            "conversion",
            owner,
            visitor,
            happened_at,
            campaign,
            variation,
            goal,
            amount.revenue,
            has_unreadable_revenue=amount.is_unreadable,
        )
    ]


def _event_amount(
    meta: Mapping[str, object],
    properties: Mapping[str, object],
    campaign_id: str,
    goal_id: str,
    account: Account | None,
) -> Amount:
    """The revenue of a conversion. Only the settings contain the name of its property."""
    if account is not None:
        name = account.revenue_property(campaign_id, goal_id)
        value = None if name is None else meta.get(name, properties.get(name))
    else:
        # Without settings: if there is one other value beside the metric, it is the revenue.
        others = [value for name, value in meta.items() if name != "metric"]
        value = others[0] if len(others) == 1 else None
    return amount_of(value)


def _owner(query: Mapping[str, str], name: str) -> Owner:
    return Owner("vwo", _parameter(query, name))


def _parameter(query: Mapping[str, str], name: str) -> str:
    value = query.get(name)
    if not value:
        raise MalformedError(f"the query has no {name}")
    return value


def _seconds(query: Mapping[str, str], name: str) -> int:
    try:
        return _integer(name, int(_parameter(query, name)))
    except ValueError:
        raise MalformedError(f"{name} must be a number of seconds") from None


def _integer(place: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _MOST:
        raise MalformedError(f"{place} must be a whole number of seconds")
    return value


def _id(place: str, value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        raise MalformedError(f"{place} must be an id")
    return str(value)


def _tags(place: str, text: str) -> list[tuple[str, str]]:
    """The pairs in the JSON text ``{"u": {KEY: VALUE}}``."""
    pairs = object_of(f"{place}.u", object_of(place, json_to_keep_of(place, text)).get("u"))
    return [(tag, str(value)) for tag, value in pairs.items()]
