"""The base class of all faults."""

from __future__ import annotations


class BaseFault:
    """A way in which a `FaultServer` can misbehave; the ways are in `sortition.testing.faults`."""

    __slots__ = ()
