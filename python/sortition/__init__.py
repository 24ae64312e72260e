"""Server-side A/B testing with a Rust core, for VWO FullStack.

Start at `sortition.vwo`.
"""

from sortition._errors import (
    DeliveryError,
    OptionError,
    OptionTypeError,
    SettingsError,
    SettingsUnavailableError,
    SortitionError,
    UnknownOptionError,
)
from sortition._version import VERSION

__version__ = VERSION

__all__ = [
    "DeliveryError",
    "OptionError",
    "OptionTypeError",
    "SettingsError",
    "SettingsUnavailableError",
    "SortitionError",
    "UnknownOptionError",
    "__version__",
]
