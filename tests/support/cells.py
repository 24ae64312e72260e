"""What became of the events of a service: by process, and by way of sending.

The cells of all tests of a run are printed at its end.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sortition
from sortition import vwo
from sortition.testing import FaultServer
from sortition.testing.wire import events_of
from support.application import PAGESENSE, SENT_BY, VARIABLE, Plan
from support.documents import settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
SOAK = os.environ.get("SORTITION_SOAK") == "1"
TESTS = Path(__file__).parents[1]
PACKAGE = Path(sortition.__file__).parents[1]
GENEROUS_S = 1200.0 if SOAK else 100.0


@dataclass(frozen=True)
class Cell:
    """The events of one service that one of its clients accepted.

    Attributes:
        where: How the processes of the service are made.
        way: The platform, and how its events are sent.
        in_parent: Accepted by the process that was started.
        in_children: Accepted by all others.
        children: How many others there were.
        delivered: Accepted, and at the server.
        repeated: At the server, beyond the first time.
        lost: Accepted, and not at the server.
        by_others: Sent by another process than the one that accepted it.
        unknown: At the server, and not written down as accepted.
    """

    where: str
    way: str
    in_parent: int
    in_children: int
    children: int
    delivered: int
    repeated: int
    lost: int
    by_others: int
    unknown: int


MATRIX: dict[tuple[str, str], Cell] = {}
"""The cells of this run; runs of the same service are added up."""


class Service:
    """A server for events, and what the application needs to know of it."""

    def __init__(self, server: FaultServer, folder: Path, **plan: object) -> None:
        self.server = server
        self.folder = folder
        self.journal = folder / "journal"
        self.journal.touch()
        self.plan = dataclasses.replace(
            Plan(url=server.url, journal=str(self.journal)),
            **plan,  # type: ignore[arg-type]  # each test gives what there is
        )

    @property
    def environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(TESTS), str(PACKAGE)])
        environment = {**os.environ, VARIABLE: self.plan.to_text(), "PYTHONPATH": path}
        # What a server leaves in a home.
        return {**environment, "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(self.folder)}

    def accepted(self) -> list[tuple[int, str, str]]:
        """The process, the way and the visitor of each accepted event."""
        visitor_of = _visitor_ids()
        lines = (line.split("\t") for line in self.journal.read_text().splitlines())
        return [
            (int(process), way, user if way == PAGESENSE else visitor_of(user))
            for process, way, user in lines
        ]

    def arrived(self) -> set[str]:
        """The visitors whose events are at the server."""
        return {event.visitor for event in self.server.events}

    def cells(self, where: str, parent: int) -> list[Cell]:
        """What became of the events, by way; added to the matrix, too."""
        accepted = self.accepted()
        arrived: defaultdict[str, list[int]] = defaultdict(list)
        for request in self.server.requests:
            for event in events_of(request):
                # Where clients have a transport of their own, nobody says who sends.
                if SENT_BY in request.headers:
                    arrived[event.visitor].append(int(request.headers[SENT_BY]))
        known = {visitor for _, _, visitor in accepted}
        assert len(known) == len(accepted)
        counted = Counter(event.visitor for event in self.server.events)
        unknown = len(counted.keys() - known)
        found = []
        for way in self.plan.ways:
            mine = [(process, visitor) for process, one, visitor in accepted if one == way]
            delivered = [(process, visitor) for process, visitor in mine if counted[visitor]]
            found.append(
                Cell(
                    where=where,
                    way=way,
                    in_parent=sum(process == parent for process, _ in mine),
                    in_children=sum(process != parent for process, _ in mine),
                    children=len({process for process, _ in mine} - {parent}),
                    delivered=len(delivered),
                    repeated=sum(counted[visitor] - 1 for _, visitor in delivered),
                    lost=len(mine) - len(delivered),
                    by_others=sum(
                        any(sender != process for sender in arrived[visitor])
                        for process, visitor in delivered
                    ),
                    unknown=unknown,
                )
            )
        for cell in found:
            _add(cell)
        return found


def _add(cell: Cell) -> None:
    before = MATRIX.get((cell.where, cell.way))
    if before is not None:
        numbers = {
            name: value + getattr(before, name)
            for name, value in vars(cell).items()
            if isinstance(value, int)
        }
        cell = dataclasses.replace(cell, **numbers)
    MATRIX[cell.where, cell.way] = cell


@functools.cache
def _visitor_ids() -> functools.partial[str]:
    client = vwo.launch(settings(), is_development_mode=True)
    return functools.partial(client._snapshot.settings.visitor_id)


def assert_exactly_once(
    cells: Sequence[Cell], *, in_parent: int | None = None, in_children: int | None = None
) -> None:
    """Every event arrived once, from the process that accepted it.

    Args:
        cells: The cells.
        in_parent: How many events each client of the parent accepted; None: some.
        in_children: The same of all others together.
    """
    assert cells
    for cell in cells:
        assert cell.delivered == cell.in_parent + cell.in_children, cell
        faults = (cell.repeated, cell.lost, cell.by_others, cell.unknown)
        assert faults == (0, 0, 0, 0), cell
        assert cell.in_parent == in_parent or (in_parent is None and cell.in_parent), cell
        assert cell.in_children == in_children or (in_children is None and cell.in_children), cell


def run(
    service: Service,
    program: str,
    *,
    python: str = sys.executable,
    options: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    patch: str = "",
    code: int = 0,
    stderr: str = "",
) -> int:
    """Run a program of `programs.py` to its end, and say what its process was; it must say nothing.

    Args:
        service: The service that the program is.
        program: Its name.
        python: The interpreter.
        options: Its options.
        environment: Further variables.
        patch: Statements that go before the program.
        code: The exit code that it must have.
        stderr: What the last line that it says must begin with.
    """
    file = str(TESTS / "support" / "programs.py")
    start = [file]
    if patch:
        start = ["-c", f"{patch}; import runpy; runpy.run_path({file!r}, run_name='__main__')"]
    command = [python, "-W", "error", *options, *start, program]
    with subprocess.Popen(
        command,
        cwd=service.folder,
        env={**service.environment, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=GENEROUS_S)
        except BaseException:
            process.kill()
            raise
    last = err.splitlines()[-1] if err else ""
    assert (process.returncode, out) == (code, ""), err
    assert last.startswith(stderr) if stderr else not err, err
    return process.pid


def cells_of(
    service: Service, program: str, *, where: str | None = None, **options: Any
) -> list[Cell]:
    """Run a program, and say what became of its events.

    Args:
        service: The service that the program is.
        program: Its name.
        where: What the matrix calls it; None: as the program.
        options: What `run` takes.
    """
    return service.cells(where or program, run(service, program, **options))


def table() -> str:
    """The matrix, as text."""
    names = {
        "in parent": "in_parent",
        "in children": "in_children",
        "children": "children",
        "delivered": "delivered",
        "repeated": "repeated",
        "lost": "lost",
    }
    widest = max(len(cell.where) for cell in MATRIX.values())
    lines = [f"{'':{widest}}  {'':20}" + "".join(f"{name:>12}" for name in names)]
    for cell in MATRIX.values():
        numbers = "".join(f"{getattr(cell, field):>12,}" for field in names.values())
        lines.append(f"{cell.where:{widest}}  {cell.way:20}{numbers}")
    return "\n".join(lines)
