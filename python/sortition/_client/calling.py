"""The outer edge of every public call of a client: it never raises.

A call that asks the user storage, sends or waits is a coroutine. The synchronous client runs it to
its end; the async client awaits it.
"""

from __future__ import annotations

import functools
import inspect
import signal
import traceback
from typing import TYPE_CHECKING, Any, Final, ParamSpec, Protocol, TypeVar, overload

from sortition._base import guard
from sortition._base.arguments import BadArgumentError
from sortition._base.nearest import nearest
from sortition._client.executing import result_of
from sortition._process.event_loops import BusyError
from sortition._process.forks import Forks
from sortition._sending.ledger import ARGUMENT, NO_SETTINGS
from sortition._settings.current import NoSettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from sortition._base.log import Log
    from sortition._client.delivery import Delivery

P = ParamSpec("P")
T = TypeVar("T")


class Client(Protocol):
    """The parts of its client that a public call needs."""

    @property
    def _log(self) -> Log: ...

    @property
    def _delivery(self) -> Delivery: ...

    @property
    def _refuses_with(self) -> str | None:
        """Why the client refuses all calls; None if it does not."""

    @property
    def _begun(self) -> int:
        """The fork in which `_begin` ran last."""

    def _begin(self) -> None:
        """Start the background work at the first call in this process."""

    def _note_refusal(self, reason: str) -> None:
        """Note that the client refused a call because of a mistake."""


_MOST_SHOWN: Final = 100
"""How much of an unknown name a message shows."""

_AS_NOTHING: Final = object()


class Decorator(Protocol):
    """Turns a method into a public call."""

    @overload
    def __call__(self, method: Callable[P, Coroutine[Any, Any, T]], /) -> Callable[P, T]: ...

    @overload
    def __call__(self, method: Callable[P, T], /) -> Callable[P, T]: ...


def call(
    nothing: object,
    sends: str | None = None,
    *,
    mistaken: object = _AS_NOTHING,
    ignores_unknown_options: bool = False,
    other_names: Mapping[str, str] | None = None,
) -> Decorator:
    """Turn a method into a public call.

    If the client is closed, an argument is invalid or sortition has a bug, the call logs that and
    returns its documented empty result.

    Args:
        nothing: The empty result.
        sends: The kind of event that the call sends, which then counts as refused.
        mistaken: The result for an invalid argument, if it differs.
        ignores_unknown_options: Whether the call logs and ignores unknown options; otherwise they
            are invalid arguments.
        other_names: Other names of arguments, with the names that they stand for.
    """
    for_mistakes = nothing if mistaken is _AS_NOTHING else mistaken

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        known = _names_of(method) if ignores_unknown_options else None
        edge = _Edge(method, sends, nothing, for_mistakes, known, other_names)
        answer = edge.at_once()
        setattr(answer, AWAITED, edge.later())
        setattr(answer, SENDS, sends)
        return answer

    return decorate


def ignores_wrong_arguments(nothing: Callable[[Any], object]) -> Decorator:
    """Make a method answer even if it is called with wrong arguments or has a bug.

    For methods that also answer after `close`: they log a wrong argument and ignore it.

    Args:
        nothing: Returns what a client answers if the method has a bug, which it logs.
    """

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        edge = _LenientEdge(method, nothing)
        if not inspect.iscoroutinefunction(method):
            return edge.at_once()
        answer = edge.to_its_end()
        setattr(answer, AWAITED, edge.later())
        return answer

    return decorate


