"""The events that the collector stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

Platform: TypeAlias = Literal["vwo", "pagesense"]
"""The platform whose format an event has."""

Kind: TypeAlias = Literal["visitor", "conversion", "push"]
"""The kind of event: a visitor saw a variation, reached a goal, or got a property."""


class MalformedError(Exception):
    """A request is not a valid event; the message says why."""


class RefusedError(Exception):
    """A request belongs to another account, or has the wrong key."""


class Owner(NamedTuple):
    """The account or project to which an event belongs.

    Attributes:
        platform: The platform.
        account: VWO: the account's id. PageSense: the portal's name.
        project: PageSense: the project's key. VWO has no projects, so it is empty.
    """

    platform: Platform
    account: str
    project: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """An event of one visitor. Ids are text, unchanged from the request.

    A request about a goal in several campaigns becomes one event for each campaign.

    Attributes:
        kind: The kind of event.
        owner: The account or project.
        visitor: The visitor's id.
        happened_at: The time in seconds since 1970, by the client's clock; None for PageSense,
            whose format has no time.
        campaign: For a visitor or a conversion, the campaign's id. PageSense: the experiment's key,
            or None for a conversion of a user in no experiment.
        variation: The variation's id or key. None if the format does not contain it; the conversion
            then counts for the variation that the visitor saw last.
        goal: For a conversion, the goal's id or link name.
        revenue: The conversion's revenue as decimal text; None without one.
        has_unreadable_revenue: Whether the conversion has a revenue that the collector cannot read.
        tag: For a push, the property's name.
        value: For a push, the property's value.
    """

    kind: Kind
    owner: Owner
    visitor: str
    happened_at: int | None
    campaign: str | None = None
    variation: str | None = None
    goal: str | None = None
    revenue: str | None = None
    tag: str | None = None
    value: str | None = None
    has_unreadable_revenue: bool = False
