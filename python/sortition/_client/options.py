"""The launch options: one table per platform, and what every platform's table shares.

Each field of these classes is an option, with its name, type, default, check and documentation.
``make options`` generates the signature and the docstring of ``launch`` and
``docs/launch-options.md`` from them; the hints at unknown names use them too. A test finds any
that differ.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Self

from sortition._base.defaults import DEFAULT_REQUEST_TIMEOUT_S
from sortition._base.options import ensure_known
from sortition._client.checks import (
    HOUR_S,
    WEEK_S,
    BaseUrl,
    Callback,
    FilePath,
    Flag,
    Having,
    Level,
    OneOf,
    Seconds,
    WholeNumber,
)
from sortition._sending.options import (
    DEFAULT_CLOSE_TIMEOUT_S,
    DEFAULT_QUEUE_BYTES,
    DEFAULT_QUEUE_EVENTS,
    DEFAULT_RETRY_FOR_S,
)
from sortition._sending.spool.options import DEFAULT_AGE_S, DEFAULT_BYTES, SpoolFolder
from sortition.storages.breaker import DEFAULT_TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sortition._base.log import Logger
    from sortition._client.checks import Check
    from sortition._engine import EngineChoice
    from sortition._http.transport import Transport
    from sortition._sending.options import OnUnknownOutcome

Unit = Literal["", "seconds", "bytes", "events"]
Group = Literal["decisions", "settings", "sending", "messages"]

_MOST: Final = 2**40
_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Option:
    """A launch option, as callers see it.

    Attributes:
        name: Its name.
        type: The type that callers may pass besides None, as it stands in the signature.
        default: The value if it is not given.
        default_words: The default in words; empty if there is none.
        unit: The unit of its number; empty if it is not a number.
        check: Reads a value.
        document: What it does, in sentences.
        group: The section of the documentation that lists it.
        empty_is_absent: Whether ``False``, ``0`` and empty texts and containers count as not given,
            as they do for the platform's SDK.
    """

    name: str
    type: str
    default: object
    default_words: str
    unit: Unit
    check: Check
    document: str
    group: Group
    empty_is_absent: bool

    @property
    def annotation(self) -> str:
        """Its annotation in the signature; None is allowed and means "not given"."""
        return f"{self.type} | None"

    @property
    def shown_default(self) -> str:
        """Its default in the signature."""
        return repr(self.default) if isinstance(self.default, bool | str) else "None"

    @property
    def documentation(self) -> str:
        """Its text in the docstring."""
        allowed = f" Allowed: {self.check.allowed}." if self.check.allowed else ""
        default = f" Defaults to {self.default_words}." if self.default_words else ""
        return self.document + allowed + default

    def is_given(self, value: object) -> bool:
        """Whether this value counts as given."""
        return value is not None and not (self.empty_is_absent and _is_empty(value))


def _given_type(annotation: Any) -> str:
    """What callers may pass for a field of this type, besides None."""
    return re.sub(r" \| None$", "", str(annotation))


def _is_empty(value: object) -> bool:
    # Only of builtin classes: a caller's own object may be false, such as an empty storage.
    kinds = (bool, int, float, str, bytes, tuple, list, dict, set, frozenset)
    return type(value) in kinds and not value


def _words(default: object, unit: Unit) -> str:
    if default is None or isinstance(default, bool):
        return ""
    if isinstance(default, str):
        return f"``{default}``"
    if unit == "bytes" and isinstance(default, int) and default % _MIB == 0:
        return f"{default // _MIB} MiB"
    return f"{default:,.6g}" if isinstance(default, int | float) else str(default)


def option(
    check: Check,
    document: str,
    *,
    group: Group,
    default: object = None,
    default_words: str | None = None,
    unit: Unit = "",
    given_type: str | None = None,
    empty_is_absent: bool = False,
) -> Any:
    """A field that is a launch option.

    Args:
        check: Reads a value that is given.
        document: What the option does, in sentences.
        group: The section of the documentation that lists it.
        default: The value if the option is not given.
        default_words: The default in words, if the value itself does not say it.
        unit: The unit of its number.
        given_type: The type that callers may pass, if it differs from that of the field.
        empty_is_absent: See `Option`.
    """
    metadata = {
        "option": {
            "check": check,
            "document": document,
            "group": group,
            "unit": unit,
            "type": given_type,
            "default_words": _words(default, unit) if default_words is None else default_words,
            "empty_is_absent": empty_is_absent,
        }
    }
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LaunchOptions:
    """The options of every platform, with checked values.

    Attributes:
        POSITIONAL: The options that callers may pass by position, in order.
    """

    POSITIONAL: ClassVar[tuple[str, ...]] = ()

    # Decisions.
    engine: EngineChoice = option(
        OneOf(("auto", "compiled", "pure")),
        "The engine that decides: ``compiled``, ``pure``, or ``auto`` for the compiled one if it "
        "is installed.",
        group="decisions",
        default="auto",
    )
    is_development_mode: bool = option(
        Flag(),
        "Decide as usual, but send nothing.",
        group="decisions",
        default=False,
        empty_is_absent=True,
    )

    storage_timeout_s: float = option(
        Seconds(0, HOUR_S, includes_least=False),
        "How long one operation of the user storage should take at most, in seconds. The client "
        "counts a longer one as slow; an async client stops waiting for it. If a storage fails or "
        "is slow three times in a row, the client skips it for ten seconds.",
        group="decisions",
        default=DEFAULT_TIMEOUT_S,
        unit="seconds",
    )

    # Settings.
    stale_after_s: float | None = option(
        Seconds(0, WEEK_S),
        "How long after the server last confirmed the settings `Client.status` reports them as "
        "stale, in seconds.",
        group="settings",
        unit="seconds",
        default_words="three intervals and at least a minute; never without an interval",
    )
    init_timeout_s: float | None = option(
        Seconds(0, HOUR_S, includes_least=False),
        "How long fetching the first settings may take in total, in seconds.",
        group="settings",
        unit="seconds",
        default_words="`request_timeout_s`",
    )
    settings_cache: str | None = option(
        FilePath(),
        "The path of a file in which the client keeps the last good settings. It uses them if it "
        "cannot reach the server at its start. Several processes may share the file.",
        group="settings",
        given_type="str | os.PathLike[str]",
    )
    allow_empty: bool = option(
        Flag(),
        "Start even if no source has settings. Every call returns its documented empty result "
        "until settings arrive.",
        group="settings",
        default=False,
    )

    # Sending.
    base_url: str | None = option(
        BaseUrl(),
        "Where to send requests, such as ``http://127.0.0.1:8080``.",
        group="sending",
        default_words="the platform's host",
    )
    request_timeout_s: float = option(
        Seconds(0, HOUR_S, includes_least=False),
        "How long one request may take in total, in seconds. A call that sends its event itself "
        "takes no longer.",
        group="sending",
        default=DEFAULT_REQUEST_TIMEOUT_S,
        unit="seconds",
    )
    transport: Transport | None = option(
        Having(("send",)),
        "How to send requests: a `RequestsTransport` with its own options, or any object with a "
        "method ``send``. The caller closes it.",
        group="sending",
    )
    queue_events: int = option(
        WholeNumber(_MOST),
        "How many events may wait. The client refuses and counts further events.",
        group="sending",
        default=DEFAULT_QUEUE_EVENTS,
        unit="events",
    )
    queue_bytes: int = option(
        WholeNumber(_MOST),
        "How many bytes of events may wait.",
        group="sending",
        default=DEFAULT_QUEUE_BYTES,
        unit="bytes",
    )
    retry_for_s: float = option(
        Seconds(0, WEEK_S),
        "How long the client retries events that it cannot deliver, in seconds.",
        group="sending",
        default=DEFAULT_RETRY_FOR_S,
        unit="seconds",
    )
    close_timeout_s: float = option(
        Seconds(0, HOUR_S, includes_least=False),
        "How long `Client.close` and the interpreter's exit may take to send waiting events, in "
        "seconds.",
        group="sending",
        default=DEFAULT_CLOSE_TIMEOUT_S,
        unit="seconds",
    )
    on_unknown_outcome: OnUnknownOutcome = option(
        OneOf(("resend", "drop")),
        "What to do with events that the server may or may not have received: ``resend``, which "
        "may count events twice, or ``drop``.",
        group="sending",
        default="resend",
    )
    on_drop: Callable[[str, int], object] | None = option(
        Callback(),
        "Called as ``on_drop(reason, number)`` when events are lost or refused.",
        group="sending",
    )
    spool: str | None = option(
        SpoolFolder(),
        "A folder in which the client keeps events until their outcome is known, so that they "
        "survive a SIGKILL: the next process for the same account and key sends the events of a "
        "dead one. "
        "The client creates the folder if it does not exist; its parent must exist. For VWO this "
        "requires `batch_events`.",
        group="sending",
        given_type="str | os.PathLike[str]",
    )
    spool_bytes: int = option(
        WholeNumber(2**50),
        "How many bytes of files one client in one process may keep there. It keeps further events "
        "in memory only.",
        group="sending",
        default=DEFAULT_BYTES,
        unit="bytes",
    )
    spool_age_s: float = option(
        Seconds(1, WEEK_S),
        "How old an event may be when another process takes it over, in seconds.",
        group="sending",
        default=DEFAULT_AGE_S,
        unit="seconds",
    )

    # Messages.
    logger: Logger | None = option(
        Having(("log",)),
        "An object with a method ``log(level, message)`` that receives the client's messages. By "
        "default they go to the standard ``logging`` module, under the logger ``sortition``.",
        group="messages",
        empty_is_absent=True,
    )
    log_level: int | None = option(
        Level(),
        "The lowest level of messages that the client logs. If no handler is configured and no "
        "`logger` is given, the client prints them to standard error.",
        group="messages",
        default_words="the level of the logger",
        empty_is_absent=True,
    )

    @classmethod
    def table(cls) -> tuple[Option, ...]:
        """The options in the order of the signature: positional, the platform's own, shared."""
        found = {one.name: one for one in fields(cls)}
        shared = [one.name for one in fields(LaunchOptions)]
        own = [name for name in found if name not in shared]
        names = dict.fromkeys([*cls.POSITIONAL, *own, *shared])
        return tuple(
            Option(
                name=name,
                default=found[name].default,
                **{
                    **found[name].metadata["option"],
                    "type": found[name].metadata["option"]["type"] or _given_type(found[name].type),
                },
            )
            for name in names
        )

    @classmethod
    def read(cls, given: Mapping[str, object]) -> Self:
        """Check the arguments of a launch. None counts as not given, for every option.

        Raises:
            OptionError: An option is invalid; the message names it.
        """
        table = {one.name: one for one in cls.table()}
        ensure_known([name for name in given if name not in table], table)
        return cls(
            **{
                name: table[name].check(name, value)
                for name, value in given.items()
                if table[name].is_given(value)
            }
        )