class _LenientEdge:
    """The outer edge of a method that also answers after `close`."""

    def __init__(self, method: Callable[..., Any], nothing: Callable[[Any], object]) -> None:
        self._method = method
        self._nothing = nothing

    def at_once(self) -> Callable[..., Any]:
        """The method, if it is not a coroutine."""
        edge = self

        @functools.wraps(self._method)
        def answer(self: Client, /, *args: Any, **kwargs: Any) -> object:
            try:
                return edge.begin(self, *args, **kwargs)
            except Exception as error:  # noqa: BLE001 -- the outer edge
                return edge.answer_to(self, error)

        return answer

    def to_its_end(self) -> Callable[..., Any]:
        """The coroutine, run to its end."""
        edge = self

        @functools.wraps(self._method)
        def answer(self: Client, /, *args: Any, **kwargs: Any) -> object:
            try:
                return result_of(edge.begin(self, *args, **kwargs))
            except Exception as error:  # noqa: BLE001 -- the outer edge
                return edge.answer_to(self, error)

        return answer

    def later(self) -> Callable[..., Any]:
        """The coroutine, for the async client."""
        edge = self

        @functools.wraps(self._method)
        async def answer(self: Client, /, *args: Any, **kwargs: Any) -> object:
            try:
                return await edge.begin(self, *args, **kwargs)
            except Exception as error:  # noqa: BLE001 -- the outer edge
                return edge.answer_to(self, error)

        return answer

    def begin(self, client: Client, /, *args: Any, **kwargs: Any) -> Any:
        """Call the method, without its arguments if they are wrong."""
        try:
            return self._method(client, *args, **kwargs)
        except TypeError as error:
            if not is_of_the_call_itself(error):
                raise
            words = f"{_mistake_of(error)}; it is called without arguments"
            _complain(client._log, self._method.__name__, words)  # noqa: SLF001 -- its own edge
        return self._method(client)

    def answer_to(self, client: Client, error: Exception) -> object:
        """The result if the method raised."""
        if isinstance(error, BusyError) or is_of_a_signal_handler(error):
            raise error
        guard.report(client._log, self._method.__name__, error)  # noqa: SLF001 -- its own edge
        return self._nothing(client)


AWAITED: Final = "awaited"
"""The attribute of a public call with the coroutine for the async client."""
SENDS: Final = "sends"
"""The attribute of a public call with the kind of event that it sends."""


def _as_it_is(result: object) -> object:
    return result


class _Edge:
    """The outer edge of one public call: its result if the method has none."""

    def __init__(
        self,
        method: Callable[..., Any],
        sends: str | None,
        nothing: object,
        for_mistakes: object,
        known: frozenset[str] | None,
        other_names: Mapping[str, str] | None,
    ) -> None:
        self._method = method
        self._name = method.__name__
        self._sends = sends
        self._nothing = nothing
        self._for_mistakes = for_mistakes
        self._known = known
        self._other_names = other_names

    def at_once(self) -> Callable[..., Any]:
        """The call of the synchronous client."""
        edge, method, known = self, self._method, self._known
        finish = result_of if inspect.iscoroutinefunction(method) else _as_it_is

        @functools.wraps(method)
        def answer(self: Client, /, *args: Any, **kwargs: Any) -> object:
            try:
                if self._begun != Forks.count:
                    self._begin()
                if self._refuses_with is None:
                    if kwargs and known is not None and not known.issuperset(kwargs):
                        kwargs = edge.without_unknown(self, kwargs)
                    return finish(method(self, *args, **kwargs))
            except Exception as error:
                if edge.is_for_the_caller(error):
                    raise
                return edge.answer_to(self, error)
            return edge.refuse(self)

        return answer

    def later(self) -> Callable[..., Any]:
        """The same call of the async client."""
        edge, method, known = self, self._method, self._known
        may_wait = inspect.iscoroutinefunction(method)

        @functools.wraps(method)
        async def answer(self: Client, /, *args: Any, **kwargs: Any) -> object:
            try:
                if self._begun != Forks.count:
                    self._begin()
                if self._refuses_with is None:
                    if kwargs and known is not None and not known.issuperset(kwargs):
                        kwargs = edge.without_unknown(self, kwargs)
                    result = method(self, *args, **kwargs)
                    return await result if may_wait else result
            except Exception as error:
                if edge.is_for_the_caller(error):
                    raise
                return edge.answer_to(self, error)
            return edge.refuse(self)

        return answer

    def refuse(self, client: Client) -> object:
        """The result if the client refuses all calls."""
        why = client._refuses_with or ""  # noqa: SLF001 -- the client's own edge
        client._log.debug(  # noqa: SLF001
            "%s: the client is %s", self._name, why.replace("_", " ")
        )
        _refuse(client, self._sends, why)
        return self._nothing

    def without_unknown(self, client: Client, options: dict[str, Any]) -> dict[str, Any]:
        """The options that the call has, under its own names; logs the others."""
        renamed = _renamed(options, self._other_names)
        log = client._log  # noqa: SLF001
        return _without_unknown(log, self._name, renamed, self._known or frozenset())

    def is_for_the_caller(self, error: Exception) -> bool:
        """Whether the call must raise this exception."""
        is_known = isinstance(error, BadArgumentError | NoSettingsError | BusyError)
        return not is_known and is_of_a_signal_handler(error)

    def answer_to(self, client: Client, error: Exception) -> object:
        """The result if the method raised."""
        name, sends, log = self._name, self._sends, client._log  # noqa: SLF001
        if isinstance(error, BadArgumentError):
            _complain(log, name, str(error))
            _refuse(client, sends, error.refusal)
        elif isinstance(error, NoSettingsError):
            _complain(log, name, "there are no settings yet")
            _refuse(client, sends, NO_SETTINGS)
            return self._nothing
        elif isinstance(error, BusyError):
            _complain(log, name, "too many calls wait for a thread")
        else:
            _report(client, name, sends, error)
        return self._for_mistakes


