"""Public modules that load what they export when it is first asked for.

Importing one costs little, then: a service, a test or a command line that only might decide pays
for nothing else. A thing's home is imported once, and the thing is kept in the module.
"""

from __future__ import annotations

from importlib import import_module

# Not `typing`'s: importing that would take longer than everything here. And not written as False:
# jedi, which completes names in IPython, vim and Spyder, takes a branch that is plainly False for
# dead code, and would not see what is imported there.
TYPE_CHECKING = bool()  # noqa: UP018 -- see above
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar

    FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def exporting(
    module: dict[str, Any], homes: Mapping[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """The functions ``__getattr__`` and ``__dir__`` of a module.

    Args:
        module: What the module has, its `globals()`: the module may be in `sys.modules` no more.
        homes: The module that each exported name is from.
    """

    def get(name: str) -> object:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {module['__name__']!r} has no attribute {name!r}")
        value = getattr(import_module(home), name)
        module[name] = value
        return value

    def names() -> list[str]:
        return sorted({*module, *homes})

    return get, names


def known_options(function: FunctionT) -> FunctionT:
    """Have a function name the nearest option where it is called with one that it does not have.

    The function itself keeps the signature that people and type checkers see.
    """
    code = function.__code__
    known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]

    def call(*args: Any, **options: Any) -> Any:
        if not options.keys() <= set(known):
            from sortition._base.options import ensure_known  # noqa: PLC0415 -- rarely needed

            ensure_known(options, known)
        return function(*args, **options)

    # As `functools.wraps` does, which would import a good deal.
    for name in ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__"):
        setattr(call, name, getattr(function, name))
    call.__wrapped__ = function  # type: ignore[attr-defined]
    return call  # type: ignore[return-value]
