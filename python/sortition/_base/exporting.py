"""Public modules that load what they export when it is first asked for.

Importing one costs little, then: a service, a test or a command line that only might decide pays
for nothing else. A thing's home is imported once, and the thing is kept in the module.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


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
