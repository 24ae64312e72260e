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
"""A fork count that no process has."""

_STALE_AFTER_INTERVALS: Final = 3
_LEAST_STALE_AFTER_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Refreshing:
    """How to keep settings up to date.

    Attributes:
        request_timeout_s: How long one request for settings may take.
        poll_interval_s: How often to ask the server; None for never.
        stale_after_s: After how long without the server's confirmation settings count as stale;
            None for three intervals and at least a minute, or never without an interval.
    """

    request_timeout_s: float
    poll_interval_s: float | None = None
    stale_after_s: float | None = None


class LiveSettings(Generic[SnapshotT]):
    """The settings that a client uses, which polling, webhooks and the caller replace.

    Starts nothing before `begin`. Each process has its own thread. It does not refer to the client,
    which calls `close` when it is freed.

    Attributes:
        current: The settings in use.
        platform: Reads them.
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
        # When the settings in use were last known to be good; None if that is unknown.
        self._confirmed_at: float | None = None
        self._is_confirmed = False
        self._is_via_webhook = False
        self._is_closed = False
        # The validators of the settings in use.
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
        """Use these settings; False if they may no longer be replaced.

        Args:
            snapshot: The settings.
            source: Their source.
            age_s: How long ago they were known to be good; None if that is unknown.
            validators: Their validators.
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
        """Use the last good settings; whether there are any."""
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
        """Ask the server during the launch; leaves no thread behind except one that hangs."""
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
        """Start the background work of this process, at a call.

        Returns:
            The fork count of this process: until it changes (`Forks.count`), there is nothing to
            start. `NOT_BEGUN` if the next call must try again: if no thread could be started, and
            in uWSGI, which forks without informing Python.
        """
        has_work = self._is_awaited or self._polls or self._pollers.existing() is not None
        is_begun = True
        if has_work and not self._is_closed:
            is_begun = self._pollers.get().begin()
        return Forks.count if is_begun and "uwsgi" not in sys.modules else NOT_BEGUN

    def wake(self, *, is_via_webhook: bool = True) -> None:
        """Ask the server as soon as allowed, because there are new settings."""
        if not self._is_closed:
            self._is_via_webhook |= is_via_webhook
            self._pollers.get().wake()

    def ask(self, request: Request, about: Hashable) -> Outcome:
        """Ask the server now, and use the answer if it is good.

        Args:
            request: The request.
            about: Identifies the request: callers who come together with the same one share it.
        """

        def attempt(pool: SenderPool, deadline: Deadline) -> Outcome:
            return self.exchange(request, pool, deadline)

        if self._is_closed:
            return Outcome(is_new=False, error="the client is closed")
        return self._pollers.get().ask(about, attempt, self._refreshing.request_timeout_s)

    def stop_polling(self) -> None:
        """Stop polling, in this process and in its children."""
        self._polls = False
        poller = self._pollers.existing()
        if poller is not None:
            poller.stop()

    def forget(self, leaving: SnapshotT | None = None) -> None:
        """End as `close` does, and forget the settings.

        Args:
            leaving: The snapshot to use from now on.
        """
        self.close()
        self._validators = None
        self.current.forget(leaving)

    def close(self) -> None:
        """End the thread of this process and stop replacing settings. May be called again."""
        self._is_closed = True
        self.current.freeze()
        poller = self._pollers.existing()
        if poller is not None:
            poller.close()

    def status(self) -> SettingsStatus:
        """The status of the settings.

        Starts the background work as a call would, because a service may get no calls before its
        probe succeeds.
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
        """Make one request for settings, and use the answer."""
        current = self.current.snapshot
        try:
            fetched = fetch(pool, request, deadline, self._validators)
        except SettingsUnavailableError as error:
            # The validators may be what the server dislikes.
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
        """Keep settings that the server confirmed, for a start without the server."""
        # A caller may have used another key than the next launch will.
        if self._cache is not None and self.platform.difference(snapshot, None) is None:
            self._cache.keep(snapshot.document, self.platform.owner(snapshot))

    @property
    def _is_awaited(self) -> bool:
        """Whether the server has not sent settings yet."""
        return not self._is_confirmed

    def _confirmed(self, current: SnapshotT | None) -> SnapshotT | None:
        """The given settings, unless they are only a substitute.

        Settings from a file may belong to another project or contain an old key.
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
            # One key for all errors: an outage has many, but is one event.
            self._log.recurring_error("settings", lambda: f"settings: {words}: {why}")
        elif outcome.is_new or was_failing:
            words = "new ones are in use" if outcome.is_new else "the server answers again"
            self._log.info("settings: %s", words)
        return outcome
