"""The checks of a storage for VWO."""

from __future__ import annotations

from typing import Any

from sortition._base.options import kind, plain
from sortition.storages import findings
from sortition.storages.conformance.asking import (
    ALIKE,
    CHANGED,
    GET_MANY,
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
from sortition.storages.merging import goals_of
from sortition.storages.records import finding_in


class RecordCheck(Asking):
    """Checks ``get``, ``set`` and ``get_many``."""

    async def run(self, *, races: bool) -> None:
        """Check everything; only the basics if not even a record comes back.

        Raises:
            HangsError: A method did not return in time.
        """
        if not await self._is_record_kept():
            return
        await self._check_ids()
        await self._check_keys()
        if self.has("get_many"):
            await self._check_get_many()
        await self._check_writers()
        if races:
            await self._check_goals()

    async def _is_record_kept(self) -> bool:
        """Whether a record comes back; without that nothing else can be checked."""
        before = len(self.found)
        user_id = f"{self.prefix}first"
        about = "a user without a record"
        if await self._get(user_id, "checkout", about) is not None:
            self.note(UNKNOWN_USER, f"get returned a record for {about}; it must return None")
        metadata = {"city": "Łódź", "deep": {"list": [1, 2.5, None, True]}}
        full = _record(user_id, goals="a_vwo_b", metaData=metadata)
        for stored in (_record(user_id), full, _record(user_id, goals="a_vwo_b_vwo_c")):
            if not await self._set(dict(stored), "an ordinary user"):
                return False
            found = await self._get(user_id, "checkout", "a user who was stored")
            if found is None:
                if len(self.found) == before:
                    self.note(LOST, "get returned None for a record that was stored before")
                return False
            for field, value in stored.items():
                if found.get(field) != value:
                    words = "without" if field not in found else "with another"
                    self.note(CHANGED, f"get returned a record {words} {field}")
        return len(self.found) == before

    async def _check_ids(self) -> None:
        for about, name in IDS.items():
            user_id = f"{self.prefix}{name}"
            about_id = f"a user id with {about}"
            if await self._set(_record(user_id), about_id):
                found = await self._get(user_id, "checkout", about_id)
                if found is None:
                    self.note(LOST, f"get returned None for a stored record of {about_id}")
        for about, names in ALIKE.items():
            ids = [f"{self.prefix}alike {about} {name}" for name in names]
            for number, user_id in enumerate(ids):
                await self._set(_record(user_id, variation=f"v{number}"), "an ordinary user")
            for number, user_id in enumerate(ids):
                found = await self._get(user_id, "checkout", "an ordinary user")
                if found is None or found.get("variationName") != f"v{number}":
                    self.note(MIXED_UP, f"two user ids that differ by {about} share a record")

    async def _check_keys(self) -> None:
        user_id = f"{self.prefix}campaigns"
        keys = ["checkout", "search", "Checkout"]
        for key in keys:
            await self._set(_record(user_id, key, f"v {key}"), "a second campaign")
        for key in keys:
            found = await self._get(user_id, key, "a second campaign")
            if found is None or found.get("variationName") != f"v {key}":
                self.note(MIXED_UP, "a record replaces that of the user's other campaign")
        # Joined without care, both pairs are one text, whichever of the two stands first.
        for joint in ":_-/|. ":
            await self._check_pair(
                joint, (f"{self.prefix}a", f"b{joint}c"), (f"{self.prefix}a{joint}b", "c")
            )
            await self._check_pair(
                joint, (f"b{joint}{self.prefix}c", "a"), (f"{self.prefix}c", f"a{joint}b")
            )

    async def _check_pair(self, joint: str, one: tuple[str, str], other: tuple[str, str]) -> None:
        await self._set(_record(*one), "an ordinary user")
        await self._set(_record(*other), "an ordinary user")
        found = [(await self.ask("get", *pair), pair) for pair in (one, other)]
        if not all(_is_of(record, *pair) for record, pair in found):
            words = f"a user id and a campaign key that are joined by {joint!r}"
            self.note(MIXED_UP, f"two users share a record: {words} can be cut in two ways")

    async def _check_get_many(self) -> None:
        user_id = f"{self.prefix}many"
        keys = ["checkout", "search"]
        for key in keys:
            await self._set(_record(user_id, key), "an ordinary user")
        answer = await self.ask("get_many", user_id, [*keys, "missing"])
        if isinstance(answer, Raised):
            self.note(findings.RAISED, f"get_many raised: {answer}")
            return
        found = plain(answer)
        if not isinstance(found, dict):
            words = "it must return a dictionary of records by campaign key"
            self.note(GET_MANY, f"get_many returned {kind(found)}; {words}")
            return
        for key in keys:
            record = self._read("get_many", found.get(key), user_id, key)
            if record is None or record != await self._get(user_id, key, "an ordinary user"):
                self.note(GET_MANY, "get_many does not return the record that get returns")
        if found.get("missing"):
            self.note(GET_MANY, "get_many returned a record for a campaign without one")
        for about, given in (("a user without a record", keys), ("no campaigns", [])):
            answer = await self.ask("get_many", f"{self.prefix}nobody", given)
            if isinstance(answer, Raised):
                self.note(findings.RAISED, f"get_many raised for {about}: {answer}")
            elif answer is not None and any((plain(answer) or {}).values()):  # type: ignore[attr-defined]
                self.note(UNKNOWN_USER, f"get_many returned a record for {about}")

    async def _check_writers(self) -> None:
        """Several calls at once, for different users and for campaigns of one user."""
        users = [(f"{self.prefix}writer {number}", "checkout") for number in range(WRITERS)]
        campaigns = [(f"{self.prefix}writers", f"campaign {n}") for n in range(WRITERS)]
        for about, pairs in (("different users", users), ("campaigns of one user", campaigns)):
            await self.at_once("set", [(_record(*pair),) for pair in pairs], about)
            found = await self.at_once("get", pairs, about)
            missing = [pair for pair, one in zip(pairs, found, strict=True) if one is None]
            if missing:
                words = f"{len(missing)} of {WRITERS} records are lost"
                self.note(THREADS, f"{words} if records of {about} are stored at once")

    async def _check_goals(self) -> None:
        lost = 0
        for number in range(RACES):
            user_id = f"{self.prefix}race {number}"
            await self._set(_record(user_id), "an ordinary user")
            both = [(_record(user_id, goals=goal),) for goal in "ab"]
            await self.at_once("set", both, "one user")
            found = await self._get(user_id, "checkout", "an ordinary user")
            lost += not {"a", "b"} <= set(goals_of(found or {}))
        if lost:
            words = "when two writers tracked two goals of one user at once"
            self.note(RACES_LOST, f"a goal was lost in {lost} of {RACES} cases {words}")

    async def _set(self, record: dict[str, Any], about: str) -> bool:
        """Store a record; whether that did not raise."""
        answer = await self.ask("set", record)
        if isinstance(answer, Raised):
            self.note(findings.RAISED, f"set raised for {about}: {answer}")
        return not isinstance(answer, Raised)

    async def _get(self, user_id: str, campaign_key: str, about: str) -> Any:
        """A record; None if `get` raised or returned none. Notes what is wrong."""
        answer = await self.ask("get", user_id, campaign_key)
        if isinstance(answer, Raised):
            self.note(findings.RAISED, f"get raised for {about}: {answer}")
            return None
        return self._read("get", answer, user_id, campaign_key)

    def _read(self, method: str, found: object, user_id: str, campaign_key: str) -> Any:
        try:
            record = plain(found)
            finding = finding_in(record, user_id, campaign_key)
        except Exception as error:  # noqa: BLE001 -- the caller's class may raise anything
            self.note(findings.RAISED, f"a record of {method} raised: {Raised(error)}")
            return None
        if finding is None:
            return record or None
        name, words = finding
        self.note(name, f"{method} returned {words}")
        return None


def _record(
    user_id: str,
    campaign_key: str = "checkout",
    variation: str = "Control",
    goals: str | None = None,
    **more: object,
) -> dict[str, Any]:
    record = {"userId": user_id, "campaignKey": campaign_key, "variationName": variation}
    return {**record, **({} if goals is None else {"goalIdentifiers": goals}), **more}


def _is_of(found: object, user_id: str, campaign_key: str) -> bool:
    record = plain(found)
    return isinstance(record, dict) and (record.get("userId"), record.get("campaignKey")) == (
        user_id,
        campaign_key,
    )
