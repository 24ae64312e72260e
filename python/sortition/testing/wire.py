"""From requests to events, whatever they say, as long as they can be told apart.

Source: VWO spec, section 9; PageSense spec, section 6.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from sortition.testing.event import Event
from sortition.testing.message import MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sortition.testing.event import Kind
    from sortition.testing.request import Received

_KINDS: Final[Mapping[object, Kind]] = {1: "visitor", 2: "conversion", 3: "push"}
"""The kinds of events in a batch."""

_DIGEST_BYTES: Final = 16
_ENDPOINT_SEGMENTS: Final = 2


def events_of(request: Received) -> list[Event]:
    """The events that a request carries.

    A request for settings carries none. One that is of no known endpoint is one event of another
    platform.

    Raises:
        MalformedError: It is of a known endpoint, and they cannot be told apart.
    """
    _, *segments = request.path.split("/")
    # An account whose data reside elsewhere puts a segment in front.
    if len(segments) == _ENDPOINT_SEGMENTS + 1:
        del segments[0]
    read = _ENDPOINTS.get((request.method, "/".join(segments)), _other)
    return read(request)


def _no_event(_: Received) -> list[Event]:
    return []


def _track_user(request: Received) -> list[Event]:
    query = request.query
    return [
        Event(
            "visitor",
            _text("u", query.get("u")),
            campaign=_text("experiment_id", query.get("experiment_id")),
            happened_at=_seconds(query.get("sId")),
            raw=query,
        )
    ]


def _track_goal(request: Received) -> list[Event]:
    query = request.query
    return [
        Event(
            "conversion",
            _text("u", query.get("u")),
            campaign=_text("experiment_id", query.get("experiment_id")),
            goal=_text("goal_id", query.get("goal_id")),
            revenue=query.get("r"),
            happened_at=_seconds(query.get("sId")),
            raw=query,
        )
    ]


def _push(request: Received) -> list[Event]:
    query = request.query
    visitor, happened_at = _text("u", query.get("u")), _seconds(query.get("sId"))
    return [
        Event("push", visitor, tag=tag, happened_at=happened_at, raw=query)
        for tag in _tags("tags", query.get("tags"))
    ]


def _event(request: Received) -> list[Event]:
    content = _json("the body", request.body)
    data = _object("d", _object("the body", content).get("d"))
    event = _object("d.event", data.get("event"))
    properties = _object("d.event.props", event.get("props"))
    visitor, happened_at = _text("d.visId", data.get("visId")), _seconds(data.get("sessionId"))
    name = event.get("name")
    if name == "vwo_variationShown":
        campaign = _text("d.event.props.id", properties.get("id"))
        return [Event("visitor", visitor, campaign, happened_at=happened_at, raw=content)]
    if name == "vwo_syncVisitorProp":
        of_visitor = _object("d.visitor", data.get("visitor"))
        return [
            Event("push", visitor, tag=tag, happened_at=happened_at, raw=content)
            for tag in _object("d.visitor.props", of_visitor.get("props"))
            if tag != "vwo_fs_environment"
        ]
    meta = _object("d.event.props.vwoMeta", properties.get("vwoMeta"))
    # Only the settings know the name of the revenue, but usually nothing else stands there.
    others = [value for name, value in meta.items() if name != "metric"]
    revenue = str(others[0]) if len(others) == 1 else None
    metric = _object("d.event.props.vwoMeta.metric", meta.get("metric"))
    return [
        Event(
            "conversion",
            visitor,
            campaign=campaign.removeprefix("id_"),
            goal=_text("a goal", goal).removeprefix("g_"),
            revenue=revenue,
            happened_at=happened_at,
            raw=content,
        )
        for campaign, goals in metric.items()
        for goal in _list("the goals of a campaign", goals)
    ]


def _batch(request: Received) -> list[Event]:
    content = _object("the body", _json("the body", request.body))
    events: list[Event] = []
    for index, item in enumerate(_list("ev", content.get("ev"))):
        events += _batched(f"ev[{index}]", item)
    return events


def _batched(place: str, value: object) -> list[Event]:
    item = _object(place, value)
    kind = item.get("eT")
    if isinstance(kind, bool) or kind not in _KINDS:
        raise MalformedError(f"{place}.eT must be 1, 2 or 3")
    visitor, happened_at = _text(f"{place}.u", item.get("u")), _seconds(item.get("sId"))
    if _KINDS[kind] == "push":
        return [
            Event("push", visitor, tag=tag, happened_at=happened_at, raw=item)
            for tag in _tags(f"{place}.t", item.get("t"))
        ]
    campaign = _text(f"{place}.e", item.get("e"))
    if _KINDS[kind] == "visitor":
        return [Event("visitor", visitor, campaign, happened_at=happened_at, raw=item)]
    goal, revenue = _text(f"{place}.g", item.get("g")), item.get("r")
    return [
        Event(
            "conversion",
            visitor,
            campaign,
            goal,
            revenue=None if revenue is None else str(revenue),
            happened_at=happened_at,
            raw=item,
        )
    ]


def _pagesense_visitor(request: Received) -> list[Event]:
    raw, visitor, item = _pagesense(request, "fvrd")
    return [Event("visitor", visitor, campaign=_text("b", item.get("b")), raw=raw)]


def _pagesense_goal(request: Received) -> list[Event]:
    raw, visitor, item = _pagesense(request, "fgrd")
    # One event, however many experiments it counts for: those of a project's goal are in `raw`.
    campaign = None if "el" in item else _text("b", item.get("b"))
    amounts = [
        pair.get("v")
        for pair in (_object("a property", one) for one in _list("gp", item.get("gp", [])))
        if pair.get("ln") == "revenue"
    ]
    return [
        Event(
            "conversion",
            visitor,
            campaign,
            goal=_text("gln", item.get("gln")),
            revenue=str(amounts[0]) if amounts else None,
            raw=raw,
        )
    ]


def _pagesense(request: Received, name: str) -> tuple[Any, str, dict[str, Any]]:
    """The content of PageSense's ``raw``, the user's id, and the one element of this list."""
    raw = _object("raw", _json("raw", request.query.get("raw", "")))
    visitor = _text("furd.f", _object("furd", raw.get("furd")).get("f"))
    items = _list(name, raw.get(name))
    if len(items) != 1:
        raise MalformedError(f"{name} must have one element")
    return raw, visitor, _object(f"{name}[0]", items[0])


def _other(request: Received) -> list[Event]:
    # What is sent again is the same; and a digest holds no secret, and takes little memory.
    digest = blake2b(digest_size=_DIGEST_BYTES)
    for part in (request.method, request.path, request.query_text):
        digest.update(part.encode() + b"\n")
    digest.update(request.body)
    return [Event("other", visitor="", tag=digest.hexdigest(), raw=request)]


_ENDPOINTS: Final[Mapping[tuple[str, str], Callable[[Received], list[Event]]]] = {
    ("GET", "server-side/settings"): _no_event,
    ("GET", "server-side/pull"): _no_event,
    ("GET", "server-side/track-user"): _track_user,
    ("GET", "server-side/track-goal"): _track_goal,
    ("GET", "server-side/push"): _push,
    ("POST", "events/t"): _event,
    ("POST", "server-side/batch-events"): _batch,
    ("GET", "psfullstacksdk/updateprojectsettings"): _no_event,
    ("GET", "psfullstacksdk/trackvisitor"): _pagesense_visitor,
    ("GET", "psfullstacksdk/trackgoal"): _pagesense_goal,
}


def _json(place: str, text: str | bytes) -> object:
    try:
        content: object = json.loads(text)
    except (ValueError, RecursionError):
        raise MalformedError(f"{place} is no JSON") from None
    return content


def _object(place: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedError(f"{place} must be an object")
    return value


def _list(place: str, value: object) -> list[Any]:
    if not isinstance(value, list):
        raise MalformedError(f"{place} must be a list")
    return value


def _text(place: str, value: object) -> str:
    """An id as text, which comes as text or as a number."""
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        raise MalformedError(f"{place} must be an id")
    return str(value)


def _seconds(value: object) -> int | None:
    """A time, where there is one; whether it is right is for the platform to say."""
    try:
        return int(value)  # type: ignore[call-overload, no-any-return]  # refused below
    except (TypeError, ValueError, OverflowError):
        return None


def _tags(place: str, text: object) -> list[str]:
    """The names of ``{"u": {KEY: VALUE}}``, which comes as text."""
    if not isinstance(text, str):
        raise MalformedError(f"{place} must be text")
    return list(_object(f"{place}.u", _object(place, _json(place, text)).get("u")))
