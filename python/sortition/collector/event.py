"""What the collector keeps of a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["visitor", "conversion", "push"]
"""What happened: a variation was seen, a goal was reached, a property of a visitor was set."""


class MalformedError(Exception):
    """A request that cannot be an event; the message says why."""


class RefusedError(Exception):
    """A request that is an event of another account, or without the right key."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that a visitor did. Ids are kept as text, as they came.

    Attributes:
        kind: What happened.
        account: The account's id.
        visitor: The visitor's id.
        happened_at: When, in seconds since 1970, by the client's clock.
        campaign: The campaign's id, for a visitor or a conversion.
        variation: The variation's id; None where the format does not say, and the visitor's own
            counts.
        goal: The goal's id, for a conversion.
        revenue: What the conversion brought, as it came.
        tag: The property's name, for a push.
        value: The property's value, for a push.
    """

    kind: Kind
    account: str
    visitor: str
    happened_at: int
    campaign: str | None = None
    variation: str | None = None
    goal: str | None = None
    revenue: str | None = None
    tag: str | None = None
    value: str | None = None
