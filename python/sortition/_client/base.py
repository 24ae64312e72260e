"""The life cycle of a client of any platform, from the first call in a process to its close."""

from __future__ import annotations

import abc
import sys
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Generic, Never, Self, TypeVar

from sortition._base import arguments
from sortition._base.arguments import BadArgumentError
from sortition._base.health import StorageHealth
from sortition._base.options import first_given
from sortition._client.calling import ignores_wrong_arguments
from sortition._client.delivery import Delivery
from sortition._client.direct import snapshot_observer
from sortition._client.refusals import ClientRefusals
from sortition._http.pool import Deadline
from sortition._process.forks import PerProcess
from sortition._sending import ledger as reasons
from sortition._sending.ledger import Stats
from sortition._settings.current import NoSettingsError, SnapshotT
from sortition._settings.live import NOT_BEGUN
from sortition._settings.status import UNKNOWN, Health
from sortition._settings.webhook import REFUSED, WOKEN, knows_secret
from sortition.storages.breaker import StorageBreaker
from sortition.storages.findings import FindingCounts, Findings

if TYPE_CHECKING:
    from types import TracebackType

    from sortition._client.direct import DirectOf
    from sortition._client.launching import Configuration
    from sortition._settings.live import LiveSettings
    from sortition._settings.status import ClientStatus
    from sortition.storages.findings import Finding

DeliveryT = TypeVar("DeliveryT", bound=Delivery)

_FLUSH_TIMEOUT_S: Final = 30.0


