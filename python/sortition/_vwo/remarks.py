"""Logs the reasons of decisions: mistakes as errors, the rest at DEBUG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sortition._base.nearest import MOST_NAMES, nearest

if TYPE_CHECKING:
    from sortition._base.log import Log
    from sortition._engine.vwo import Decision, Outcome, Settings
    from sortition._vwo.deciding import Asked, AskedGoal

_WORDS: Final = {
    "campaign_set_aside": "is broken and was set aside at launch",
    "campaign_not_running": "is not running",
    "user_storage_needed": "requires a user storage",
    "not_activated": (
        "credits only users with a record in the user storage, which activate creates"
    ),
}
"""The text about a campaign, by reason."""


class Remarks:
    """Logs the outcomes of one client's calls."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def note(
        self,
        settings: Settings,
        outcome: Outcome,
        campaign: str | int,
        asked: Asked,
        goal: AskedGoal | None,
    ) -> None:
        """Log the reason for a call's outcome.

        Args:
            settings: The settings in use.
            outcome: The outcome.
            campaign: The campaign of the call: a key or an index.
            asked: The arguments of the call.
            goal: The goal to credit, for ``track``.
        """
        call, decision = asked.call, outcome.decision
        key = decision.campaign.key if decision.campaign else str(campaign)
        if decision.gave_up_on_pattern:
            self._log.recurring_error(
                (call, "pattern", campaign),
                lambda: (
                    f"{call}: the search for a pattern of the campaign {key} took too long "
                    "and counts as no match"
                ),
            )
        if outcome.remark == "mistake":
            self._note_mistake(settings, decision, key, asked, goal)
        elif self._log.takes_debug:
            name = f": {decision.variation.name}" if decision.variation else ""
            self._log.debug("%s: %s: %s%s", call, key, decision.reason, name)

    def note_unknown_goal(self, settings: Settings, goal: AskedGoal) -> None:
        """Log that a call names a goal that no campaign has."""

        def describe() -> str:
            known = settings.goal_identifiers(MOST_NAMES + 1)
            return f"track: no campaign has such a goal{nearest(goal.identifier, known)}"

        self._log.recurring_error(("track", goal.identifier), describe)

    def note_empty_list(self) -> None:
        """Log that a call names no campaign at all."""
        self._log.recurring_error(
            ("track", "empty"),
            lambda: (
                "track: campaign_specifier is an empty list, so no campaign is credited; "
                "None credits every campaign that has the goal"
            ),
        )

    def note_unknown_variable(
        self, decision: Decision, campaign_key: str, variable_key: str, call: str
    ) -> None:
        """Log that a call names a variable that the feature does not have."""

        def describe() -> str:
            sources = (decision.campaign, decision.variation)
            known = [one.key for source in sources if source for one in source.variables]
            hint = nearest(variable_key, known)
            return f"{call}: the campaign {campaign_key} has no such variable{hint}"

        self._log.recurring_error((call, campaign_key, variable_key), describe)

    def note_bad_value(self, campaign_key: str, variable_key: str, kind: str, call: str) -> None:
        """Log that a variable's value is not of its declared type."""
        words = f"the value of {variable_key} in {campaign_key} is no {kind}"
        self._log.recurring_error((call, words), lambda: f"{call}: {words}")

    def _note_mistake(
        self,
        settings: Settings,
        decision: Decision,
        key: str,
        asked: Asked,
        goal: AskedGoal | None,
    ) -> None:
        call, reason = asked.call, decision.reason
        if reason == "campaign_unknown":
            self._note_unknown_campaign(settings, call, key)
        elif reason == "goal_unknown" and goal is not None:
            goals = decision.campaign.goals if decision.campaign else ()
            self._log.recurring_error(
                (call, key, goal.identifier),
                lambda: (
                    f"{call}: the campaign {key} has no such goal"
                    f"{nearest(goal.identifier, {one.identifier for one in goals})}"
                ),
            )
        elif reason == "wrong_campaign_type" and decision.campaign is not None:
            kind = decision.campaign.type
            self._log.recurring_error(
                (call, reason, key),
                lambda: f"{call}: the campaign {key} is a {kind}, to which the call does not apply",
            )
        elif reason == "revenue_missing":
            is_given = goal is not None and goal.revenue is not None
            words = (
                "counts revenue, and a revenue of 0 or an empty text counts as missing"
                if is_given
                else "counts revenue, and the call gave none"
            )
            self._log.recurring_error(
                (call, reason, is_given, key), lambda: f"{call}: the campaign {key} {words}"
            )
        else:
            self._log.recurring_error(
                (call, reason, key), lambda: f"{call}: the campaign {key} {_WORDS[reason]}"
            )

    def _note_unknown_campaign(self, settings: Settings, call: str, key: str) -> None:
        """Log that a call names an unknown campaign.

        The message does not contain the unknown key: if the arguments are in the wrong order, it is
        a user id.
        """

        def describe() -> str:
            known = settings.campaign_keys(MOST_NAMES + 1)
            hint = nearest(key, known) or " (the key may be a user id and is not shown)"
            return f"{call}: the settings have no such campaign{hint}"

        self._log.recurring_error((call, key), describe)
