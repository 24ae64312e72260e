"""The events that a `FaultServer` records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["visitor", "conversion", "push", "other"]
"""The kind of event: a visitor saw a variation, reached a goal or got a property; ``other`` for
requests that belong to no known platform."""


class Identity(NamedTuple):
    """The identity of an event, from the fields of all formats, which have no event id.

    Two conversions of one user for the same goal are two events with one identity.

    Attributes:
        kind: The kind of event.
        visitor: The visitor's id.
        campaign: The campaign's id, or the experiment's key; None without one.
        goal_or_tag: The goal's id, its link name, or the tag; None without one.
    """

    kind: Kind
    visitor: str
    campaign: str | None
    goal_or_tag: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that a visitor did. Ids are kept as text.

    Attributes:
        kind: What happened.
        visitor: The visitor's id; empty for another platform's event.
        campaign: The campaign's id, for a visitor or a conversion; with PageSense the experiment's
            key, or None for a goal of the project, whose experiments only `raw` has.
        goal: The goal's id, or with PageSense its link name, for a conversion.
        tag: The property's name, for a push; for another platform's event, a digest of its
            request's method, path, query and content.
        revenue: What the conversion brought, as text; None if it brought nothing.
        happened_at: When, in seconds since 1970, by the client's clock; None if the format has
            no such time.
        raw: The event as it came: the item of a batch, the query of a classic request, the content
            of an event-architecture one, what PageSense's ``raw`` says, or another platform's
            request as a `Received`.
    """

    kind: Kind
    visitor: str
    campaign: str | None = None
    goal: str | None = None
    tag: str | None = None
    revenue: str | None = None
    happened_at: int | None = None
    raw: Any = field(default=None, repr=False, compare=False)

    @property
    def identity(self) -> Identity:
        """The event's identity."""
        return Identity(self.kind, self.visitor, self.campaign, self.goal or self.tag)
