"""The input and the result of a decision."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sortition._engine.pure.pagesense import reason as reasons

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sortition._engine import pagesense as model
    from sortition._engine.pure.pagesense.profile import Profile


@dataclass(frozen=True, slots=True)
class Request:
    """Everything a decision depends on, besides the settings.

    Attributes:
        user_id: The user's id.
        attributes: The user's attributes, for the audiences.
        has_user_storage: Whether the client has a user storage.
        profile: The user's profile in it; None if it has not been read.
        goal_name: The name of the goal to track; None without one.
    """

    user_id: str = field(repr=False)
    attributes: Mapping[str, object] = field(repr=False)
    has_user_storage: bool
    profile: Profile | None
    goal_name: str | None


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision and its reason; see `sortition._engine.pagesense.Decision`."""

    reason: str
    experiment: model.Experiment | None = None
    variation: model.Variation | None = None
    goal: model.MappedGoal | None = None
    saves_assignment: bool = False
    tracks_goal: bool = False

    @property
    def remark(self) -> model.Remark:
        """The level at which to log the reason."""
        return reasons.remark_of(self.reason, tracks_goal=self.tracks_goal)

    @property
    def refusal(self) -> str | None:
        """The name under which `stats` counts an event that the reason refuses."""
        return reasons.refusal_of(self.reason)

    @property
    def needs_profile(self) -> bool:
        """Whether nothing is decided yet."""
        return self.reason == reasons.PROFILE_NEEDED
