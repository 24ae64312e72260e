"""What the collector keeps of a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

Platform: TypeAlias = Literal["vwo", "pagesense"]
"""The platform whose format an event has."""

Kind: TypeAlias = Literal["visitor", "conversion", "push"]
"""What happened: a variation was seen, a goal was reached, a property of a visitor was set."""


class MalformedError(Exception):
    """A request that cannot be an event; the message says why."""


class RefusedError(Exception):
    """A request that belongs to another account, or has the wrong key."""


class Owner(NamedTuple):
    """Whose an event is.

    Attributes:
        platform: The platform.
        account: The account's id; with PageSense, the portal's name.
        project: The project's key, with PageSense; with VWO, which has no projects, empty.
    """

    platform: Platform
    account: str
    project: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that a visitor did. Ids are kept as text, as they came.

    A request that says that a goal was reached in several campaigns is an event for each.

    Attributes:
        kind: What happened.
        owner: Whose it is.
        visitor: The visitor's id.
        happened_at: When, in seconds since 1970, by the client's clock; None with PageSense, whose
            format has no time.
        campaign: The campaign's id, for a visitor or a conversion; with PageSense the experiment's
            key, or None for a conversion of a user in no experiment.
        variation: The variation's id, or its key; None if the format does not say, and the
            visitor's own counts.
        goal: The goal's id, or its link name, for a conversion.
        revenue: What the conversion brought, as decimal text.
        has_unreadable_revenue: Whether the conversion came with a revenue that cannot be read.
        tag: The property's name, for a push.
        value: The property's value, for a push.
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
