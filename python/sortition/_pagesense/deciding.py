"""The steps around a decision: asking the engine and the user storage, and saving."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sortition._pagesense.storage import LookUpError
from sortition.storages.profile import UserProfile

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition._engine import EngineModule
    from sortition._engine.pagesense import Decision, NamedBy, Outcome, Settings, Step
    from sortition._pagesense.storage import CheckedStorage


@dataclass(frozen=True, slots=True)
class Asked:
    """The checked arguments of a call.

    Attributes:
        call: The call's name, for messages.
        user_id: The user's id.
        attributes: The user's attributes for audiences.
    """

    call: str
    user_id: str = field(repr=False)
    attributes: dict[str, object] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The experiment that a call names.

    Attributes:
        name: Its name or link name.
        named_by: Which of the two it is.
    """

    # If the arguments of a call are in the wrong order, it is a user id.
    name: str = field(repr=False)
    named_by: NamedBy = "name"


class Decider:
    """Asks the engine, with the caller's user storage."""

    def __init__(self, module: EngineModule, user_storage: CheckedStorage | None) -> None:
        self._module = module
        self._user_storage = user_storage
        self.has_storage = user_storage is not None

    async def ask(
        self, ask: Callable[..., Outcome], question: tuple[object, ...], asked: Asked
    ) -> Outcome:
        """Ask the engine, and again with the user's profile where it needs that; save what results.

        Args:
            ask: A method of the settings, which takes the stored profile as its last argument.
            question: Its other arguments.
            asked: What the call was asked with.
        """
        outcome = ask(*question)
        storage = self._user_storage
        if storage is None or not outcome.needs_profile:
            return outcome
        was_read, stored = True, ""
        try:
            stored = _text_of(await storage.look_up(asked.user_id))
        except LookUpError:
            was_read = False
        outcome = ask(*question, stored)
        if outcome.is_profile_invalid:
            storage.note_invalid()
        if outcome.saves_assignment:
            await self._save(storage, outcome, asked.user_id, was_read=was_read)
        return outcome

    async def consider(
        self,
        settings: Settings,
        chosen: Chosen,
        asked: Asked,
        goal_name: str | None,
        steps: list[Step],
    ) -> Decision:
        """Decide, and list every step. Nothing is saved or logged."""
        storage = self._user_storage
        profile = None
        while True:
            steps.clear()
            decision = settings.decide(
                chosen.name,
                asked.user_id,
                asked.attributes,
                profile,
                named_by=chosen.named_by,
                has_user_storage=storage is not None,
                goal_name=goal_name,
                steps=steps,
            )
            if storage is None or not decision.needs_profile:
                return decision
            stored = ""
            with contextlib.suppress(LookUpError):
                stored = _text_of(await storage.look_up(asked.user_id))
            profile = self._module.PagesenseProfile.read(stored)
            if profile.state == "invalid":
                storage.note_invalid()

    async def _save(
        self, storage: CheckedStorage, outcome: Outcome, user_id: str, *, was_read: bool
    ) -> None:
        """Save the assignments into the profile as it is now.

        It is looked up again, as the platform's SDK does, also where the storage raised before.
        Then nothing is saved: what it holds for the user may be another variation.
        """
        try:
            stored = _text_of(await storage.look_up(user_id))
        except LookUpError:
            return
        if was_read:
            await storage.save(UserProfile(user_id, outcome.profile_to_save(stored)))


def _text_of(found: object) -> str:
    """What a look-up gave, as text; what is no text counts as nothing."""
    return found if isinstance(found, str) else ""
