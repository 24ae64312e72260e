"""Logs the reasons of decisions: mistakes as errors, the rest at DEBUG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sortition._base.nearest import MOST_NAMES, nearest

if TYPE_CHECKING:
    from sortition._base.log import Log
    from sortition._engine.pagesense import NamedBy, Outcome, Settings
    from sortition._pagesense.deciding import Chosen

_WORDS: Final = {
    "experiment_set_aside": "is broken and was set aside",
    "wrong_experiment_type": "is not an A/B test, the only type that is served",
    "experiment_not_running": "is not running",
}
"""The text about an experiment, by reason."""


class Remarks:
    """Logs the outcomes of one client's calls.

    A name that is not known is in no message: with the arguments in the wrong order it is a user's
    id.
    """

    def __init__(self, log: Log) -> None:
        self._log = log

    def note(
        self,
        settings: Settings,
        outcome: Outcome,
        chosen: Chosen,
        call: str,
        goal_name: str | None = None,
    ) -> None:
        """Log why the user gets nothing: a mistake now and then, the ordinary to debug."""
        log, decision = self._log, outcome.decision
        if decision is None:
            return
        reason, experiment = decision.reason, decision.experiment
        if outcome.remark != "mistake":
            if log.takes_debug:
                name = experiment.name if experiment else ""
                given = f": {decision.variation.name}" if decision.variation else ""
                log.debug("%s: %s: %s%s", call, name, reason.replace("_", " "), given)
        elif reason == "experiment_unknown":
            self._note_unknown_experiment(settings, chosen, call)
        elif reason in _WORDS:
            words = _WORDS[reason]
            name = experiment.name if experiment else chosen.name
            log.recurring_error(
                (call, reason, name), lambda: f"{call}: the experiment {name} {words}"
            )
        elif reason == "goal_unknown" and goal_name is not None:
            self.note_unknown_goal(settings, goal_name, "name", call)
        elif reason == "goal_not_mapped" and experiment is not None:
            name = experiment.name
            log.recurring_error(
                (call, reason, name, goal_name),
                lambda: f"{call}: the experiment {name} does not count the goal {goal_name}",
            )

    def note_unknown_goal(
        self, settings: Settings, goal_name: str, named_by: NamedBy, call: str
    ) -> None:
        """Log that a call names a goal that the project does not have."""

        def describe() -> str:
            known = settings.goal_names(named_by, MOST_NAMES + 1)
            return f"{call}: the project has no such goal{nearest(goal_name, known)}"

        self._log.recurring_error((call, goal_name), describe)

    def note_not_activated(self, outcome: Outcome, call: str) -> None:
        """Log that a conversion is of a user whom nobody activated, as far as is known."""
        decision = outcome.decision
        experiment = None if decision is None else decision.experiment
        name = "" if experiment is None else experiment.name
        self._log.recurring_error(
            (call, "not activated", name),
            lambda: (
                f"{call}: a user of the experiment {name} was not activated in this "
                "process, and the user storage does not know them; the goal is sent anyway"
            ),
        )

    def note_left_out(self, name: str, what: str) -> None:
        """Log that an argument holds something that no event can carry."""
        words = f"{name}: {what}, and is left out"
        self._log.recurring_error((name, what), lambda: words)

    def _note_unknown_experiment(self, settings: Settings, chosen: Chosen, call: str) -> None:
        def describe() -> str:
            known = settings.experiment_names(chosen.named_by, MOST_NAMES + 1)
            hint = nearest(chosen.name, known) or (" (the name may be a user id and is not shown)")
            return f"{call}: the settings have no such experiment{hint}"

        self._log.recurring_error((call, chosen.name), describe)
