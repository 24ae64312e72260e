"""What goes into a decision and what comes out of it."""

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
        attributes: What the audiences are compared with.
        has_user_storage: Whether a user storage is configured.
        profile: What it holds; None: it was not asked.
        goal_name: The name of the goal that is to be tracked; None if none is.
    """

    user_id: str = field(repr=False)
    attributes: Mapping[str, object] = field(repr=False)
    has_user_storage: bool
    profile: Profile | None
    goal_name: str | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, and why; see `sortition._engine.pagesense.Decision`."""

    reason: str
    experiment: model.Experiment | None = None
    variation: model.Variation | None = None
    goal: model.MappedGoal | None = None
    saves_assignment: bool = False
    tracks_goal: bool = False

    @property
    def remark(self) -> model.Remark:
        """How loudly to speak of the reason."""
        return reasons.remark_of(self.reason, tracks_goal=self.tracks_goal)

    @property
    def refusal(self) -> str | None:
        """The name under which an event is counted that the reason refuses."""
        return reasons.refusal_of(self.reason)

    @property
    def needs_profile(self) -> bool:
        """Whether nothing is decided yet."""
        return self.reason == reasons.PROFILE_NEEDED
