"""What each call does once its arguments are checked: decide, tell the platform, remember."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sortition._base.nearest import MOST_NAMES, nearest
from sortition._vwo.events import Assignment, Conversion
from sortition._vwo.result import TrackResult
from sortition._vwo.variables import NotCastableError, find_variable, typed_value, variables_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sortition._base.log import Log
    from sortition._engine.vwo import Decision, Json, Settings
    from sortition._vwo.deciding import Asked, AskedGoal, Decided, Decider
    from sortition._vwo.delivery import Delivery
    from sortition._vwo.events import Visitor
    from sortition._vwo.snapshot import Snapshot

_NO_CAMPAIGN: Final = frozenset(
    {"campaign_unknown", "campaign_set_aside", "campaign_not_running", "goal_unknown"}
)
"""The reasons for which `Client.track` of one campaign returns None, not a mapping."""


class Calls:
    """The calls of one client; each works with one snapshot from its beginning to its end."""

    def __init__(self, decider: Decider, delivery: Delivery, log: Log) -> None:
        self._decider = decider
        self._delivery = delivery
        self._log = log

    def assign(self, snapshot: Snapshot, campaign_key: str, asked: Asked) -> Decision:
        """Decide without an event: what is to be stored is stored at once."""
        decided = self._decider.decide(snapshot.settings, campaign_key, asked, None)
        self._decider.remember(decided, asked, None)
        return decided.decision

    def show(
        self,
        snapshot: Snapshot,
        campaign_key: str,
        asked: Asked,
        custom_properties: dict[str, object] | None,
    ) -> Decision:
        """Decide, and count the visitor."""
        decided = self._decider.decide(snapshot.settings, campaign_key, asked, None)
        decision = decided.decision
        assignment = Assignment.of(decision)
        if assignment is None:
            return decision
        is_counted_already = decision.has_record and not asked.tracks_again
        # Where nothing is sent, a record whose variation is gone is replaced even so.
        if is_counted_already or self._delivery.impression(
            snapshot, asked.visitor, assignment, custom_properties
        ):
            self._decider.remember(decided, asked, None)
        return decision

    def variable_value(
        self, snapshot: Snapshot, campaign_key: str, variable_key: str, asked: Asked
    ) -> Json:
        """Decide, and look up the variable."""
        assignment = Assignment.of(self.assign(snapshot, campaign_key, asked))
        if assignment is None:
            return None
        campaign, variation = assignment.campaign, assignment.variation
        variable = find_variable(campaign, variation, variable_key)
        if variable is None:
            known = (one.key for one in variables_of(campaign, variation))
            self._log.recurring_error(
                (asked.call, campaign_key, variable_key),
                lambda: (
                    f"{asked.call}: the campaign {campaign_key} has no such variable"
                    f"{nearest(variable_key, known)}"
                ),
            )
            return None
        try:
            return typed_value(variable)
        except NotCastableError:
            words = f"the value of {variable_key} in {campaign_key} is no {variable.type}"
            self._log.recurring_error((asked.call, words), lambda: f"{asked.call}: {words}")
            return None

    def convert(
        self,
        snapshot: Snapshot,
        specifier: str | list[str] | None,
        asked: Asked,
        goal: AskedGoal,
    ) -> TrackResult | None:
        """Decide for each campaign, and report the conversions."""
        settings = snapshot.settings
        decisions = [
            (key, self._decider.decide(settings, target, asked, goal))
            for key, target in self._targets(settings, specifier, goal)
        ]
        if isinstance(specifier, str) and decisions[0][1].decision.reason in _NO_CAMPAIGN:
            return None
        if specifier is None and not decisions:
            self._note_unknown_goal(settings, goal)
            return None
        result = TrackResult({key: False for key, _ in decisions})
        credited: list[tuple[str, Decided, Conversion]] = []
        for key, decided in decisions:
            assignment = Assignment.of(decided.decision)
            if assignment is not None and decided.decision.goal is not None:
                conversion = Conversion(assignment, decided.decision.goal)
                credited.append((key, decided, conversion))
        accepted = self._delivery.conversions(
            snapshot,
            asked.visitor,
            goal.identifier,
            [conversion for _, _, conversion in credited],
            goal.revenue,
            goal.event_properties,
        )
        # Only now: a slow user storage is not to use up the time of the events.
        for (key, decided, _), is_accepted in zip(credited, accepted, strict=True):
            if is_accepted:
                result[key] = True
                self._decider.remember(decided, asked, goal)
        return result

    def push(self, snapshot: Snapshot, visitor: Visitor, dimensions: Mapping[str, str]) -> bool:
        """Tell the platform of values of custom dimensions."""
        return bool(dimensions) and self._delivery.push(snapshot, visitor, dimensions)

    def _note_unknown_goal(self, settings: Settings, goal: AskedGoal) -> None:
        """Log that a call names a goal that no campaign has."""

        def describe() -> str:
            known = settings.goal_identifiers(MOST_NAMES + 1)
            return f"track: no campaign has such a goal{nearest(goal.identifier, known)}"

        self._log.recurring_error(("track", goal.identifier), describe)

    def _targets(
        self, settings: Settings, specifier: str | list[str] | None, goal: AskedGoal
    ) -> list[tuple[str, str | int]]:
        """The campaigns to track, each with its key in the result."""
        if isinstance(specifier, str):
            return [(specifier, specifier)]
        if specifier is None:
            campaigns = settings.campaigns_with_goal(goal.identifier)
            return [(campaign.key, campaign.index) for campaign in campaigns]
        targets: dict[str, str | int] = {}
        for key in specifier:
            campaign = settings.running_campaign(key)
            if campaign is None:
                self._decider.note_unknown_campaign(settings, "track", key)
            else:
                targets[key] = campaign.index
        return list(targets.items())
