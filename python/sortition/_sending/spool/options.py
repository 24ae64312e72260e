"""Where events are kept in files, and how much of them: the launch options."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sortition._base.errors import OptionError, OptionTypeError
from sortition._base.options import kind

DEFAULT_BYTES: Final = 256 * 1024 * 1024
DEFAULT_AGE_S: Final = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class SpoolOptions:
    """Where events are kept, and how much of them.

    Attributes:
        folder: The folder, as an absolute path.
        most_bytes: How many bytes of files one client in one process may keep there.
        most_age_s: How old an event may be when it is taken over.
        takes_any_key: Whether what was kept with another key of the account is taken over too.
    """

    folder: str
    most_bytes: int = DEFAULT_BYTES
    most_age_s: float = DEFAULT_AGE_S
    takes_any_key: bool = False


@dataclass(frozen=True, slots=True)
class SpoolFolder:
    """Reads the launch option ``spool``: the path of a folder, made absolute.

    Only what the value itself has wrong is refused. A folder that cannot be written to is the
    machine's state, which may change: it is logged at the first event, and does not keep a service
    from starting.
    """

    allowed: str = ""

    def __call__(self, _name: str, value: object) -> str:
        """See `sortition._client.checks.Check`."""
        return _folder(value)


def _folder(value: object) -> str:
    if not isinstance(value, str | os.PathLike):
        raise OptionTypeError(f"spool: must be the path of a folder, got {kind(value)}")
    path = os.fspath(value)
    if not isinstance(path, str):
        raise OptionTypeError("spool: must be a path of text, got bytes")
    if not path or "\0" in path:
        raise OptionError("spool: must be the path of a folder")
    if os.name != "posix":
        raise OptionError("spool: is not available on this system")
    # The service may go to another folder before the first event.
    folder = Path(path).absolute()
    try:
        if folder.exists() and not folder.is_dir():
            raise OptionError("spool: is not a folder")
        if not folder.exists() and not folder.parent.is_dir():
            raise OptionError("spool: its parent folder does not exist")
    except OSError:
        # It cannot even be looked at; the first event will say so.
        pass
    return str(folder)
