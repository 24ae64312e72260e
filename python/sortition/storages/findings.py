"""What is wrong with what a user storage does, by name.

The decision stands all the same. A finding is logged once, counted in ``stats().storage_findings``
and shown by ``explain``.
"""

from __future__ import annotations

import inspect
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sortition._base.log import Log

RAISED: Final = "raised"
"""It raised an exception."""
ASYNC: Final = "async"
"""It returned something that somebody must await."""
BYTES: Final = "bytes"
"""It returned bytes, as a Redis client does."""
JSON_TEXT: Final = "json_text"
"""It returned text where a record is wanted."""
WRONG_TYPE: Final = "wrong_type"
"""It returned something else than what is wanted."""
SNAKE_CASE: Final = "snake_case"
"""A record has its fields under names such as ``campaign_key``."""
NO_CAMPAIGN: Final = "no_campaign"
"""A record does not say which campaign it is of."""
OTHER_CAMPAIGN: Final = "other_campaign"
"""A record is of another campaign than was asked for."""
OTHER_USER: Final = "other_user"
"""A record is of another user than was asked for."""
NO_VARIATION: Final = "no_variation"
"""A record does not say which variation the user got."""
SLOW: Final = "slow"
"""It took longer than it may; what it returned is used all the same."""
SKIPPED: Final = "skipped"
"""It was not asked, since it failed or was slow several times in a row."""
NO_PROFILE: Final = "no_profile"
"""A profile cannot be read, or has an entry that cannot."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with what a user storage did.

    Attributes:
        name: What, by its name.
        sentence: The same in a sentence, which holds nothing of any user.
    """

    name: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence


class FindingCounts:
    """How often each finding was made in this process."""

    def __init__(self) -> None:
        # Reentrant: a signal handler may run within any of these lines.
        self._lock = threading.RLock()
        self._counts: dict[str, int] = {}

    def add(self, name: str) -> None:
        """A finding of this name was made."""
        with self._lock:
            self._counts[name] = self._counts.get(name, 0) + 1

    def by_name(self) -> Mapping[str, int]:
        """How often each was made."""
        with self._lock:
            return dict(self._counts)


class Findings:
    """Takes what is found in one process or more: logs it, counts it, and lists it if asked to."""

    def __init__(
        self, log: Log, count: Callable[[str], None], seen: list[Finding] | None = None
    ) -> None:
        """Make one.

        Args:
            log: Where each finding is logged, once and then every ten minutes.
            count: Counts a finding, by its name.
            seen: A list to which every finding is added.
        """
        self._log = log
        self._count = count
        self._seen = seen

    def note(self, finding: Finding) -> None:
        """Take a finding."""
        self._count(finding.name)
        if self._seen is not None:
            self._seen.append(finding)
        self._log.recurring_error(("user_storage", finding), lambda: finding.sentence)

    def note_exception(self, method: str, error: Exception, consequence: str = "") -> None:
        """Take an exception that a method of the storage raised."""
        self._count(RAISED)
        if self._seen is not None:
            words = f"{method} raised {type(error).__name__}"
            self._seen.append(Finding(RAISED, words + (f", {consequence}" * bool(consequence))))
        self._log.exception_of(method, error, consequence)


def is_awaitable(found: object) -> bool:
    """Whether somebody must await this; a coroutine is closed, so that Python does not warn."""
    if inspect.iscoroutine(found):
        found.close()
        return True
    return inspect.isawaitable(found)
