"""Server-side A/B testing with a Rust core, for VWO FullStack and Zoho PageSense FullStack.

Start with `sortition.vwo` or `sortition.pagesense`. This module has the exceptions they raise.
"""

from sortition._base.exporting import TYPE_CHECKING
from sortition._base.exporting import exporting as _exporting
from sortition._process import exit as _exit  # noqa: F401 -- to know of an exit that comes before all else
from sortition._version import VERSION

if TYPE_CHECKING:
    from sortition._base.errors import (
        DeliveryError,
        OptionError,
        OptionTypeError,
        SettingsError,
        SettingsUnavailableError,
        SortitionError,
        UnknownOptionError,
    )

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

if not TYPE_CHECKING:
    __getattr__, __dir__ = _exporting(
        globals(), {name: "sortition._base.errors" for name in __all__ if name != "__version__"}
    )

del TYPE_CHECKING
