"""For tests: a server that fails on demand and counts the events that it accepted.

Only a real server that fails can show what a client does when the network fails. `FaultServer`
accepts events in every format, fails in the ways of `sortition.testing.faults`, and reports which
events arrived, and how often. `Proxy` is a forward proxy that records what passes through it::

    from sortition import vwo
    from sortition.testing import FaultServer, faults

    with FaultServer() as server, vwo.launch(settings_file, base_url=server.url) as client:
        server.fault = faults.Status(503)
        assert not client.track("checkout", "ann@example.com", "purchase")
        server.fault = faults.Healthy()
        assert client.track("checkout", "ann@example.com", "purchase")
        assert server.distinct == 1

Both listen on the loopback interface, print nothing, and leave no thread or socket behind when they
are closed. ``import sortition`` does not import this package.
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
