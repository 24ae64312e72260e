"""The command ``sortition spool``: lists and sends events that are kept in files."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sortition._base.defaults import KEY_VARIABLE
from sortition._base.errors import SortitionError
from sortition._sending.spool.listing import kept_in
from sortition._sending.spool.options import SpoolOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from sortition import pagesense, vwo
    from sortition._sending.ledger import Kinds, Stats
    from sortition._sending.spool.listing import Kept

    Flush: TypeAlias = Callable[[float], bool]

_DONE: Final = 0
_FAILED: Final = 1
_MISUSED: Final = 2
_CLOSE_S: Final = 1.0
_EVENTS_PER_REQUEST: Final = 100
_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_DAY_S: Final = 86_400
_HEADINGS: Final = ("PLATFORM", "ACCOUNT", "PROCESS", "STATE", "EVENTS", "BYTES", "OLDEST", "")


def show(folder: str, *, as_json: bool) -> int:
    """Print the content of a spool's folder; the exit code."""
    try:
        kept = kept_in(folder)
    except OSError as error:
        return _complain(f"{folder}: {error.strerror}", _FAILED)
    if as_json:
        json.dump([dataclasses.asdict(one) for one in kept], sys.stdout, indent=2)
        sys.stdout.write("\n")
        return _DONE
    if not kept:
        sys.stdout.write("the folder has no events\n")
        return _DONE
    rows = [_HEADINGS, *map(_row, kept)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        line = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        sys.stdout.write(f"{line.rstrip()}\n")
    return _DONE


@dataclass(frozen=True, slots=True)
class Account:
    """Which events to send, and where.

    Attributes:
        platform: ``vwo`` or ``pagesense``.
        settings_path: The account's settings; None to fetch them.
        account_id: The account to fetch them for.
        project_name: The project, for PageSense.
        base_url: Where to send events; None for the platform itself.
        data_center: The data center, for PageSense settings that do not name it.
    """

    platform: str
    settings_path: Path | None
    account_id: str | None
    project_name: str | None
    base_url: str | None
    data_center: str | None = None


def drain(folder: str, account: Account, timeout_s: float, *, takes_any_key: bool) -> int:
    """Send the events that dead processes of an account have left; the exit code.

    Returns:
        0 if no events of the account are left, 1 if events were lost or are left, 2 if an argument
        is invalid.
    """
    if not Path(folder).is_dir():
        return _complain(f"{folder}: is not a folder", _MISUSED)
    if account.settings_path is None and not os.environ.get(KEY_VARIABLE):
        return _complain(f"{KEY_VARIABLE}: must contain the SDK key of the account", _MISUSED)
    options = SpoolOptions(
        str(Path(folder).absolute()), most_age_s=math.inf, takes_any_key=takes_any_key
    )
    try:
        launched = (
            _vwo(account, options) if account.platform == "vwo" else _pagesense(account, options)
        )
    except SortitionError as error:
        return _complain(str(error), _MISUSED)
    flush, client = launched
    with client:
        is_delivered = flush(timeout_s)
        client.close(_CLOSE_S)
    sys.stdout.write(f"{_summary(client.stats())}\n")
    for one in kept_in(folder):
        if one.events or one.state == "unreadable":
            sys.stdout.write(f"still in the folder: {' '.join(_row(one)).rstrip()}\n")
    return _DONE if is_delivered else _FAILED


def _vwo(account: Account, options: SpoolOptions) -> tuple[Flush, vwo.Client]:
    from sortition import vwo  # noqa: PLC0415 -- only this command needs it
    from sortition._vwo.launching import configure  # noqa: PLC0415

    document: Path | str | None = account.settings_path
    if document is None:
        key = os.environ.get(KEY_VARIABLE, "")
        document = vwo.get_settings_file(account.account_id or "", key, base_url=account.base_url)
    client = vwo.Client(
        *configure(
            {
                "settings_file": document,
                "base_url": account.base_url,
                "batch_events": {"events_per_request": _EVENTS_PER_REQUEST},
            },
            options,
        )
    )
    return lambda timeout_s: client.flush_events(timeout_s=timeout_s) is True, client


def _pagesense(account: Account, options: SpoolOptions) -> tuple[Flush, pagesense.Client]:
    from sortition import pagesense  # noqa: PLC0415 -- only this command needs it
    from sortition._pagesense.launching import configure  # noqa: PLC0415

    is_fetched = account.settings_path is None
    client = pagesense.Client(
        *configure(
            {
                "settings": account.settings_path,
                "sdk_account_id": account.account_id,
                "sdk_key": os.environ.get(KEY_VARIABLE, "") if is_fetched else None,
                "project_name": account.project_name,
                "data_center": account.data_center,
                "base_url": account.base_url,
                "poll_interval_s": 0,
            },
            options,
        )
    )
    return client.flush, client


def _summary(stats: Stats) -> str:
    told = [f"{_sum(stats.adopted)} events taken over", f"{_sum(stats.delivered)} delivered"]
    told += [
        f"{_sum(kinds)} lost ({reason.replace('_', ' ')})"
        for reason, kinds in stats.dropped.items()
    ]
    waiting = _sum(stats.spooled) + _sum(stats.queued) + _sum(stats.in_flight)
    told += [f"{waiting} left"] if waiting else []
    return ", ".join(told)


def _sum(kinds: Kinds) -> int:
    return sum(kinds.values())


def _row(kept: Kept) -> tuple[str, ...]:
    return (
        kept.platform,
        kept.account,
        str(kept.pid),
        kept.state,
        str(kept.events),
        str(kept.size),
        "-" if kept.oldest_s is None else _age(kept.oldest_s),
        f"{kept.damaged} damaged" if kept.damaged else "",
    )


def _age(seconds: float) -> str:
    for unit_s, name in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "min")):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.0f} {name}"
    return f"{seconds:.0f} s"


def _complain(text: str, code: int) -> int:
    sys.stderr.write(f"sortition: {text}\n")
    return code
