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
from sortition._vwo.batching import BatchEvents, BatchEventsCheck
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
    """The options of `sortition.vwo.launch`; every value was checked."""

    POSITIONAL: ClassVar[tuple[str, ...]] = (
        "settings_file",
        "logger",
        "user_storage",
        "is_development_mode",
    )

    settings_file: Any = option(
        Anything(),
        "The settings document: JSON text, the same as bytes or as a dict, or the path of a file "
        "as a ``pathlib.Path``.",
        group="settings",
        given_type="SettingsFile",
    )
    user_storage: UserStorageLike | None = option(
        Having(("get", "set")),
        "An object with methods ``get(user_id, campaign_key)`` and ``set(record)``; see "
        "`UserStorage`.",
        group="decisions",
        empty_is_absent=True,
    )
    goal_type_to_track: GoalType | None = option(
        GoalTypeName(),
        "Which goals `Client.track` credits where the call does not say.",
        group="decisions",
        default_words="``ALL``",
        empty_is_absent=True,
    )
    should_track_returning_user: bool | None = option(
        Flag(),
        "Whether returning users are counted again, for every call that does not say.",
        group="decisions",
        default_words="no",
        empty_is_absent=True,
    )
    integrations: Integrations | None = option(
        Having(("callback",)),
        "An object with a method ``callback(properties)`` that is told of every decision that "
        "assigned a variation.",
        group="decisions",
        empty_is_absent=True,
    )
    redis_creds: RedisUserStorage | None = option(
        RedisCredentials(),
        "Keep records in Redis: a dictionary with ``url``, ``user_id`` and ``password``. Requires "
        "the extra ``redis``. Not used where `user_storage` is given.",
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
        "How often the client asks the server for new settings, in seconds, from its first use on.",
        group="settings",
        unit="seconds",
        default_words="never",
    )
    fallback_settings_file: Any = option(
        Anything(),
        "The settings to start with where there are no others; given as `settings_file`.",
        group="settings",
        given_type="SettingsFile",
    )
    batch_events: BatchEvents | None = option(
        BatchEventsCheck(),
        "Send events in batches, from a thread of the client. A dictionary with "
        "``events_per_request`` (1 to 5000, 100 by default) and ``request_time_interval`` (in "
        "seconds, 600 by default), at least one of them: the client sends a batch as soon as "
        "either is reached. It may also have ``flush_callback(error, events)``, which is told how "
        "each batch ended. Without this option each event is sent within its call.",
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
