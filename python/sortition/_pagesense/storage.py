"""Calls the caller's user storage safely, and notes its faults.

Source: PageSense spec, section 5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sortition._base.clock import now_s
from sortition._process.event_loops import DeadlineError
from sortition.storages import findings
from sortition.storages.breaker import SKIPPED
from sortition.storages.findings import Finding, is_awaitable
from sortition.storages.profiles import finding_in

if TYPE_CHECKING:
    from sortition._client.executing import Executor
    from sortition.storages.breaker import StorageBreaker
    from sortition.storages.findings import Findings
    from sortition.storages.profile import UserProfile


class UserStorageService:
    """Keeps each user's variations, so that users keep them when settings change.

    Derive from this class, or write any class with the same two methods. A synchronous client calls
    them on the thread that called it. An async client awaits async methods and calls others in
    threads, or directly if the storage has the attribute ``never_blocks = True``. Several calls may
    run at the same time. If a method raises, the client logs the exception, and the decision
    stands. If `look_up` raises, the client decides without a profile and does not call `save`.

    Source: PageSense spec, section 5.
    """

    def look_up(self, user_id: str) -> str | None:
        """Return the user's profile as JSON text, as `save` received it, or None."""
        raise NotImplementedError

    def save(self, user_profile: UserProfile) -> None:
        """Keep a profile, and replace the user's earlier one."""
        raise NotImplementedError


class UserStorageLike(Protocol):
    """Any object that keeps profiles; see `UserStorageService`."""

    def look_up(self, user_id: str, /) -> object:
        """Return the user's profile."""

    def save(self, user_profile: UserProfile, /) -> object:
        """Keep a profile."""


class LookUpError(Exception):
    """The user storage raised, or the client skips it for a while. The fault is already noted."""


class CheckedStorage:
    """Calls the caller's user storage, and notes its faults."""

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

    async def look_up(self, user_id: str) -> object:
        """Return the storage's answer for a user.

        Raises:
            LookUpError: The storage raised, or the client skips it for a while.
        """
        breaker = self._breaker
        if not breaker.may_read():
            self._noted.note(SKIPPED)
            raise LookUpError
        began_s = now_s()
        try:
            found = await self._executor.ask(self._storage.look_up, user_id)
        except DeadlineError:
            breaker.reads.note_failure("slow")
            self._noted.note(breaker.unanswered("look_up"))
            raise LookUpError from None
        except Exception as error:  # noqa: BLE001 -- the caller's code may raise anything
            breaker.reads.note_failure(type(error).__name__)
            words = "which counts as no profile"
            self._noted.note_exception("user_storage.look_up", error, words)
            raise LookUpError from None
        if breaker.reads.note_answer(began_s):
            self._noted.note(breaker.slow("look_up"))
        wrong = finding_in(found, user_id)
        if wrong is not None:
            name, words = wrong
            self._noted.note(Finding(name, f"user_storage.look_up {words}"))
        return found

    async def save(self, profile: UserProfile) -> None:
        """Keep a profile. If the storage raises, the decision stands."""
        breaker = self._breaker
        if not breaker.may_write():
            self._noted.note(SKIPPED)
            return
        began_s = now_s()
        try:
            answer = await self._executor.ask(self._storage.save, profile)
        except DeadlineError:
            breaker.writes.note_failure("slow")
            self._noted.note(breaker.unanswered("save"))
            return
        except Exception as error:  # noqa: BLE001 -- the caller's code may raise anything
            breaker.writes.note_failure(type(error).__name__)
            self._noted.note_exception("user_storage.save", error)
            return
        if breaker.writes.note_answer(began_s):
            self._noted.note(breaker.slow("save"))
        if is_awaitable(answer):
            self._noted.note(
                Finding(
                    findings.ASYNC,
                    "user_storage.save is async: nothing is stored; launch the client with alaunch",
                )
            )

    def note_invalid(self) -> None:
        """Note that the stored text is not a profile, or has an unreadable entry."""
        words = "user_storage.look_up returned text that is not a profile or has an invalid entry"
        self._noted.note(Finding(findings.NO_PROFILE, f"{words}; the next save replaces it"))
