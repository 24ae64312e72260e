"""VWO's launch options: those of the platform's own SDK, and those that only VWO has.

Source: VWO spec, section 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from sortition._base.errors import OptionError
from sortition._base.options import of_type
from sortition._client.checks import (
    WEEK_S,
    Anything,
    Flag,
    Having,
    Seconds,
    WholeNumber,
)
from sortition._client.options import LaunchOptions, option
from sortition._sending.options import DEFAULT_REQUEST_BYTES
from sortition._vwo.arguments import goal_type_named
from sortition._vwo.batch_events import BatchEvents, BatchEventsCheck
from sortition._vwo.constants import GOAL_TYPES
from sortition.storages.redis import RedisCredentials

if TYPE_CHECKING:
    from sortition._vwo.arguments import GoalType
    from sortition._vwo.integrations import Integrations
    from sortition.storages.base import UserStorageLike
    from sortition.storages.redis import RedisUserStorage

_MOST_BYTES: Final = 2**40


@dataclass(frozen=True, slots=True)
class GoalTypeName:
    """A type of goals, by one of its names."""

    allowed: str = "one of `GOAL_TYPES`, or ``CUSTOM`` or ``REVENUE``"

    def __call__(self, name: str, value: object) -> str:
        """See `sortition._client.checks.Check`."""
        text = of_type(name, value, str, "a string")
        found = goal_type_named(text)
        if found is None:
            words = ", ".join(sorted({GOAL_TYPES.ALL, GOAL_TYPES.CUSTOM, GOAL_TYPES.REVENUE}))
            raise OptionError(f"{name}: must be one of {words}")
        return found


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class VwoOptions(LaunchOptions):
    """The options of `sortition.vwo.launch`, with checked values."""

    POSITIONAL: ClassVar[tuple[str, ...]] = (
        "settings_file",
        "logger",
        "user_storage",
        "is_development_mode",
    )

    settings_file: Any = option(
        Anything(),
        "The settings document: JSON as text or bytes, a dict, or the path of a file as a "
        "``pathlib.Path``.",
        group="settings",
        given_type="SettingsFile",
    )
    user_storage: UserStorageLike | None = option(
        Having(("get", "set"), may_be_async=True),
        "An object with methods ``get(user_id, campaign_key)`` and ``set(record)``; see "
        "`UserStorage`.",
        group="decisions",
        empty_is_absent=True,
    )
    goal_type_to_track: GoalType | None = option(
        GoalTypeName(),
        "Which goals `Client.track` credits by default.",
        group="decisions",
        default_words="``ALL``",
        empty_is_absent=True,
    )
    should_track_returning_user: bool | None = option(
        Flag(),
        "Whether calls count returning users again by default.",
        group="decisions",
        default_words="false",
        empty_is_absent=True,
    )
    integrations: Integrations | None = option(
        Having(("callback",)),
        "An object with a method ``callback(properties)``, which the client calls for every "
        "decision that assigned a variation.",
        group="decisions",
        empty_is_absent=True,
    )
    redis_creds: RedisUserStorage | None = option(
        RedisCredentials(),
        "Keep records in Redis: a dictionary with ``url``, ``user_id`` and ``password``. Requires "
        "the extra ``redis``. `user_storage` takes precedence.",
        group="decisions",
        given_type="dict[str, str]",
        empty_is_absent=True,
    )
    account_id: int | str | None = option(
        Anything(),
        "The account whose settings the client fetches, together with `sdk_key`.",
        group="settings",
    )
    sdk_key: str | None = option(
        Anything(),
        "The secret key of the environment.",
        group="settings",
    )
    poll_interval_s: float | None = option(
        Seconds(1, WEEK_S),
        "How often the client asks the server for new settings, in seconds, starting at its first "
        "use.",
        group="settings",
        unit="seconds",
        default_words="never",
    )
    fallback_settings_file: Any = option(
        Anything(),
        "The settings to start with if there are no others, in the same form as `settings_file`.",
        group="settings",
        given_type="SettingsFile",
    )
    batch_events: BatchEvents | None = option(
        BatchEventsCheck(),
        "Send events in batches from a background thread. A dictionary with at least one of "
        "``events_per_request`` (1 to 5000, by default 100) and ``request_time_interval`` (in "
        "seconds, by default 600): the client sends a batch as soon as it reaches either. It may "
        "also have ``flush_callback(error, events)``, which the client calls once the outcome of a "
        "batch is known. Without this option, each call sends its event itself.",
        group="sending",
        given_type="dict[str, Any]",
        empty_is_absent=True,
    )
    request_bytes: int = option(
        WholeNumber(_MOST_BYTES),
        "The most bytes of events in one batch.",
        group="sending",
        default=DEFAULT_REQUEST_BYTES,
        unit="bytes",
    )
