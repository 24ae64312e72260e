"""Server-side A/B testing with a Rust core, for VWO FullStack.

Start at `sortition.vwo`.
"""

from sortition import _exit  # noqa: F401 -- to know of an exit that comes before all else
from sortition._exporting import exporting as _exporting
from sortition._version import VERSION

# Not `typing`'s: importing that would take longer than everything here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from sortition._errors import (
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
        globals(), {name: "sortition._errors" for name in __all__ if name != "__version__"}
    )