def complain_of_form(client: Client, name: str, sends: str | None, error: TypeError) -> None:
    """Log and count that a call was made with wrong arguments."""
    _complain(client._log, name, _mistake_of(error))  # noqa: SLF001 -- the client's own edge
    _refuse(client, sends, ARGUMENT)


def _renamed(options: dict[str, Any], other_names: Mapping[str, str] | None) -> dict[str, Any]:
    """The options under their own names; an option given under both names stays unchanged."""
    names = other_names or {}
    return {
        names[name] if name in names and names[name] not in options else name: value
        for name, value in options.items()
    }


def _mistake_of(error: TypeError) -> str:
    """For example: missing 1 required positional argument: 'user_id'."""
    words = str(error).partition("() ")[2]
    is_one_too_many = words.startswith("takes ") and words.endswith(" given")
    return f"{words}; options are given by name" if is_one_too_many else words


def _names_of(method: Callable[..., object]) -> frozenset[str]:
    """The names of a method's arguments."""
    code = method.__code__
    return frozenset(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]) - {"self"}


def _without_unknown(
    log: Log, call: str, options: dict[str, Any], known: frozenset[str]
) -> dict[str, Any]:
    """The options that a call has; logs the others."""
    for name in options.keys() - known:
        log.recurring_error((call, "option", name), _complaint_of(call, name, known))
    return {name: value for name, value in options.items() if name in known}


def _complaint_of(call: str, name: str, known: frozenset[str]) -> Callable[[], str]:
    def describe() -> str:
        shown = name[:_MOST_SHOWN]
        shown = shown if shown.isprintable() else ascii(shown)
        return f"{call}: there is no option {shown}; it is ignored{nearest(name, sorted(known))}"

    return describe


def _report(client: Client, name: str, sends: str | None, error: Exception) -> None:
    """Log the cause: wrong arguments, or a bug of sortition."""
    log = client._log  # noqa: SLF001 -- the client's own edge
    if isinstance(error, TypeError) and is_of_the_call_itself(error):
        complain_of_form(client, name, sends, error)
    else:
        guard.report(log, name, error)


def _refuse(client: Client, kind: str | None, reason: str) -> None:
    if kind is not None:
        client._delivery.ledger.refuse(kind, reason)  # noqa: SLF001 -- the client's own edge


def _complain(log: Log, name: str, mistake: str) -> None:
    log.recurring_error((name, mistake), lambda: f"{name}: {mistake}")


def is_of_the_call_itself(error: TypeError) -> bool:
    """Whether Python could not even start the call: there is no frame below ours."""
    return error.__traceback__ is not None and error.__traceback__.tb_next is None


def is_of_a_signal_handler(error: Exception) -> bool:
    """Whether a signal handler of the service raised it, such as for a time limit of Celery.

    It interrupted the call by chance and is meant for the caller.
    """
    handlers = (signal.getsignal(number) for number in signal.valid_signals())
    functions = (getattr(handler, "__func__", handler) for handler in handlers)
    codes = {getattr(function, "__code__", None) for function in functions}
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(frame.f_code in codes for frame in frames)
