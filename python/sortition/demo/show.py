"""``sortition demo``: runs the simulation with a progress bar, and prints the report as tables."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import sys
import tempfile
import time
import urllib.request
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

import rich.console
import rich.progress

from sortition import pagesense, vwo
from sortition._base.defaults import DEFAULT_PORT
from sortition.demo import pagesense_shop, vwo_shop
from sortition.demo.agreement import (
    account_differences,
    ledger_differences,
    project_differences,
)
from sortition.demo.collector_process import CollectorError, collector
from sortition.demo.simulation import simulate
from sortition.results import Results, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sortition._engine import EngineChoice
    from sortition.collector.report import Report
    from sortition.demo.simulation import Outcome, Tally

_FAILED: Final = 1
_MISUSED: Final = 2
_LEAST_WIDTH: Final = 80
_PAGESENSE_ACCOUNT: Final = "demo-US"
_FLUSH_S: Final = 60.0
_OF_FIRST: Final = 3
"""The first part has this many times as many users as the second, which so stays short."""


def run(users: int, engine: EngineChoice, database: Path | None) -> int:
    """Run the demo. The exit code is 1 if the report differs from the users' actions."""
    # A console narrower than the widest table would cut it off, even without a terminal.
    console = rich.console.Console(highlight=False, width=max(_LEAST_WIDTH, _terminal_width()))
    if database is not None and database.exists():
        console.print(f"sortition demo: {database} already exists; give the name of a new file")
        return _MISUSED
    try:
        return _run(users, engine, database, console)
    except CollectorError:
        return _FAILED


