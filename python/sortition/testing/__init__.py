"""For tests: a server that misbehaves as it is told, and counts what it took.

What a client of an A/B testing platform does when the network fails shows only against a real
server that fails. `FaultServer` is one: it takes the events of every format, misbehaves in the ways
of `sortition.testing.faults`, and says afterwards which events arrived, and how often. `Proxy` is a
forward proxy that counts what passes it::

    from sortition import vwo
    from sortition.testing import FaultServer, faults

    with FaultServer() as server, vwo.launch(settings_file, base_url=server.url) as client:
        server.fault = faults.Status(503)
        assert not client.track("checkout", "ann@example.com", "purchase")
        server.fault = faults.Healthy()
        assert client.track("checkout", "ann@example.com", "purchase")
        assert server.distinct == 1

Both listen on the loopback, print nothing, and leave neither thread nor socket when they are
closed. ``import sortition`` does not import this package.
"""

from sortition.testing import faults
from sortition.testing.event import Event, Identity
from sortition.testing.proxy import Passage, Proxy
from sortition.testing.request import Received
from sortition.testing.server import FaultServer

__all__ = [
    "Event",
    "FaultServer",
    "Identity",
    "Passage",
    "Proxy",
    "Received",
    "faults",
]
