"""``sortition demo``: the simulation with a progress bar, and the report as a table."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

import rich.box
import rich.console
import rich.progress
import rich.table
import starlette  # noqa: F401 -- the collector's process needs it; better to say so before it starts
import uvicorn  # noqa: F401 -- as above

from sortition import vwo
from sortition.cli import DEFAULT_PORT
from sortition.demo.agreement import differences
from sortition.demo.simulation import Tally, simulate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sortition._engine import EngineChoice
    from sortition.collector.report import Report
    from sortition.collector.vwo.report import CampaignReport, GoalReport

_FAILED: Final = 1
_MISUSED: Final = 2
_LEAST_WIDTH: Final = 80


class CollectorError(Exception):
    """The collector did not start; it has said why."""


def run(users: int, engine: EngineChoice, database: Path | None) -> int:
    """Run the demo; the exit code is 1 where the report does not say what the users did."""
    # Narrower than its widest line, a table would be cut off, also where nobody looks at a screen.
    console = rich.console.Console(highlight=False, width=max(_LEAST_WIDTH, _terminal_width()))
    if database is not None and database.exists():
        console.print(f"sortition demo: {database} exists already; give the name of a new file")
        return _MISUSED
    try:
        return _run(users, engine, database, console)
    except CollectorError:
        return _FAILED


def _run(
    users: int, engine: EngineChoice, database: Path | None, console: rich.console.Console
) -> int:
    # The collector is on this machine, where no proxy would find it.
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1"
    settings = resources.files("sortition.demo") / "settings.json"
    with (
        resources.as_file(settings) as path,
        tempfile.TemporaryDirectory(prefix="sortition-demo-") as folder,
        _collector(path, database or Path(folder, "events.db")) as url,
    ):
        console.print(f"A collector serves the demo's settings at {url}")
        document = json.loads(path.read_bytes())
        settings_file = vwo.get_settings_file(
            document["accountId"], document["sdkKey"], base_url=url
        )
        with vwo.launch(settings_file, base_url=url, engine=engine) as client:
            console.print(f"The client decides with the {client.status().engine} engine")
            started = time.perf_counter()
            tally = _simulate(client, users, console)
            seconds = time.perf_counter() - started
        with urllib.request.urlopen(f"{url}/report.json") as answer:  # noqa: S310 -- loopback
            report: Report = json.load(answer)
        _print_report(report, console)
        return _conclude(report, tally, seconds, console, path, database)


@contextlib.contextmanager
def _collector(settings: Path, database: Path) -> Iterator[str]:
    """A collector in a process of its own, which ends with this one; its base URL."""
    command = [sys.executable, "-m", "sortition", "serve", "--port", "0", "--until-input-ends"]
    command += ["--settings", str(settings), "--db", str(database)]
    with subprocess.Popen(  # noqa: S603 -- ourselves
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # Ctrl-C is for the demo, which ends its collector itself.
        start_new_session=True,
        text=True,
    ) as process:
        try:
            # The first line says where it listens; it is written once it does.
            line = process.stdout.readline() if process.stdout else ""
            if not line.startswith("collector: "):
                raise CollectorError
            yield line.removeprefix("collector: ").strip()
        finally:
            process.terminate()


def _simulate(client: vwo.Client, users: int, console: rich.console.Console) -> Tally:
    columns = (
        rich.progress.TextColumn("{task.description}"),
        rich.progress.BarColumn(),
        rich.progress.MofNCompleteColumn(),
        rich.progress.TimeRemainingColumn(),
    )
    with rich.progress.Progress(*columns, console=console) as progress:
        task = progress.add_task("Simulated users", total=users)
        return simulate(client, users, lambda: progress.advance(task))


def _print_report(report: Report, console: rich.console.Console) -> None:
    for account in report["accounts"]:
        for campaign in account["campaigns"]:
            if campaign["status"] != "RUNNING":
                continue
            table = _table(campaign)
            for goal in campaign["goals"]:
                _add_goal(table, goal)
            if not campaign["goals"]:
                for variation in campaign["variations"]:
                    table.add_row(f"  {variation['name']}", f"{variation['visitors']:,}")
            console.print(table)


def _table(campaign: CampaignReport) -> rich.table.Table:
    table = rich.table.Table(
        title=f"{campaign['name']} ({campaign['key']}, {campaign['type']})",
        title_justify="left",
        title_style="bold",
        box=rich.box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("Goal and variation", no_wrap=True)
    for name in ("Visitors", "Conversions", "Converted", "Rate", "Uplift", "Revenue"):
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _add_goal(table: rich.table.Table, goal: GoalReport) -> None:
    table.add_row(f"[bold]{goal['identifier']}[/bold]")
    control = goal["variations"][0]["rate"] if goal["variations"] else None
    for index, variation in enumerate(goal["variations"]):
        rate = variation["rate"]
        uplift = "" if index == 0 or not control or rate is None else f"{rate / control - 1:+.1%}"
        is_revenue = goal["type"] == "REVENUE_TRACKING"
        table.add_row(
            f"  {variation['name']}",
            f"{variation['visitors']:,}",
            f"{variation['conversions']:,}",
            f"{variation['unique_converters']:,}",
            "" if rate is None else f"{rate:.1%}",
            uplift,
            f"{variation['revenue']:,.2f}" if is_revenue else "",
        )


def _conclude(
    report: Report,
    tally: Tally,
    seconds: float,
    console: rich.console.Console,
    settings: Path,
    database: Path | None,
) -> int:
    calls = sum(tally.calls.values())
    conversions = sum(goal.conversions for goal in tally.goals.values())
    console.print(
        f"{calls:,} calls, {sum(tally.visitors.values()):,} visitor events and {conversions:,} "
        f"conversions in {seconds:.1f} s, each sent and answered over HTTP"
    )
    found = differences(report, tally)
    if tally.failed:
        found.append(f"{tally.failed} conversions were not received")
    if found:
        for difference in found:
            console.print(f"[red]{difference}[/red]")
        console.print("[red]The report does not agree with what the users did[/red]")
        return _FAILED
    console.print("[green]The report agrees with what the simulated users did[/green]")
    console.print("\nTo look further:")
    command = _command()
    if database is None:
        console.print(f"  {command} demo --db demo.db", soft_wrap=True)
        console.print("    keeps the events in a file")
    else:
        serve = f"{command} serve --settings {_near(settings)} --db {_near(database)}"
        console.print(f"  {serve}", soft_wrap=True)
        console.print(f"    serves these events again: http://127.0.0.1:{DEFAULT_PORT}/report.json")
    console.print("  README.md, 'Use it'")
    console.print("    shows the same calls in a program of your own")
    return 0


def _terminal_width() -> int:
    return shutil.get_terminal_size().columns


def _command() -> str:
    """How the command was called, so that it can be called again from the same place."""
    called = Path(sys.argv[0])
    return str(called) if called.stem == "sortition" else f"{sys.executable} -m sortition"


def _near(path: Path) -> str:
    """A path as seen from here, where that is shorter."""
    return min(str(path), os.path.relpath(path), key=len)
