"""PageSense's launch options.

Source: PageSense spec, section 2.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from sortition._base.errors import OptionError
from sortition._base.options import of_type
from sortition._client.checks import Anything, Having, WholeNumber
from sortition._client.options import LaunchOptions, option
from sortition._pagesense.constants import DATA_CENTERS
from sortition._pagesense.credentials import known_data_center
from sortition._sending.options import DEFAULT_REQUESTS_AT_ONCE

if TYPE_CHECKING:
    from sortition._pagesense.storage import UserStorageLike

LEAST_POLL_INTERVAL_S: Final = 10
MOST_POLL_INTERVAL_S: Final = 1800
DEFAULT_POLL_INTERVAL_S: Final = 10
"""How often the platform's SDK asks for settings."""

_MOST_REQUESTS_AT_ONCE: Final = 100
"""As many connections as the platform's SDK opens."""


@dataclass(frozen=True, slots=True)
class PollInterval:
    """A whole number of seconds within the platform's bounds, or 0."""

    allowed: str = f"from {LEAST_POLL_INTERVAL_S} to {MOST_POLL_INTERVAL_S}, or 0 for never"

    def __call__(self, name: str, value: object) -> int:
        """See `sortition._client.checks.Check`."""
        interval_s = of_type(name, value, int, "a whole number of seconds")
        if interval_s and not LEAST_POLL_INTERVAL_S <= interval_s <= MOST_POLL_INTERVAL_S:
            bounds = f"{LEAST_POLL_INTERVAL_S} to {MOST_POLL_INTERVAL_S} seconds"
            raise OptionError(f"{name}: must be from {bounds}, or 0 for no polling")
        return interval_s


@dataclass(frozen=True, slots=True)
class DataCenter:
    """One of the platform's data centers."""

    allowed: str = ", ".join(f"``{name}``" for name in DATA_CENTERS)

    def __call__(self, name: str, value: object) -> str:
        """See `sortition._client.checks.Check`."""
        return known_data_center(name, of_type(name, value, str, "a string"))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PagesenseOptions(LaunchOptions):
    """The options of `sortition.pagesense.launch`, with checked values."""

    POSITIONAL: ClassVar[tuple[str, ...]] = ("settings",)

    settings: Any = option(
        Anything(),
        "The settings document: JSON as text or bytes, a dict, or the path of a file as a "
        "``pathlib.Path``.",
        group="settings",
        given_type="SettingsFile",
    )
    sdk_account_id: str | None = option(
        Anything(),
        "The account's id and its data center, such as ``12345-US``.",
        group="settings",
    )
    sdk_key: str | None = option(
        Anything(),
        "The project's secret key.",
        group="settings",
    )
    project_name: str | None = option(
        Anything(),
        "The project's name.",
        group="settings",
    )
    data_center: str | None = option(
        DataCenter(),
        "The data center that receives the events, if `settings` is given.",
        group="sending",
        default_words="the one named by `sdk_account_id` or by the account id in the settings",
    )
    user_storage: UserStorageLike | None = option(
        Having(("look_up", "save"), may_be_async=True),
        "An object with methods ``look_up(user_id)`` and ``save(user_profile)``; see "
        "`UserStorageService`.",
        group="decisions",
        empty_is_absent=True,
    )
    poll_interval_s: int | None = option(
        PollInterval(),
        "How often the client asks the server for new settings, in whole seconds, starting at its "
        "first use; 0 for never.",
        group="settings",
        unit="seconds",
        default_words="10 if the client fetched its settings, and never if they were given",
    )
    fallback_settings: Any = option(
        Anything(),
        "The settings to start with if there are no others, in the same form as `settings`.",
        group="settings",
        given_type="SettingsFile",
    )
    requests_at_once: int = option(
        WholeNumber(_MOST_REQUESTS_AT_ONCE),
        "How many requests may be under way at the same time.",
        group="sending",
        default=DEFAULT_REQUESTS_AT_ONCE,
        unit="events",
    )
