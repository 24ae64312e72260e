"""Server-side A/B testing with a Rust core, for VWO FullStack.

Start at `sortition.vwo`.
"""

from sortition._base.exporting import exporting as _exporting
from sortition._process import exit as _exit  # noqa: F401 -- to know of an exit that comes before all else
from sortition._version import VERSION

# Not `typing`'s: importing that would take longer than everything here.
TYPE_CHECKING = False
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
