"""The checks of a storage for PageSense."""

from __future__ import annotations

import json

from sortition._base.options import kind
from sortition.storages import findings
from sortition.storages.conformance.asking import (
    ALIKE,
    CHANGED,
    IDS,
    LOST,
    MIXED_UP,
    RACES,
    RACES_LOST,
    THREADS,
    UNKNOWN_USER,
    WRITERS,
    Asking,
    Raised,
)
from sortition.storages.profile import UserProfile
from sortition.storages.profiles import finding_in


class ProfileCheck(Asking):
    """Checks ``look_up`` and ``save``."""

    async def run(self, *, races: bool) -> None:
        """Check everything; only the basics if not even a profile comes back.

        Raises:
            HangsError: A method did not return in time.
        """
        if not await self._is_profile_kept():
            return
        await self._check_ids()
        await self._check_writers()
        if races:
            await self._check_assignments()

    async def _check_ids(self) -> None:
        for about, name in IDS.items():
            user_id = f"{self.prefix}{name}"
            if await self._save(user_id, ["1"], f"a user id with {about}"):
                found = await self._look_up(user_id, f"a user id with {about}")
                if found is None or "1" not in found:
                    self.note(LOST, f"look_up does not find the profile of a user id with {about}")
        for about, names in ALIKE.items():
            ids = [f"{self.prefix}alike {about} {name}" for name in names]
            for number, user_id in enumerate(ids):
                await self._save(user_id, [str(number)], "an ordinary user")
            for number, user_id in enumerate(ids):
                if await self._look_up(user_id, "an ordinary user") != [str(number)]:
                    self.note(MIXED_UP, f"two user ids that differ by {about} share a profile")

    async def _check_writers(self) -> None:
        users = [f"{self.prefix}writer {number}" for number in range(WRITERS)]
        saved = [(_profile(user_id, ["1"]),) for user_id in users]
        await self.at_once("save", saved, "different users")
        found_at_once = await self.at_once("look_up", [(one,) for one in users], "different users")
        missing = sum(one is None for one in found_at_once)
        if missing:
            words = f"{missing} of {WRITERS} profiles are lost"
            self.note(THREADS, f"{words} if profiles of different users are saved at once")

    async def _is_profile_kept(self) -> bool:
        before = len(self.found)
        user_id, about = f"{self.prefix}first", "a user without a profile"
        answer = await self.ask("look_up", user_id)
        if isinstance(answer, Raised):
            self.note(findings.RAISED, f"look_up raised for {about}: {answer}")
        elif answer:
            self.note(UNKNOWN_USER, f"look_up returned {kind(answer)} for {about}, not None")
        for keys in (["1"], ["1", "2 é"]):
            if not await self._save(user_id, keys, "an ordinary user"):
                return False
            found = await self._look_up(user_id, "a user who was saved")
            if found is None:
                if len(self.found) == before:
                    self.note(LOST, "look_up returned None for a profile that was saved before")
                return False
            if found != keys:
                self.note(CHANGED, "look_up returned another profile than was saved last")
        return len(self.found) == before

    async def _save(self, user_id: str, keys: list[str], about: str) -> bool:
        answer = await self.ask("save", _profile(user_id, keys))
        if isinstance(answer, Raised):
            self.note(findings.RAISED, f"save raised for {about}: {answer}")
        return not isinstance(answer, Raised)

    async def _look_up(self, user_id: str, about: str) -> list[str] | None:
        """The keys of the experiments of a profile; None if it is none."""
        answer = await self.ask("look_up", user_id)
        if isinstance(answer, Raised):
            self.note(findings.RAISED, f"look_up raised for {about}: {answer}")
            return None
        if answer is None:
            return None
        wrong = finding_in(answer, user_id)
        if wrong is not None:
            name, words = wrong
            self.note(name, f"look_up {words}")
        if not isinstance(answer, str):
            return None
        try:
            return [one["experiment_key"] for one in json.loads(answer)["experiments"]]
        except (KeyError, TypeError, ValueError, RecursionError):
            if answer:
                self.note(findings.NO_PROFILE, "look_up returned text that is not a profile")
            return None

    async def _check_assignments(self) -> None:
        lost = 0
        for number in range(RACES):
            user_id = f"{self.prefix}race {number}"
            await self.at_once("save", [(_profile(user_id, [key]),) for key in "ab"], "one user")
            lost += not {"a", "b"} <= set(await self._look_up(user_id, "an ordinary user") or [])
        if lost:
            words = "when two writers saved the profile of one user at once"
            self.note(RACES_LOST, f"an assignment was lost in {lost} of {RACES} cases {words}")


def _profile(user_id: str, keys: list[str]) -> UserProfile:
    experiments = [{"experiment_key": key, "variation_key": "v"} for key in keys]
    return UserProfile(user_id, json.dumps({"user_id": user_id, "experiments": experiments}))
