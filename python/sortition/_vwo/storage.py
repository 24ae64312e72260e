"""Calling the caller's user storage safely, and reading what it returns.

Source: VWO spec, section 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sortition._base.clock import now_s
from sortition._base.options import plain
from sortition._process.event_loops import DeadlineError
from sortition.storages import findings
from sortition.storages.breaker import SKIPPED
from sortition.storages.findings import Finding, is_awaitable
from sortition.storages.records import finding_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sortition._client.executing import Executor
    from sortition.storages.base import UserStorageLike
    from sortition.storages.breaker import StorageBreaker
    from sortition.storages.findings import Findings


class CheckedStorage:
    """A user storage of the caller's whose methods never raise, and whose records are checked.

    What is found wrong is noted; a record of another user counts as none.
    """

    def __init__(
        self,
        storage: UserStorageLike,
        noted: Findings,
        breaker: StorageBreaker,
        executor: Executor,
    ) -> None:
        self._storage = storage
        self._noted = noted
        self._breaker = breaker
        self._executor = executor
        self._get_many: Callable[..., object] | None = getattr(storage, "get_many", None)

    async def records(self, user_id: str, campaign_keys: Sequence[str]) -> dict[str, object]:
        """What the storage holds, by campaign key; None if there is nothing.

        Several are asked for at once where the storage has a method ``get_many``.
        """
        if len(campaign_keys) > 1 and callable(self._get_many):
            found = await self._called("get_many", self._get_many, user_id, list(campaign_keys))
            if found is None:
                return dict.fromkeys(campaign_keys)
            if isinstance(found, dict):
                return {
                    key: self._checked("get_many", found.get(key), user_id, key)
                    for key in campaign_keys
                }
        return {key: await self.get(user_id, key) for key in campaign_keys}

    async def get(self, user_id: str, campaign_key: str) -> object:
        """The record of this user and campaign; None if there is none."""
        found = await self._called("get", self._storage.get, user_id, campaign_key)
        return self._checked("get", found, user_id, campaign_key)

    async def set(self, record: dict[str, Any]) -> None:
        """Keep a record."""
        breaker = self._breaker
        if not breaker.may_write():
            self._noted.note(SKIPPED)
            return
        began_s = now_s()
        try:
            answer = await self._executor.ask(self._storage.set, record)
        except DeadlineError:
            breaker.writes.note_failure("slow")
            self._noted.note(breaker.unanswered("set"))
            return
        except Exception as error:  # noqa: BLE001 -- the caller's code may raise anything
            breaker.writes.note_failure(type(error).__name__)
            self._noted.note_exception("user_storage.set", error)
            return
        if breaker.writes.note_answer(began_s):
            self._noted.note(breaker.slow("set"))
        if is_awaitable(answer):
            self._noted.note(
                Finding(
                    findings.ASYNC,
                    "user_storage.set is async: nothing is stored; launch the client with alaunch",
                )
            )

    async def _called(self, name: str, method: Callable[..., object], *args: object) -> object:
        """What a method returns, a dictionary as a plain one; None if it raises."""
        breaker = self._breaker
        if not breaker.may_read():
            self._noted.note(SKIPPED)
            return None
        began_s = now_s()
        try:
            found = plain(await self._executor.ask(method, *args))
        except DeadlineError:
            breaker.reads.note_failure("slow")
            self._noted.note(breaker.unanswered(name))
            return None
        except Exception as error:  # noqa: BLE001 -- the caller's code may raise anything
            breaker.reads.note_failure(type(error).__name__)
            self._noted.note_exception(f"user_storage.{name}", error, "which counts as no record")
            return None
        if breaker.reads.note_answer(began_s):
            self._noted.note(breaker.slow(name))
        return found

    def _checked(self, name: str, found: object, user_id: str, campaign_key: str) -> object:
        """A record as the engine is to read it; what is wrong with it is noted."""
        try:
            record = plain(found)
            finding = finding_in(record, user_id, campaign_key)
        except Exception as error:  # noqa: BLE001 -- the caller's class may raise anything
            words = "which counts as no record"
            self._noted.note_exception(f"user_storage.{name}", error, words)
            return None
        if finding is None:
            return record
        about, words = finding
        self._noted.note(Finding(about, f"user_storage.{name} returned {words}"))
        return None if about == findings.OTHER_USER else record


def given_record(
    record: dict[str, object] | None, user_id: str, noted: Findings
) -> dict[str, object] | None:
    """The record that a call gives as ``user_storage_data``, as the engine is to read it.

    What is wrong with it is noted; a record of another user counts as none.
    """
    finding = None if record is None else finding_in(record, user_id, None)
    if finding is None:
        return record
    about, words = finding
    noted.note(Finding(about, f"user_storage_data is {words}"))
    return {} if about == findings.OTHER_USER else record
