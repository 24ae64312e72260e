"""Leaves a user storage alone for a while that fails, or is slow, again and again.

Without this, a storage that hangs would hold up every call of the service.
"""

from __future__ import annotations

from typing import Final

from sortition._base.clock import now_s
from sortition._base.health import EndpointStatus
from sortition._http.breaker import Breaker
from sortition._process.forks import PerProcess
from sortition.storages import findings
from sortition.storages.findings import Finding

DEFAULT_TIMEOUT_S: Final = 1.0
"""How long one operation of a user storage may take, in seconds, if the launch does not say."""

SKIPPED: Final = Finding(
    findings.SKIPPED,
    "the user storage failed or was slow three times in a row; it is not asked for ten seconds, "
    "and counts as a storage without a record",
)
"""The finding for each operation that the client skips."""


class Operations:
    """The operations of one kind, reads or writes: whether they are allowed, and how they went.

    Three failures in a row begin a pause of ten seconds. After it one operation is let through; its
    success ends the pause. A slow operation counts as a failure, though its answer is used. Safe to
    use from any number of threads, and in forked children.
    """

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        # A forked child may find a lock held for ever; it makes its own.
        self._breaker = PerProcess(Breaker)
        # Each is replaced whole, so that no lock is needed. While nothing fails, none is taken.
        self._is_clean = True
        self.succeeded_at: float | None = None
        self.failed: tuple[str, float] | None = None
        self.failing_since: float | None = None

    def allows(self) -> bool:
        """Whether an operation may begin now. Where it may, its end must be noted."""
        return self._is_clean or self._breaker.get().allows()

    @property
    def is_paused(self) -> bool:
        """Whether operations are skipped until one succeeds."""
        return not self._is_clean and self._breaker.get().is_open

    def note_answer(self, began_s: float) -> bool:
        """An operation ended without an exception; whether it was slow.

        Args:
            began_s: When it began, by `sortition._base.clock.now_s`.
        """
        now = now_s()
        if now - began_s > self.timeout_s:
            self.note_failure("slow")
            return True
        self.succeeded_at = now
        if not self._is_clean:
            self._breaker.get().note_success()
            self._is_clean = True
            self.failing_since = None
        return False

    def note_failure(self, error: str) -> None:
        """An operation failed.

        Args:
            error: The class of the exception, or ``slow``. It names no user.
        """
        now = now_s()
        self._is_clean = False
        self._breaker.get().note_failure()
        self.failed = (error, now)
        if self.failing_since is None:
            self.failing_since = now


class StorageBreaker:
    """Decides whether a client asks its user storage.

    While reads are paused, writes are, too: what would be written was decided without the record
    that the storage may hold.

    Attributes:
        reads: ``get``, ``get_many`` and ``look_up``.
        writes: ``set`` and ``save``.
    """

    def __init__(self, timeout_s: float) -> None:
        """Make one.

        Args:
            timeout_s: How long an operation may take before it counts as slow, in seconds.
        """
        self.reads = Operations(timeout_s)
        self.writes = Operations(timeout_s)

    def may_read(self) -> bool:
        """Whether a read may begin now. Where it may, its end must be noted in `reads`."""
        return self.reads.allows()

    def may_write(self) -> bool:
        """Whether a write may begin now. Where it may, its end must be noted in `writes`."""
        return not self.reads.is_paused and self.writes.allows()

    @property
    def is_skipping(self) -> bool:
        """Whether the storage is left alone, for reading or writing."""
        return self.reads.is_paused or self.writes.is_paused

    def slow(self, method: str) -> Finding:
        """The finding for an operation that took too long."""
        words = f"user_storage.{method} took longer than {self.reads.timeout_s:g} seconds"
        return Finding(findings.SLOW, words)

    def unanswered(self, method: str) -> Finding:
        """The finding for an operation that the client stopped waiting for."""
        return Finding(findings.SLOW, f"{self.slow(method)}, and the client goes on without it")

    def status(self) -> EndpointStatus:
        """How the storage has answered."""
        now = now_s()
        both = (self.reads, self.writes)
        succeeded = max((one.succeeded_at for one in both if one.succeeded_at), default=None)
        failed = max(
            (one.failed for one in both if one.failed is not None),
            key=lambda one: one[1],
            default=None,
        )
        since = min((one.failing_since for one in both if one.failing_since), default=None)
        return EndpointStatus(
            last_success_s=None if succeeded is None else now - succeeded,
            last_error=None if failed is None else failed[0],
            last_error_s=None if failed is None else now - failed[1],
            failing_for_s=None if since is None else now - since,
        )
