"""Constants that callers use, under the names of the platform's own SDK."""

from __future__ import annotations

import logging

# Not from `typing`: importing it would take longer than everything here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


class GOAL_TYPES:  # noqa: N801 -- the platform's name
    """The goals that ``track`` credits."""

    REVENUE: Final = "REVENUE_TRACKING"
    """Goals that count revenue only."""
    CUSTOM: Final = "CUSTOM_GOAL"
    """Goals that count conversions only."""
    ALL: Final = "ALL"
    """Goals of both types."""


class LOG_LEVELS:  # noqa: N801 -- the platform's name
    """The levels of the standard ``logging``."""

    DEBUG: Final = logging.DEBUG
    INFO: Final = logging.INFO
    WARNING: Final = logging.WARNING
    ERROR: Final = logging.ERROR


GOAL_TYPE_NAMES: Final = frozenset({GOAL_TYPES.REVENUE, GOAL_TYPES.CUSTOM, GOAL_TYPES.ALL})
"""Every value of `GOAL_TYPES`."""

logger: Final = logging.getLogger("sortition.vwo")
"""The logger of VWO's clients, unless they have their own."""

DEFAULT_BASE_URL: Final = "https://dev.visualwebsiteoptimizer.com"
"""The platform's host."""
