"""The steps round a decision: asking the user storage, saving, and saying why there is nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sortition._base.nearest import MOST_NAMES, nearest
from sortition._pagesense.storage import LookUpError
from sortition.storages.profile import UserProfile

if TYPE_CHECKING:
    from sortition._base.log import Log
    from sortition._engine import EngineModule
    from sortition._engine.pagesense import Decision, NamedBy, Settings, Step
    from sortition._pagesense.storage import CheckedStorage

_WORDS: Final = {
    "experiment_set_aside": "is broken and was set aside",
    "wrong_experiment_type": "is no A/B test, and no other type is served",
    "experiment_not_running": "is not running",
}
"""What is said of an experiment, by reason."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call was asked with; every value was checked.

    Attributes:
        call: The call's name, for messages.
        user_id: The user's id.
        attributes: What audiences are compared with.
    """

    call: str
    user_id: str = field(repr=False)
    attributes: dict[str, object] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which experiment a call is about.

    Attributes:
        name: Its name or link name.
        named_by: Which of them.
    """

    # With the arguments of a call in the wrong order it is a user's id.
    name: str = field(repr=False)
    named_by: NamedBy = "name"


class Decider:
    """Makes decisions with the caller's user storage."""

    def __init__(self, module: EngineModule, user_storage: CheckedStorage | None, log: Log) -> None:
        self._module = module
        self._user_storage = user_storage
        self._log = log

    def decide(
        self, settings: Settings, chosen: Chosen, asked: Asked, goal_name: str | None = None
    ) -> Decision:
        """Decide, save what is to be saved, and log why the user gets nothing.

        Args:
            settings: The settings to decide by.
            chosen: The experiment.
            asked: What the call was asked with.
            goal_name: The goal, where one is to be tracked.
        """
        decision = self._decide(settings, chosen.name, asked, chosen.named_by, goal_name)
        self._note(settings, decision, chosen, asked.call, goal_name)
        return decision

    def decide_for(self, settings: Settings, index: int, asked: Asked) -> Decision:
        """Decide for the experiment of this index, without a word where the user gets nothing."""
        return self._decide(settings, index, asked, "name", None)

    def _decide(
        self,
        settings: Settings,
        experiment: str | int,
        asked: Asked,
        named_by: NamedBy,
        goal_name: str | None,
    ) -> Decision:
        decision, was_read = self._consider(settings, experiment, asked, named_by, goal_name, None)
        if decision.saves_assignment:
            self._save(decision, asked.user_id, was_read=was_read)
        return decision

    def consider(
        self,
        settings: Settings,
        chosen: Chosen,
        asked: Asked,
        goal_name: str | None,
        steps: list[Step],
    ) -> Decision:
        """Decide, and list every step. Nothing is saved or logged."""
        return self._consider(settings, chosen.name, asked, chosen.named_by, goal_name, steps)[0]

    def _consider(
        self,
        settings: Settings,
        experiment: str | int,
        asked: Asked,
        named_by: NamedBy,
        goal_name: str | None,
        steps: list[Step] | None,
    ) -> tuple[Decision, bool]:
        """Ask the engine, and the user storage where the engine needs it; whether that answered."""
        storage, user_id, attributes = self._user_storage, asked.user_id, asked.attributes
        decision = settings.decide(
            experiment,
            user_id,
            attributes,
            named_by=named_by,
            has_user_storage=storage is not None,
            goal_name=goal_name,
            steps=steps,
        )
        if storage is None or not decision.needs_profile:
            return decision, True
        was_read = True
        found: object = None
        try:
            found = storage.look_up(user_id)
        except LookUpError:
            was_read = False
        if steps is not None:
            steps.clear()
        profile = self._module.PagesenseProfile.read(found)
        if profile.state == "invalid" and isinstance(found, str):
            storage.note_invalid()
        decision = settings.decide(
            experiment,
            user_id,
            attributes,
            profile,
            named_by=named_by,
            has_user_storage=True,
            goal_name=goal_name,
            steps=steps,
        )
        return decision, was_read

    def _save(self, decision: Decision, user_id: str, *, was_read: bool) -> None:
        """Save the assignment into the profile as it is now.

        It is looked up again, as the platform's SDK does, also where the storage raised before.
        Then nothing is saved: what it holds for the user may be another variation.
        """
        storage, experiment, variation = (
            self._user_storage,
            decision.experiment,
            decision.variation,
        )
        if storage is None or experiment is None or variation is None:
            return
        try:
            found = storage.look_up(user_id)
        except LookUpError:
            return
        if not was_read:
            return
        profile = self._module.PagesenseProfile.read(found)
        text = profile.with_assignment(user_id, experiment.key, variation.key)
        storage.save(UserProfile(user_id, text))

    def _note(
        self,
        settings: Settings,
        decision: Decision,
        chosen: Chosen,
        call: str,
        goal_name: str | None,
    ) -> None:
        """Log why the user gets nothing: a mistake now and then, the ordinary to debug.

        A name that is not known is in no message: with the arguments in the wrong order it is a
        user's id.
        """
        reason, log = decision.reason, self._log
        if decision.remark != "mistake":
            if log.takes_debug:
                name = decision.experiment.name if decision.experiment else ""
                given = f": {decision.variation.name}" if decision.variation else ""
                log.debug("%s: %s: %s%s", call, name, reason.replace("_", " "), given)
            return
        if reason == "experiment_unknown":

            def describe() -> str:
                known = settings.experiment_names(chosen.named_by, MOST_NAMES + 1)
                hint = nearest(chosen.name, known) or (
                    " (its name may be a user's id, and is not shown)"
                )
                return f"{call}: the settings have no such experiment{hint}"

            log.recurring_error((call, chosen.name), describe)
        elif reason in _WORDS:
            words = _WORDS[reason]
            name = decision.experiment.name if decision.experiment else chosen.name
            log.recurring_error(
                (call, reason, name), lambda: f"{call}: the experiment {name} {words}"
            )
        elif reason == "goal_unknown" and goal_name is not None:
            log.recurring_error(
                (call, reason, goal_name),
                lambda: (
                    f"{call}: the project has no such goal"
                    f"{nearest(goal_name, settings.goal_names('name', MOST_NAMES + 1))}"
                ),
            )
        elif reason == "goal_not_mapped" and decision.experiment is not None:
            name = decision.experiment.name
            log.recurring_error(
                (call, reason, name, goal_name),
                lambda: f"{call}: the experiment {name} does not count the goal {goal_name}",
            )
