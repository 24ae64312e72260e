"""The caller's memory of past assignments: calling it safely, and what is wrong with it.

Source: PageSense spec, section 5.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Protocol

from sortition._base.clock import now_s
from sortition._base.options import kind
from sortition._process.event_loops import DeadlineError
from sortition.storages import findings
from sortition.storages.breaker import SKIPPED
from sortition.storages.findings import Finding, is_awaitable

if TYPE_CHECKING:
    from sortition._client.executing import Executor
    from sortition.storages.breaker import StorageBreaker
    from sortition.storages.findings import Findings
    from sortition.storages.profile import UserProfile


class UserStorageService:
    """Keeps what users were given, so that a user stays where they are when settings change.

    Derive from it or write any class with the same two methods. A synchronous client calls them on
    the thread of the call that decides. An async client awaits them where they are async, and
    otherwise calls them in threads, or directly where the storage has the attribute
    ``never_blocks = True``. They may be called several times at once. What they raise is
    logged: a profile that cannot be looked up counts as none, and then none is saved; the decision
    stands.

    Source: PageSense spec, section 5.
    """

    def look_up(self, user_id: str) -> str | None:
        """The profile of this user, as JSON text, as given to `save`; None if there is none."""
        raise NotImplementedError

    def save(self, user_profile: UserProfile) -> None:
        """Keep a profile, in place of the user's last one."""
        raise NotImplementedError


class UserStorageLike(Protocol):
    """Any object that keeps profiles; see `UserStorageService`."""

    def look_up(self, user_id: str, /) -> object:
        """The profile of this user."""

    def save(self, user_profile: UserProfile, /) -> object:
        """Keep a profile."""


class LookUpError(Exception):
    """The user storage raised or is left alone for a while, which was noted."""


class CheckedStorage:
    """A user storage of the caller's, whose faults are noted."""

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
        """What the storage holds for a user.

        Raises:
            LookUpError: The storage raised, or is left alone for a while.
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
        if found is not None and not isinstance(found, str):
            self._noted.note(_finding_of(found))
        elif found is not None and _is_of_another_user(str.__str__(found), user_id):
            words = "user_storage.look_up returned the profile of another user, which is used"
            self._noted.note(Finding(findings.OTHER_USER, words))
        return found

    async def save(self, profile: UserProfile) -> None:
        """Keep a profile; the decision stands where the storage raises."""
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
        """What the storage holds for a user is no profile, or has an entry that cannot be read."""
        words = "user_storage.look_up returned text that is no profile, or has a bad entry"
        self._noted.note(Finding(findings.NO_PROFILE, f"{words}; the next save replaces it"))


def _is_of_another_user(profile: str, user_id: str) -> bool:
    """Whether a profile names another user than the one it was looked up for."""
    if user_id in profile:
        # Nearly always, without reading it a second time.
        return False
    try:
        named = json.loads(profile)["user_id"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return False
    return isinstance(named, str) and bool(named.strip()) and named != user_id


def _finding_of(found: object) -> Finding:
    words = f"user_storage.look_up must return text or None; {kind(found)} counts as no profile"
    if is_awaitable(found):
        return Finding(findings.ASYNC, f"{words}; launch the client with alaunch to await it")
    is_bytes = isinstance(found, bytes | bytearray | memoryview)
    return Finding(findings.BYTES if is_bytes else findings.WRONG_TYPE, words)
