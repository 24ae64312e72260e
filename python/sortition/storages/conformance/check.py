"""Checks a user storage of the caller's."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Final

from sortition._base.options import kind
from sortition.storages.conformance.asking import (
    HANGS,
    METHODS,
    Asking,
    HangsError,
    Raised,
    started,
)
from sortition.storages.conformance.profiles import ProfileCheck
from sortition.storages.conformance.records import RecordCheck
from sortition.storages.options import positive_seconds

if TYPE_CHECKING:
    from sortition.storages.findings import Finding

_VWO: Final = ("get", "set")
_PAGESENSE: Final = ("look_up", "save")
_DEFAULT_TIMEOUT_S: Final = 5.0


def check(
    storage: object, *, races: bool = False, timeout_s: float = _DEFAULT_TIMEOUT_S
) -> list[Finding]:
    """Check a user storage: what it does with users whom clients ask for and store.

    A test in one line: ``assert storages.check(MyStorage()) == []``. The storage needs the methods
    of one platform, or of both. An asynchronous one is checked on an event loop of its own; see
    `acheck`. The check stores about a hundred users, whose ids contain ``sortition-check-``, and
    does not remove them.

    Args:
        storage: The storage.
        races: Whether goals and assignments must stand that two processes write at once for one
            user. A storage that replaces what it holds loses some.
        timeout_s: How long one operation may take, in seconds.

    Returns:
        What is wrong, in the order in which it was found; empty if nothing is. As text, each is
        a sentence.

    Raises:
        OptionError: `timeout_s` is no number of seconds.
    """
    seconds = positive_seconds("timeout_s", timeout_s)

    def run() -> list[Finding]:
        return asyncio.run(_checked(storage, seconds, races=races))

    # In a thread of its own, so that it also works on a thread with an event loop.
    answer = started(run)()
    if isinstance(answer, Raised):
        raise answer.error
    found: list[Finding] = answer
    return found


async def acheck(
    storage: object, *, races: bool = False, timeout_s: float = _DEFAULT_TIMEOUT_S
) -> list[Finding]:
    """The same as `check`, on the running event loop of asyncio.

    For an asynchronous storage whose connections belong to that loop.
    """
    return await _checked(storage, positive_seconds("timeout_s", timeout_s), races=races)


async def _checked(storage: object, timeout_s: float, *, races: bool) -> list[Finding]:
    prefix = f"sortition-check-{secrets.token_hex(6)}-"
    methods = _Methods(storage, prefix, timeout_s)
    checks: list[RecordCheck | ProfileCheck] = []
    platforms = methods.platforms()
    if "vwo" in platforms:
        checks.append(RecordCheck(storage, prefix, timeout_s))
    if "pagesense" in platforms:
        checks.append(ProfileCheck(storage, prefix, timeout_s))
    for one in checks:
        try:
            await one.run(races=races)
        except HangsError as error:
            one.note(HANGS, f"{error} did not return within {timeout_s:g} seconds")
            break
    return [finding for one in (methods, *checks) for finding in one.found]


class _Methods(Asking):
    """Checks which methods there are."""

    def platforms(self) -> set[str]:
        """For which platforms there are methods; notes what is wrong with them."""
        has = {name: self.has(name) for name in (*_VWO, *_PAGESENSE)}
        found = set()
        for platform, pair in (("vwo", _VWO), ("pagesense", _PAGESENSE)):
            if all(has[name] for name in pair):
                found.add(platform)
            elif any(has[name] for name in pair):
                there, missing = sorted(pair, key=lambda name: not has[name])
                self.note(METHODS, f"it has a method {there}, and no method {missing}")
        if not any(has.values()):
            words = "get and set for VWO, look_up and save for PageSense"
            self.note(METHODS, f"{kind(self._storage)} has no methods: {words}")
        names = [name for name in (*_VWO, "get_many", *_PAGESENSE) if self.has(name)]
        are_async = [name for name in names if self.is_async(name)]
        if are_async and len(are_async) < len(names):
            others = ", ".join(name for name in names if name not in are_async)
            self.note(METHODS, f"{', '.join(are_async)} is async, and {others} is not")
        return found
