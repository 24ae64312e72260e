"""A server that fails on demand."""

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
    """A real HTTP/1.1 server on the loopback interface that fails on demand.

    It accepts visitors, conversions and pushes in VWO's classic, event-architecture and batch
    formats, also with a data-residency prefix, and visitors and goals of PageSense. Any other
    request counts as one event of another platform. It listens from its construction until `close`,
    on its own port, with a thread for each connection. Safe to use from any thread::

        with FaultServer() as server:
            server.script([faults.Status(503, retry_after=1), faults.AnswerLost()])
            ...  # send to server.url
            assert server.distinct == 100
            assert server.repeated == 0

    It belongs to the process that created it: a forked child holds none of its sockets and must not
    use it.

    Args:
        certificate: For HTTPS, a PEM file with a certificate for 127.0.0.1 and any intermediate
            certificates. None: HTTP.
        key: A PEM file with the certificate's key; None if it is in the same file.
        most_kept: How many of the latest `requests` and `events` to keep; None: all, until
            `clear`. Numbers and `counts` are always complete.

    Raises:
        OSError: A PEM file is not usable, or no port is available.
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
        """Its URL, without a trailing slash."""
        self._loopback.open()

    @property
    def fault(self) -> Fault:
        """The fault for the next request.

        Setting it ends a script and lifts hanging requests. A request that has begun keeps the
        fault in force at its first byte. After `faults.Refused` was set, the port is closed, and no
        connection or request is left; setting another fault opens the same port again.

        Raises:
            TypeError: The value is not a fault.
            ValueError: The server is closed.
        """
        return self._schedule.next

    @fault.setter
    def fault(self, fault: Fault) -> None:
        if not isinstance(fault, Fault):
            raise TypeError(f"not a fault: {fault!r}")
        self._give((), fault)

    def script(self, steps: Iterable[RequestFault]) -> None:
        """Give each of the next requests one of these faults; later requests have none.

        Requests take the faults in the order in which they begin. Like setting `fault`, this ends
        an earlier script and lifts hanging requests.

        Args:
            steps: The faults. `faults.Refused` is not allowed: a closed port sees no requests.

        Raises:
            TypeError: A step is not a fault for a request.
            ValueError: The server is closed.
        """
        script = list(steps)
        for step in script:
            if not isinstance(step, RequestFault):
                raise TypeError(f"not a fault that a request can meet: {step!r}")
        self._give(script, Healthy())

    @property
    def events(self) -> list[Event]:
        """The accepted events in order, including repetitions."""
        return self._tally.events

    @property
    def counts(self) -> Counter[Identity]:
        """How often each event was accepted; a `Counter`, whose keys compare as tuples do."""
        return self._tally.counts

    @property
    def accepted(self) -> int:
        """How many events were accepted, including repetitions: `distinct` plus `repeated`."""
        return self._tally.accepted

    @property
    def distinct(self) -> int:
        """How many events with different identities were accepted."""
        return self._tally.distinct

    @property
    def repeated(self) -> int:
        """How many further events with the same identity were accepted."""
        return self._tally.repeated

    @property
    def requests(self) -> list[Received]:
        """All completely read requests, in order, with any outcome."""
        return self._tally.requests

    @property
    def attempts(self) -> int:
        """How many requests began, including those that were never read."""
        return self._tally.attempts

    @property
    def connections(self) -> int:
        """How many connections were accepted."""
        return self._tally.connections

    def clear(self) -> None:
        """Reset everything received and counted. Faults and connections stay."""
        self._tally.clear()

    def close(self) -> None:
        """Close the port and every connection, and wait for every thread. May be called again."""
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
