"""Every exception that sortition raises.

Only ``launch``, ``alaunch``, ``get_settings_file`` and constructors raise. A client's calls log
what is wrong and return their documented empty result, and a ``flush_callback`` receives its error.
No message contains the SDK key or a user id::

    SortitionError
    ├── DeliveryError
    ├── OptionError (ValueError)
    │   └── OptionTypeError (TypeError)
    │       └── UnknownOptionError
    ├── SettingsError (ValueError)
    └── SettingsUnavailableError
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sortition._base.problem import Problem

_MOST_SHOWN: Final = 10


class SortitionError(Exception):
    """The base of every exception that sortition raises."""


class DeliveryError(SortitionError):
    """Events of a batch were lost.

    Attributes:
        reason: The reason, as in the ``dropped`` of a client's ``stats()``.
        events: The number of lost events.
    """

    def __init__(self, reason: str, events: int) -> None:
        lost = "1 event was lost" if events == 1 else f"{events} events were lost"
        super().__init__(f"{lost}: {reason.replace('_', ' ')}")
        self.reason = reason
        self.events = events


class OptionError(SortitionError, ValueError):
    """An option has an invalid value; the message names the option."""


class OptionTypeError(OptionError, TypeError):
    """An option has a value of the wrong type; the message names the option."""


class UnknownOptionError(OptionTypeError):
    """There is no option with this name; the message suggests the nearest one."""


class SettingsError(SortitionError, ValueError):
    """A settings document is not usable at all; the message names the places.

    Attributes:
        problems: The first thousand problems, in the order of the document; at least one.
        problem_count: The number of all problems.
    """

    def __init__(self, problems: tuple[Problem, ...], problem_count: int | None = None) -> None:
        super().__init__(problems, problem_count)
        self.problems = problems
        self.problem_count = len(problems) if problem_count is None else problem_count

    def __str__(self) -> str:
        shown = [str(problem) for problem in self.problems[:_MOST_SHOWN]]
        if self.problem_count > len(shown):
            shown.append(f"and {self.problem_count - len(shown)} more")
        return "; ".join(shown)


class SettingsUnavailableError(SortitionError):
    """No source has usable settings.

    Attributes:
        status: The HTTP status of the answer; None without an answer.
        retry_after_s: The pause that the server asks for, in seconds; 0 if it asks for none.
    """

    def __init__(self, message: str, status: int | None = None, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s
