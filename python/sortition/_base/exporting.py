"""Public modules that load their exports at first use.

So importing one is cheap for a service, a test or a command line that may never use it. The module
that defines an export is imported once, and the export stays in the public module.
"""

from __future__ import annotations

from importlib import import_module

# Not from `typing`: importing it would take longer than everything here. And not written as False:
# jedi, which completes names in IPython, vim and Spyder, treats a plainly false branch as dead code
# and would not see its imports.
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
        module: The module's `globals()`: the module may no longer be in `sys.modules`.
        homes: The defining module of each exported name.
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
    """Make a function suggest the nearest option if it is called with an unknown one.

    The function keeps its signature for people and type checkers.
    """
    code = function.__code__
    known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]

    def call(*args: Any, **options: Any) -> Any:
        if not options.keys() <= set(known):
            from sortition._base.options import ensure_known  # noqa: PLC0415 -- rarely needed

            ensure_known(options, known)
        return function(*args, **options)

    # As `functools.wraps` does, but without importing `functools`.
    for name in ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__"):
        setattr(call, name, getattr(function, name))
    call.__wrapped__ = function  # type: ignore[attr-defined]
    return call  # type: ignore[return-value]
