"""The server that misbehaves as it is told."""

from __future__ import annotations

import ssl
import threading
from typing import TYPE_CHECKING, Final, Self

from sortition.testing.exchange import Exchanges
from sortition.testing.faults import Fault, Healthy, Refused, RequestFault
from sortition.testing.loopback import Loopback
from sortition.testing.schedule import Schedule
from sortition.testing.tally import Tally

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable
    from os import PathLike

    from sortition.testing.event import Event, Identity
    from sortition.testing.request import Received

_THREAD_NAME: Final = "sortition-fault-server"


class FaultServer:
    """A real HTTP/1.1 server on the loopback that misbehaves as it is told.

    It takes visitors, conversions and pushes in the classic, the event-architecture and the batch
    format of VWO, each also behind a data-residency prefix, visitors and goals of PageSense, and
    every other request as one event of another platform. It listens from its construction until
    `close`, on a port of its own, with a thread for each connection. All of it may be used from any
    thread::

        with FaultServer() as server:
            server.script([faults.Status(503, retry_after=1), faults.AnswerLost()])
            ...  # send to server.url
            assert server.distinct == 100
            assert server.repeated == 0

    It belongs to the process that made it: a forked child holds none of its sockets, and must not
    ask it for anything.

    Args:
        certificate: For HTTPS, a PEM file with the certificate of 127.0.0.1, and with those that
            lead to its root where there are any between. None: HTTP.
        key: A PEM file with the certificate's key; None where it is in the same file.
        most_kept: How many `requests` and how many `events` are kept, the latest; None: all, until
            `clear`. Numbers and `counts` are complete in any case.

    Raises:
        OSError: A PEM file cannot be read or used, or no port can be had.
    """

    def __init__(
        self,
        *,
        certificate: str | PathLike[str] | None = None,
        key: str | PathLike[str] | None = None,
        most_kept: int | None = None,
    ) -> None:
        context = None
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
        self._schedule = Schedule()
        self._tally = Tally(most_kept)
        exchanges = Exchanges(self._schedule, self._tally)
        self._switching = threading.Lock()
        self._is_closed = False
        self._loopback = Loopback(exchanges.serve, _THREAD_NAME, context)
        scheme = "http" if context is None else "https"
        self.url: Final = f"{scheme}://127.0.0.1:{self._loopback.port}"
        """Where it listens, without a slash at the end."""
        self._loopback.open()

    @property
    def fault(self) -> Fault:
        """What the next request meets.

        Setting it ends a script, and lifts what hangs. A request that has begun meets what was in
        force at its first byte. When `faults.Refused` has been set, the port is closed, no
        connection is left and no request is under way; when another fault has been set after it,
        the same port listens again.

        Raises:
            TypeError: What is set is no fault.
            ValueError: The server is closed.
        """
        return self._schedule.next

    @fault.setter
    def fault(self, fault: Fault) -> None:
        if not isinstance(fault, Fault):
            raise TypeError(f"not a fault: {fault!r}")
        self._give((), fault)

    def script(self, steps: Iterable[RequestFault]) -> None:
        """Let each of the next requests meet one of these faults, and those after them none.

        Requests take their steps in the order in which they begin. Like setting `fault`, it ends an
        earlier script and lifts what hangs.

        Args:
            steps: The faults. `faults.Refused` is not allowed: a closed port sees no requests.

        Raises:
            TypeError: A step is no fault that a request can meet.
            ValueError: The server is closed.
        """
        script = list(steps)
        for step in script:
            if not isinstance(step, RequestFault):
                raise TypeError(f"not a fault that a request can meet: {step!r}")
        self._give(script, Healthy())

    @property
    def events(self) -> list[Event]:
        """The accepted events, in the order in which they were, each time that they were."""
        return self._tally.events

    @property
    def counts(self) -> Counter[Identity]:
        """How often each event was accepted; a `Counter`, whose keys compare as tuples do."""
        return self._tally.counts

    @property
    def accepted(self) -> int:
        """How many events were accepted, counting each time: `distinct` and `repeated` together."""
        return self._tally.accepted

    @property
    def distinct(self) -> int:
        """How many events of different identity were accepted."""
        return self._tally.distinct

    @property
    def repeated(self) -> int:
        """How many events were accepted beyond the first of their identity."""
        return self._tally.repeated

    @property
    def requests(self) -> list[Received]:
        """The requests that were read whole, in their order, whatever became of them."""
        return self._tally.requests

    @property
    def attempts(self) -> int:
        """How many requests began, those included that were never read."""
        return self._tally.attempts

    @property
    def connections(self) -> int:
        """How many connections were accepted."""
        return self._tally.connections

    def clear(self) -> None:
        """Forget what was received and counted. Faults and connections stay as they are."""
        self._tally.clear()

    def close(self) -> None:
        """Close the port and every connection, and wait for every thread. Twice is once."""
        if self._loopback.is_abandoned:
            # Another thread of the parent may have held the lock when this process was forked.
            return
        with self._switching:
            if self._is_closed:
                return
            self._is_closed = True
            self._schedule.give((), Refused())
            self._loopback.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _give(self, script: Iterable[RequestFault], standing: Fault) -> None:
        with self._switching:
            if self._is_closed:
                raise ValueError("the server is closed")
            self._schedule.give(script, standing)
            if isinstance(standing, Refused):
                self._loopback.close_port()
            else:
                self._loopback.open()
