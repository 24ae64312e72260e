"""One HTTP exchange: its deadline and its progress."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, ClassVar, Final, Self

from sortition._base.clock import now_s

if TYPE_CHECKING:
    from types import TracebackType

LONGEST_IDLE_S: Final = 0.9
"""How long a connection may have been idle to be reused, in seconds.

Servers close idle connections after several seconds, a few after one, and load balancers forget
them silently. The value is less than the shortest interval of batches, which is a second.
"""

_LONGEST_TAIL_S: Final = 0.5
"""How long to wait for the rest of an answer if only its status matters."""
_LEAST_WAIT_S: Final = 0.001


class Exchange:
    """A request and its answer, on one connection.

    Connections find it by the thread or greenlet that uses them, and ask it before every wait how
    long to wait: a socket's timeout bounds each wait, but not their number.

    Attributes:
        needs_body: Whether the answer's content matters.
        needs_new_connection: Whether it must not reuse a connection.
        is_reused: Whether its connection was used before.
        written_bytes: How many bytes of the request were written.
        has_answer_begun: Whether the first byte of the answer has arrived.
        status: The answer's status; None before its status line.
        is_head_cut: Whether the answer's headers are missing or not readable.
    """

    # Not per thread: greenlets share one if gevent patches threads after this is imported.
    _current: ClassVar[ContextVar[Exchange]] = ContextVar("exchange")

    def __init__(
        self, deadline_s: float, *, needs_body: bool = False, needs_new_connection: bool = False
    ) -> None:
        """Start an exchange.

        Args:
            deadline_s: When it must be over, on the clock of `now_s`.
            needs_body: Whether the answer's content matters.
            needs_new_connection: Whether it must not reuse a connection.
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
        """Whether a reused connection ended before the answer began.

        That says nothing about the server, which may close an idle connection. Only meaningful
        without an answer.
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
        # A timeout of 0 would mean not to wait at all, and would raise another error.
        return max(left_s, _LEAST_WAIT_S)

    def note_request(self, *, is_reused: bool) -> None:
        """Note that the request begins; everything before only established the connection."""
        self.is_reused = is_reused
        self.written_bytes = 0
        self.has_answer_begun = False
        self._is_begun = True

    def note_status(self, status: int) -> None:
        """Note the status line; if only the status matters, allow little time for the rest."""
        if not self._is_begun:
            # This is a proxy's answer to the request for a tunnel.
            return
        self.status = status
        if not self.needs_body:
            now = now_s()
            tail_s = min(_LONGEST_TAIL_S, max(0.0, self._deadline_s - now) / 2)
            self._deadline_s = now + tail_s
