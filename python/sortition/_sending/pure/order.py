"""The order in which events wait: as they came, and those of one user one after another."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, final

from sortition._base.clock import now_s

if TYPE_CHECKING:
    from sortition._sending.spool.segment import Place


@final
class QueuedEvent:
    """An event that was accepted; see `sortition._sending.queue.QueuedEvent`.

    Attributes:
        accepted_at: When it was accepted, by the clock of ages.
        is_on_its_way: Whether a request with it is under way.
        is_lost: Whether it was lost; None if that is not known yet.
    """

    __slots__ = (
        "accepted_at",
        "bytes_up_to_it",
        "event",
        "is_lost",
        "is_on_its_way",
        "kind",
        "number",
        "place",
        "user",
    )

    def __init__(self, kind: str, event: bytes, user: str, place: Place | None) -> None:
        self.number = 0
        self.kind = kind
        self.event = event
        self.user = user
        self.place = place
        self.accepted_at = now_s()
        self.bytes_up_to_it = len(event)
        self.is_on_its_way = False
        self.is_lost: bool | None = None


class _User:
    """The events of a user who has one that is not settled."""

    def __init__(self) -> None:
        self.unsettled = 0
        self.followers: deque[QueuedEvent] = deque()


@final
class Order:
    """Events that wait. To be used by one thread at a time, in which no signal handler runs.

    Attributes:
        ready: Those that may be sent now.
        events: How many wait.
        bytes: How many bytes of events wait.
    """

    def __init__(self, *, is_per_user: bool) -> None:
        self._is_per_user = is_per_user
        self._users: dict[str, _User] = {}
        self.ready: deque[QueuedEvent] = deque()
        self.events = 0
        self.bytes = 0

    def append(self, event: QueuedEvent) -> None:
        """Add an event behind those that wait."""
        self.events += 1
        self.bytes += len(event.event)
        if self._is_per_user:
            known = self._users.get(event.user)
            if known is not None:
                known.unsettled += 1
                known.followers.append(event)
                return
            self._users[event.user] = first = _User()
            first.unsettled = 1
        self.ready.append(event)

    def pop(self) -> QueuedEvent:
        """Take the first event."""
        event = self.ready.popleft()
        self.events -= 1
        self.bytes -= len(event.event)
        return event

    def has_unsettled(self, user: str) -> bool:
        """Whether the later events of this user are kept back."""
        return user in self._users

    def hold(self, event: QueuedEvent, user: str) -> None:
        """Keep back the later events of this user until this one is settled."""
        if not self._is_per_user and not event.user:
            event.user = user
            self._users.setdefault(user, _User()).unsettled += 1

    def put_back(self, event: QueuedEvent, user: str) -> None:
        """Put an event behind those of its user that are not settled."""
        self.events += 1
        self.bytes += len(event.event)
        known = self._users.get(user)
        if known is None:
            self.ready.appendleft(event)
        else:
            known.followers.append(event)

    def settle(self, event: QueuedEvent) -> None:
        """The later events of its user need not wait for this one any more."""
        user = self._users.get(event.user)
        if user is None:
            return
        user.unsettled -= 1
        if self._is_per_user:
            # Behind the other users, who have waited longer.
            if user.followers:
                self.ready.append(user.followers.popleft())
        elif not user.unsettled:
            self.ready.extendleft(reversed(user.followers))
            user.followers.clear()
        if not user.unsettled:
            del self._users[event.user]

    def clear(self) -> list[QueuedEvent]:
        """Take all that wait, in no order."""
        waiting = [*self.ready]
        for user in self._users.values():
            waiting += user.followers
        self._users.clear()
        self.ready.clear()
        self.events = self.bytes = 0
        return waiting