class LivingClient(abc.ABC, Generic[SnapshotT, DeliveryT]):
    """The base of the clients of all platforms. As a context manager, it closes itself."""

    def __init__(
        self, configuration: Configuration, live: LiveSettings[SnapshotT], delivery: DeliveryT
    ) -> None:
        self._log = configuration.log
        self._live = live
        self._current = live.current
        self._begun = NOT_BEGUN
        self._delivery = delivery
        self._refuses_with: str | None = None
        self._own_transport = own_transport = configuration.own_transport
        self._close_timeout_s = configuration.close_timeout_s
        self._executor = executor = configuration.executor
        self._finding_counts = PerProcess(FindingCounts)
        self._refusals = ClientRefusals(delivery)
        self._has_storage = configuration.user_storage is not None
        self._is_compiled = configuration.engine.name == "compiled"
        self._direct: Any = None
        self._storage_breaker = StorageBreaker(configuration.storage_timeout_s)
        # Whether a call waits that only decides, and one that sends as well.
        self._waits_to_decide = self._has_storage
        self._waits_to_send = self._has_storage or delivery.waits_for_answers

        # A client that nobody closes must free its resources too.
        def release() -> None:
            if sys.is_finalizing():
                # What was left has been seen to; nothing can be waited for any more.
                return
            live.close()
            delivery.release()
            executor.close()
            if own_transport is not None:
                own_transport.close()

        weakref.finalize(self, release).atexit = False

    def __reduce__(self) -> Never:
        """Refuse to be copied or pickled.

        Raises:
            TypeError: Always.
        """
        raise TypeError("a client cannot be pickled or copied: launch one in each process")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @abc.abstractmethod
    def status(self) -> ClientStatus:
        """The state of the client in this process."""

    @ignores_wrong_arguments(lambda _: Health(is_ok=True, state="degraded", reasons=(UNKNOWN,)))
    def healthz(self) -> Health:
        """The health of the client in this process, for a probe of the service."""
        return self.status().health

    @ignores_wrong_arguments(lambda _: Stats.empty())
    def stats(self) -> Stats:
        """What happened to every event that this client accepted in this process."""
        stats = self._delivery.ledger.stats()
        return replace(
            stats,
            storage_findings=self._finding_counts.get().by_name(),
            not_activated=self._not_activated(),
        )

    def _not_activated(self) -> dict[str, int]:
        """The events of users who were not activated, by kind; by default none."""
        return {}

    def _note_refusal(self, reason: str) -> None:
        """Note that a call was refused because of a mistake."""
        self._refusals.note(reason)

    def _most_refused(self) -> str | None:
        """Why most calls of the last minute were refused; None if most were not."""
        return self._refusals.most()

    async def _flush(self, timeout_s: object) -> bool | None:
        """Send waiting events, and wait for the answers; None if events never wait."""
        wait_s = arguments.seconds("timeout_s", timeout_s)
        deadline = Deadline(_FLUSH_TIMEOUT_S if wait_s is None else wait_s)
        return await self._executor.run(
            "waiting", lambda: self._delivery.flush(deadline.remaining_s())
        )

    def _storage_health(self) -> StorageHealth:
        """The health of the user storage, if there is one."""
        breaker = self._storage_breaker
        if not self._has_storage:
            return StorageHealth()
        return StorageHealth(breaker.status(), is_skipped=breaker.is_skipping)

    def _findings(self, seen: list[Finding] | None = None) -> Findings:
        """The receiver of the user storage's faults, which also adds them to `seen`, if given."""
        # Nothing that the client keeps refers to it: without a cycle, it is freed at once.
        counts = self._finding_counts
        return Findings(self._log, lambda name: counts.get().add(name), seen)

    @ignores_wrong_arguments(lambda _: False)
    async def close(self, timeout_s: float | None = None) -> bool:
        """Send waiting events, and free threads and connections. May be called again.

        Every later call returns its documented empty result.

        Args:
            timeout_s: How long that may take, in seconds; by default the launch option
                ``close_timeout_s``.

        Returns:
            Whether all events were sent. `stats` counts the others as spooled if they are in the
            spool, and otherwise as dropped.
        """
        wait_s = self._close_timeout_s
        try:
            wait_s = first_given(arguments.seconds("timeout_s", timeout_s), None, wait_s)
        except BadArgumentError as error:
            self._log.error("close: %s", error)
        # Also if an earlier close was interrupted.
        self._refuse(self._refuses_with or reasons.CLOSED)
        is_delivered = await self._executor.run("closing", lambda: self._end(wait_s))
        self._executor.close()
        return is_delivered

    def _discard(self) -> None:
        """Close a client that nobody has used."""
        self._end(0.0)
        self._executor.close()

    def _end(self, timeout_s: float) -> bool:
        """Send waiting events, and free the client's resources; whether all events were sent."""
        self._live.close()
        is_delivered = self._delivery.close(timeout_s, reasons.CLOSED)
        self._close_transport()
        return is_delivered

    def _close_transport(self) -> None:
        if self._own_transport is not None:
            self._own_transport.close()

    def _begin(self) -> None:
        """The first call in this process: start the background work."""
        self._begun = self._live.begin()
        # Under uWSGI every call has to begin, so none may be answered directly.
        if self._begun != NOT_BEGUN:
            self._answer_directly()

    def _refuse(self, reason: str) -> None:
        """Refuse every call from now on, for this reason."""
        try:
            self._refuses_with = reason
        finally:
            self._answer_directly()

    def _answer_directly(self) -> None:
        """Let the compiled engine answer calls directly, unless they need something of Python's."""
        if self._is_compiled and not self._has_storage:
            direct_of = self._direct_of()
            if direct_of is not None:
                self._current.follow(snapshot_observer(self, self._log, direct_of))

    @abc.abstractmethod
    def _direct_of(self) -> DirectOf[SnapshotT] | None:
        """What creates the answering object of this process for a snapshot; None for nothing."""

    @property
    def _snapshot(self) -> SnapshotT:
        """The snapshot for a call, which reads it once."""
        # As in `Current.taken`, but without calling it: every call comes here.
        snapshot = self._current.snapshot
        if snapshot is None:
            raise NoSettingsError
        return snapshot

    def _take_webhook(self, headers: object, secret: object, platform_header: str) -> int:
        """Ask for settings soon if a request has the secret; the status to answer with."""
        if not knows_secret(headers, secret, platform_header):
            return REFUSED
        self._live.wake()
        return WOKEN
