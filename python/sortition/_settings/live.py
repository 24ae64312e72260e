"""The settings of one client while it is in use."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic

from sortition._base.clock import now_s
from sortition._base.errors import SettingsError, SettingsUnavailableError
from sortition._base.health import Endpoint
from sortition._http.pool import Deadline, SenderPool
from sortition._process.forks import Forks, PerProcess
from sortition._settings.current import Current, SnapshotT
from sortition._settings.fetching import fetch
from sortition._settings.poller import Outcome, Poller
from sortition._settings.schedule import Schedule, Streak
from sortition._settings.status import SettingsStatus, Source

if TYPE_CHECKING:
    from collections.abc import Hashable

    from sortition._base.log import Log
    from sortition._http.transport import Request, Transport
    from sortition._settings.cache import SettingsCache
    from sortition._settings.fetching import Validators
    from sortition._settings.platform import Platform

NOT_BEGUN: Final = -1
"""A number of forks that no process has."""

_STALE_AFTER_INTERVALS: Final = 3
_LEAST_STALE_AFTER_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Refreshing:
    """How settings are kept fresh.

    Attributes:
        request_timeout_s: How long one request for settings may take.
        poll_interval_s: How often the server is asked; None for never.
        stale_after_s: After how long without the server's confirmation settings count as stale;
            None for three intervals and at least a minute, or never where there is no interval.
    """

    request_timeout_s: float
    poll_interval_s: float | None = None
    stale_after_s: float | None = None


class LiveSettings(Generic[SnapshotT]):
    """Which settings a client uses, and what replaces them: polling, webhooks and the caller.

    Nothing is started before `begin`. Each process has a thread of its own. It does not refer to
    the client; whoever frees the client calls `close`.

    Attributes:
        current: The settings in use.
        platform: How they are read.
    """

    def __init__(
        self,
        platform: Platform[SnapshotT],
        transport: Transport,
        log: Log,
        refreshing: Refreshing,
        cache: SettingsCache | None = None,
    ) -> None:
        self.current: Current[SnapshotT] = Current()
        self.platform = platform
        self._transport = transport
        self._log = log
        self._refreshing = refreshing
        self._cache = cache
        self._polls = refreshing.poll_interval_s is not None
        self._endpoint = Endpoint()
        self._streak = Streak()
        self._source: Source | None = None
        # When the settings in use were last known to be good; None where nobody knows.
        self._confirmed_at: float | None = None
        self._is_confirmed = False
        self._is_via_webhook = False
        self._is_closed = False
        # What came with the settings in use.
        self._validators: Validators | None = None
        self._pollers = PerProcess(self._poller)

    def use(
        self,
        snapshot: SnapshotT,
        source: Source,
        *,
        age_s: float | None = 0.0,
        validators: Validators | None = None,
    ) -> bool:
        """Use settings from now on; False where nothing may be replaced any more.

        Args:
            snapshot: The settings.
            source: Where they came from.
            age_s: How long ago they were known to be good; None where nobody knows.
            validators: What came with them.
        """
        if not self.current.replace(snapshot):
            return False
        self._source = source
        self._confirmed_at = None if age_s is None else now_s() - age_s
        self._is_confirmed = source in ("given", "server")
        self._validators = validators
        self.platform.report(snapshot)
        return True

    def use_cached(self) -> bool:
        """Use the last settings that were good; whether there are such."""
        owner = self.platform.owner(None)
        cached = None if self._cache is None else self._cache.load(owner)
        if self._cache is None or cached is None:
            return False
        try:
            snapshot = self.platform.compile(cached.document)
        except SettingsError as error:
            self._cache.refuse(str(error))
            return False
        other = self.platform.difference(snapshot, None)
        if other is not None:
            self._cache.refuse(f"its settings are of another {other}")
            return False
        return self.use(snapshot, "cache", age_s=cached.age_s)

    def ask_first(self, deadline: Deadline) -> Outcome:
        """Ask the server before the client is there; no thread is left but one that hangs."""
        request = self.platform.request(None, is_via_webhook=False)
        if request is None:
            return Outcome(is_new=False, error="it is not known what to ask for")
        pool = SenderPool(self._transport, most_senders=1)
        try:
            outcome = self.exchange(request, pool, deadline)
        finally:
            pool.close(joins=True)
        self._streak.note(is_success=outcome.is_success, status=outcome.status)
        return outcome

    def begin(self) -> int:
        """A call comes: start what this process has to start.

        Returns:
            The number of this process's fork: until that changes (`Forks.count`) nothing else is to
            be begun. `NOT_BEGUN` where the next call is to ask again: where no thread could be
            started, and in uWSGI, which forks without Python's knowing.
        """
        has_work = self._is_awaited or self._polls or self._pollers.existing() is not None
        is_begun = True
        if has_work and not self._is_closed:
            is_begun = self._pollers.get().begin()
        return Forks.count if is_begun and "uwsgi" not in sys.modules else NOT_BEGUN

    def wake(self, *, is_via_webhook: bool = True) -> None:
        """Ask the server as soon as that may be: there is something new."""
        if not self._is_closed:
            self._is_via_webhook |= is_via_webhook
            self._pollers.get().wake()

    def ask(self, request: Request, about: Hashable) -> Outcome:
        """Ask the server now, and use what comes where it is good.

        Args:
            request: The request.
            about: What tells it from others: callers who come together with the same share one.
        """

        def attempt(pool: SenderPool, deadline: Deadline) -> Outcome:
            return self.exchange(request, pool, deadline)

        if self._is_closed:
            return Outcome(is_new=False, error="the client is closed")
        return self._pollers.get().ask(about, attempt, self._refreshing.request_timeout_s)

    def stop_polling(self) -> None:
        """Ask at no interval any more, in this process and those forked of it."""
        self._polls = False
        poller = self._pollers.existing()
        if poller is not None:
            poller.stop()

    def forget(self, leaving: SnapshotT | None = None) -> None:
        """End, as `close` does, and forget the settings.

        Args:
            leaving: What is in use from now on, in place of them.
        """
        self.close()
        self._validators = None
        self.current.forget(leaving)

    def close(self) -> None:
        """End the thread of this process, and replace nothing any more. May be repeated."""
        self._is_closed = True
        self.current.freeze()
        poller = self._pollers.existing()
        if poller is not None:
            poller.close()

    def status(self) -> SettingsStatus:
        """How the settings are now.

        It begins what a call would begin: a service may get no calls before its probe is content.
        """
        self.begin()
        poller = self._pollers.existing()
        confirmed_at = self._confirmed_at
        age_s = None if confirmed_at is None else now_s() - confirmed_at
        source = self._source
        if source is None:
            age_s = None
        return SettingsStatus(
            source,
            age_s,
            self._is_stale(age_s),
            self._endpoint.status(),
            None if poller is None else poller.status(),
        )

    def exchange(self, request: Request, pool: SenderPool, deadline: Deadline) -> Outcome:
        """One request for settings, and the use of what comes."""
        current = self.current.snapshot
        try:
            fetched = fetch(pool, request, deadline, self._validators)
        except SettingsUnavailableError as error:
            # It may be the validators that the server does not like.
            self._validators = None
            return self._failed(str(error), error.status, error.retry_after_s)
        document = fetched.document
        if document is None or (current is not None and document == current.document):
            if current is self.current.snapshot and current is not None:
                self._confirmed_at = now_s()
                self._is_confirmed = True
                self._source = "server"
                self._validators = fetched.validators
                self._keep(current)
            self._endpoint.note_success()
            return Outcome(is_new=False, retry_after_s=fetched.retry_after_s)
        noun = self.platform.document_name
        try:
            snapshot = self.platform.compile(document)
        except SettingsError as error:
            words = f"GET {request.url}: the answer is not a usable {noun}: {error}"
            return self._failed(words, retry_after_s=fetched.retry_after_s)
        other = self.platform.difference(snapshot, self._confirmed(current))
        if other is not None:
            words = f"the answer is the {noun} of another {other}"
            return self._failed(words, retry_after_s=fetched.retry_after_s)
        is_new = self.use(snapshot, "server", validators=fetched.validators)
        if is_new:
            self._keep(snapshot)
        self._endpoint.note_success()
        return Outcome(is_new, retry_after_s=fetched.retry_after_s)

    def _keep(self, snapshot: SnapshotT) -> None:
        """Keep settings that the server confirmed, for a start without it."""
        # A caller may have asked with another key than the next launch will.
        if self._cache is not None and self.platform.difference(snapshot, None) is None:
            self._cache.keep(snapshot.document, self.platform.owner(snapshot))

    @property
    def _is_awaited(self) -> bool:
        """Whether the server's settings are still to come."""
        return not self._is_confirmed

    def _confirmed(self, current: SnapshotT | None) -> SnapshotT | None:
        """These, where they are more than what the client makes do with meanwhile.

        What came from a file may be of another project, or hold a key that is good no more.
        """
        return current if self._is_confirmed else None

    def _is_stale(self, age_s: float | None) -> bool:
        if self._is_awaited:
            return True
        stale_after_s = self._refreshing.stale_after_s
        if stale_after_s is None:
            interval_s = self._refreshing.poll_interval_s
            if interval_s is None or not self._polls:
                return False
            stale_after_s = max(_LEAST_STALE_AFTER_S, _STALE_AFTER_INTERVALS * interval_s)
        return age_s is not None and age_s > stale_after_s

    def _failed(self, why: str, status: int | None = None, retry_after_s: float = 0.0) -> Outcome:
        self._endpoint.note_failure(why)
        return Outcome(is_new=False, error=why, status=status, retry_after_s=retry_after_s)

    def _poller(self) -> Poller:
        refreshing = self._refreshing
        interval_s = refreshing.poll_interval_s if self._polls else None
        schedule = Schedule(interval_s, now_s(), self._streak, is_needed=self._is_awaited)
        timeout_s = refreshing.request_timeout_s
        return Poller(schedule, self._poll, self._transport, self._log, timeout_s)

    def _poll(self, pool: SenderPool, deadline: Deadline) -> Outcome:
        current = self.current.snapshot
        is_via_webhook, self._is_via_webhook = self._is_via_webhook, False
        known = self._confirmed(current)
        request = self.platform.request(known, is_via_webhook=is_via_webhook)
        if request is None:
            return Outcome(is_new=False, error="it is not known what to ask for")
        was_failing = self._endpoint.status().is_failing
        outcome = self.exchange(request, pool, deadline)
        if outcome.error is not None:
            why = outcome.error
            self._is_via_webhook |= is_via_webhook
            words = "there are none yet" if current is None else "the old ones stay in use"
            # One for all errors: an outage has many, and is one thing.
            self._log.recurring_error("settings", lambda: f"settings: {words}: {why}")
        elif outcome.is_new or was_failing:
            words = "new ones are in use" if outcome.is_new else "the server answers again"
            self._log.info("settings: %s", words)
        return outcome
