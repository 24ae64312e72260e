"""The ledger's numbers and the queue in plain Python, where the compiled module is not in use.

A signal handler may raise or call the client between any two steps of a call. So a call does all
that matters in one step, appending to a list, and everything else is worked out from that by the
threads that send, in which no handler runs. Two things cannot be promised in this way: an event
whose call was interrupted may be sent only with the next one, at a flush or at the exit, and
``queue_bytes`` may be exceeded by the size of events whose calls were interrupted.
"""

from sortition._sending.pure.counts import Counts
from sortition._sending.pure.queue import Queue

__all__ = ["Counts", "Queue"]
