"""One HTTP exchange on its way: its deadline, and how far it has come."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, ClassVar, Final, Self

from sortition._base.clock import now_s

if TYPE_CHECKING:
    from types import TracebackType

LONGEST_IDLE_S: Final = 0.9
"""How long a connection may have been idle to be used again, in seconds.

Servers close idle connections after some seconds, few after one, and balancers forget them without
a word. It is less than the shortest interval of batches, which is a second.
"""

_LONGEST_TAIL_S: Final = 0.5
"""How long to wait for what follows a status line where only the status matters."""
_LEAST_WAIT_S: Final = 0.001


class Exchange:
    """A request and its answer, on one connection.

    Connections find it by the thread or greenlet that uses them, and ask it before every wait how
    long that may take: a timeout of a socket bounds each of its waits, but not their number.

    Attributes:
        needs_body: Whether the answer's content matters.
        needs_new_connection: Whether it is not to use a connection that was used before.
        is_reused: Whether its connection was used before.
        written_bytes: How much of the request the connection took.
        has_answer_begun: Whether the first byte of the answer has come.
        status: The answer's status; None where its status line has not come.
        is_head_cut: Whether the answer's headers did not come, or cannot be read.
    """

    # Not by thread: greenlets share one, where gevent patches it only after this is imported.
    _current: ClassVar[ContextVar[Exchange]] = ContextVar("exchange")

    def __init__(
        self, deadline_s: float, *, needs_body: bool = False, needs_new_connection: bool = False
    ) -> None:
        """Begin.

        Args:
            deadline_s: When it has to be over, on the clock of `now_s`.
            needs_body: Whether the answer's content matters.
            needs_new_connection: Whether it is not to use a connection that was used before.
        """
        self.needs_body = needs_body
        self.needs_new_connection = needs_new_connection
        self.is_reused = False
        self.written_bytes = 0
        self.has_answer_begun = False
        self.status: int | None = None
        self.is_head_cut = False
        self._deadline_s = deadline_s
        self._is_begun = False

    def __enter__(self) -> Self:
        self._token = self._current.set(self)
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._current.reset(self._token)

    @classmethod
    def current(cls) -> Exchange:
        """The exchange of this thread or greenlet: connections are used within one."""
        return cls._current.get()

    @property
    def is_over(self) -> bool:
        """Whether the deadline has passed."""
        return now_s() >= self._deadline_s

    @property
    def lost_its_connection(self) -> bool:
        """Whether a connection that was used before ended before the answer began.

        It says nothing about the server, which may close a connection that nobody uses. To be asked
        where no answer came.
        """
        return self.is_reused and not self.has_answer_begun and not self.is_over

    def wait_s(self) -> float:
        """How long the next wait may take, in seconds.

        Raises:
            TimeoutError: The deadline has passed.
        """
        left_s = self._deadline_s - now_s()
        if left_s <= 0:
            raise TimeoutError("timed out")
        # A timeout of 0 would mean not to wait at all, which raises another error.
        return max(left_s, _LEAST_WAIT_S)

    def note_request(self, *, is_reused: bool) -> None:
        """The request begins; what was sent and read before was for the sake of the connection."""
        self.is_reused = is_reused
        self.written_bytes = 0
        self.has_answer_begun = False
        self._is_begun = True

    def note_status(self, status: int) -> None:
        """The status line has come; where only that matters, little time is left for the rest."""
        if not self._is_begun:
            # The answer of a proxy that is asked for a tunnel.
            return
        self.status = status
        if not self.needs_body:
            now = now_s()
            tail_s = min(_LONGEST_TAIL_S, max(0.0, self._deadline_s - now) / 2)
            self._deadline_s = now + tail_s