def _run(
    users: int, engine: EngineChoice, database: Path | None, console: rich.console.Console
) -> int:
    # The collector runs on this machine; requests to it must not go through a proxy.
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1"
    with contextlib.ExitStack() as stack:
        settings = [
            stack.enter_context(resources.as_file(resources.files("sortition.demo") / name))
            for name in ("settings.json", "pagesense.json")
        ]
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sortition-demo-"))
        events = database or Path(folder, "events.db")
        url = stack.enter_context(collector(settings, events))
        console.print(f"A collector serves the demo's settings at {url}")
        account, project = [json.loads(path.read_bytes()) for path in settings]
        # Show both parts, even if the first one fails.
        agreed = [
            _act_with_vwo(account, url, users, engine, console),
            _judge("vwo", events, settings, console),
            _act_with_pagesense(project, url, max(1, users // _OF_FIRST), engine, console),
            _judge("pagesense", events, settings, console),
        ]
    if not all(agreed):
        return _FAILED
    _say_how_to_go_on(settings, database, console)
    return 0


def _act_with_vwo(
    document: dict[str, object],
    url: str,
    users: int,
    engine: EngineChoice,
    console: rich.console.Console,
) -> bool:
    """Run the VWO part. True if the report agrees with the users' actions."""
    console.print("\n[bold]First part: VWO[/bold]")
    settings_file = vwo.get_settings_file(
        str(document["accountId"]), str(document["sdkKey"]), base_url=url
    )
    with vwo.launch(settings_file, base_url=url, engine=engine) as client:
        console.print(f"The client decides with the {client.status().engine} engine")
        started = time.perf_counter()
        tally = _simulate(lambda number: vwo_shop.visit(client, number), users, console)
        seconds = time.perf_counter() - started
    report = _report(url)
    _sum_up(tally, seconds, "each with its own HTTP request", console)
    found = account_differences(report, tally)
    if tally.failed:
        found.append(f"The server did not receive {tally.failed} conversions")
    return _conclude(found, "The report agrees with what the simulated users did", console)


def _act_with_pagesense(
    document: dict[str, list[dict[str, str]]],
    url: str,
    users: int,
    engine: EngineChoice,
    console: rich.console.Console,
) -> bool:
    """Run the PageSense part. True if the report agrees with the users and the client's ledger."""
    console.print("\n[bold]Second part: Zoho PageSense[/bold]")
    (project,) = document["projectsettings"]
    with pagesense.launch(
        sdk_account_id=_PAGESENSE_ACCOUNT,
        sdk_key=project["sdk_key"],
        project_name=project["project_name"],
        base_url=url,
        engine=engine,
    ) as client:
        started = time.perf_counter()
        tally = _simulate(lambda number: pagesense_shop.visit(client, number), users, console)
        with console.status("Sending the waiting events"):
            client.flush(_FLUSH_S)
        seconds = time.perf_counter() - started
        stats = client.stats()
    report = _report(url)
    _sum_up(tally, seconds, "each sent over HTTP from a queue", console)
    found = project_differences(report, tally) + ledger_differences(report, stats)
    agrees = "The report agrees with what the users did, and with the client's ledger"
    return _conclude(found, agrees, console)


def _simulate(visit: Callable[[int], Outcome], users: int, console: rich.console.Console) -> Tally:
    columns = (
        rich.progress.TextColumn("{task.description}"),
        rich.progress.BarColumn(),
        rich.progress.MofNCompleteColumn(),
        rich.progress.TimeRemainingColumn(),
    )
    with rich.progress.Progress(*columns, console=console) as progress:
        task = progress.add_task("Simulated users", total=users)
        return simulate(visit, users, lambda: progress.advance(task))


def _report(url: str) -> Report:
    with urllib.request.urlopen(f"{url}/report.json") as answer:  # noqa: S310 -- loopback
        report: Report = json.load(answer)
    return report


def _judge(
    platform: str, events: Path, settings: list[Path], console: rich.console.Console
) -> bool:
    """Print the results of a platform's experiments. True if their data can be trusted."""
    report = Results.from_collector(events, settings=settings).report()
    shown = dataclasses.replace(
        report, campaigns=tuple(one for one in report.campaigns if one.platform == platform)
    )
    console.print()
    console.print(text_of(shown), markup=False, soft_wrap=True, end="")
    return shown.is_healthy


def _sum_up(tally: Tally, seconds: float, how: str, console: rich.console.Console) -> None:
    console.print(
        f"{sum(tally.calls.values()):,} calls, {sum(tally.visitors.values()):,} visitor events and "
        f"{tally.conversions:,} conversions in {seconds:.1f} s, {how}"
    )


def _conclude(found: list[str], agreement: str, console: rich.console.Console) -> bool:
    """Print the differences, or that there are none. True without differences."""
    for difference in found:
        console.print(f"[red]{difference}[/red]")
    if found:
        console.print("[red]The report does not agree with what the users did[/red]")
    else:
        console.print(f"[green]{agreement}[/green]")
    return not found


def _say_how_to_go_on(
    settings: Iterable[Path], database: Path | None, console: rich.console.Console
) -> None:
    console.print("\nNext steps:")
    command = _command()
    if database is None:
        console.print(f"  {command} demo --db demo.db", soft_wrap=True)
        console.print("    keeps the events in a file")
    else:
        served = " ".join(f"--settings {_near(path)}" for path in settings)
        console.print(f"  {command} serve {served} --db {_near(database)}", soft_wrap=True)
        console.print(f"    serves these events: http://127.0.0.1:{DEFAULT_PORT}/report.json")
        console.print(f"  {command} report {served} --db {_near(database)}", soft_wrap=True)
        console.print("    prints the results again")
    console.print("  README.md, 'Use it'")
    console.print("    shows the same calls in your own program")


def _terminal_width() -> int:
    return shutil.get_terminal_size().columns


def _command() -> str:
    """The command as the user called it, to call it again from the same folder."""
    called = Path(sys.argv[0])
    return str(called) if called.stem == "sortition" else f"{sys.executable} -m sortition"


def _near(path: Path) -> str:
    """The relative path, if it is shorter."""
    return min(str(path), os.path.relpath(path), key=len)
