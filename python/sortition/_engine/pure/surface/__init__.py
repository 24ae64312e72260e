"""The pure engine's interface to the rest of the package; the twin of ``rust/bindings``."""

from sortition._engine.pure.hash import murmur3_32
from sortition._engine.pure.pagesense.activated import Activated as PagesenseActivated
from sortition._engine.pure.pagesense.allocation import ranges as pagesense_ranges
from sortition._engine.pure.pagesense.profile import Profile as PagesenseProfile
from sortition._engine.pure.pagesense.reason import REASONS as PAGESENSE_REASONS
from sortition._engine.pure.surface.pagesense import PagesenseSettings, pagesense_bucket
from sortition._engine.pure.surface.vwo import VwoSettings
from sortition._engine.pure.vwo.allocation import ranges as allocation_ranges
from sortition._engine.pure.vwo.bucket import stretched_bucket, traffic_bucket, variation_bucket
from sortition._engine.pure.vwo.event import batch as vwo_batch
from sortition._engine.pure.vwo.reason import REASONS

__all__ = [
    "PAGESENSE_REASONS",
    "REASONS",
    "PagesenseActivated",
    "PagesenseProfile",
    "PagesenseSettings",
    "VwoSettings",
    "allocation_ranges",
    "murmur3_32",
    "pagesense_bucket",
    "pagesense_ranges",
    "stretched_bucket",
    "traffic_bucket",
    "variation_bucket",
    "vwo_batch",
]
