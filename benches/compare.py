"""Sortition beside its pure engine, its peers and the floor, for each platform: all from one run.

    python benches/compare.py [--rounds N] [--once] [--json FILE] [SUBJECT ...]

Each subject is a process of its own (`subjects`), peers in environments of their own under
`target/peers`. The rounds are interleaved: each row is measured once for every subject before it is
measured again, so that what else the machine does falls on all of them; a figure is the median of
its rounds. What a subject cannot be asked, or where its answers are wrong, is a dash, with the
reason below the table.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
PEERS = ROOT / "target" / "peers"

SCRIPTS = {
    "VWO": {
        "compiled": ("sortition_vwo.py", "compiled"),
        "pure": ("sortition_vwo.py", "pure"),
        "floor": ("floor.py",),
        "vwo-python-sdk": ("vwo_python_sdk.py",),
        "eppo-server-sdk": ("eppo_server_sdk.py",),
        "statsig-python-core": ("statsig_sdk.py",),
        "growthbook": ("growthbook_sdk.py",),
        "optimizely-sdk": ("optimizely_sdk.py",),
        "launchdarkly-server-sdk": ("launchdarkly_server_sdk.py",),
    },
    "PageSense": {
        "pagesense, compiled": ("sortition_pagesense.py", "compiled"),
        "pagesense, pure": ("sortition_pagesense.py", "pure"),
        "zohopagesense-python-sdk": ("zohopagesense_sdk.py",),
    },
}
"""By the table in which it stands, each subject's script and its arguments."""
SUBJECTS = {name: script for scripts in SCRIPTS.values() for name, script in scripts.items()}
OURS = ("compiled", "pure", "floor", "pagesense, compiled", "pagesense, pure")
ROWS = {
    "decision": "ns",
    "five conditions": "ns",
    "whitelisting": "ns",
    "group": "ns",
    "storage": "ns",
    "storage, activate": "ns",
    "storage, track": "ns",
    "the storage itself": "ns",
    "100 campaigns": "ns",
    "1,000 campaigns": "ns",
    "10,000 campaigns": "ns",
    "activate": "ns",
    "track": "ns",
    "1 thread": "ns",
    "2 threads": "ns",
    "8 threads": "ns",
    "a call of C": "ns",
    "a call of C, five attributes": "ns",
    "encode 5,000": "µs",
    "compile 10,000": "ms",
    "memory of 10,000": "MiB",
    "memory to text": "×",
    "end to end": "/s",
    "the hash": "ns",
    "a dictionary of five": "ns",
}
IMPORTS = {
    "floor": "logging, json, threading",
    "compiled": "sortition.vwo",
    "vwo-python-sdk": "vwo",
    "eppo-server-sdk": "eppo_client",
    "growthbook": "growthbook",
    "optimizely-sdk": "optimizely.optimizely",
    "launchdarkly-server-sdk": "ldclient",
    "statsig-python-core": "statsig_python_core",
    "pagesense, compiled": "sortition.pagesense",
    "zohopagesense-python-sdk": "pagesense",
}
SCALES = {"ns": 1.0, "µs": 1e3, "ms": 1e6, "MiB": 2.0**20, "×": 1.0, "/s": 1.0}


@dataclass
class Subject:
    """A process that is asked for figures."""

    name: str
    process: subprocess.Popen[str]
    rows: set[str]
    figures: dict[str, list[float]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def measure(self, row: str) -> None:
        """One round of a row."""
        if row not in self.rows or row in self.errors:
            return
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("a subject has no pipes")
        self.process.stdin.write(f"{row}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": "the process has ended"}
        if "error" in answer:
            self.errors[row] = answer["error"]
        else:
            self.figures.setdefault(row, []).append(answer["figure"])

    def figure(self, row: str) -> float | None:
        """The median of a row's rounds; None where one of them failed."""
        figures = None if row in self.errors else self.figures.get(row)
        return statistics.median(figures) if figures else None


def is_peer(subject: Subject) -> bool:
    """Whether it is somebody else's."""
    return subject.name not in OURS


def python_of(name: str) -> Path:
    """The interpreter of a subject's environment."""
    peer = PEERS / name / "bin" / "python"
    return Path(sys.executable) if name in OURS else peer


def started(name: str, *, once: bool) -> Subject | None:
    """The subject's process; None where its environment is not there."""
    python = python_of(name)
    script, *arguments = SUBJECTS[name]
    if not python.exists() or not (HERE / "subjects" / script).exists():
        return None
    process = subprocess.Popen(  # noqa: S603 -- our own scripts
        [python, HERE / "subjects" / script, *arguments, *(["--once"] if once else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": ""},
    )
    line = process.stdout.readline() if process.stdout is not None else ""
    if not line:
        return Subject(name, process, set(), errors={"its process": "it has ended"})
    return Subject(name, process, set(json.loads(line)))


def import_ms(name: str) -> float:
    """How long a fresh interpreter takes for the subject's import, in milliseconds."""
    program = (
        "import time; started = time.perf_counter()\n"
        f"import {IMPORTS[name]}\n"
        "print((time.perf_counter() - started) * 1000)"
    )
    done = subprocess.run(  # noqa: S603 -- our own program
        [python_of(name), "-W", "ignore", "-c", program],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)


def shown(figure: float | None, unit: str) -> str:
    """A figure for the table."""
    if figure is None:
        return "–"
    scaled = figure / SCALES[unit]
    return f"{scaled:,.2f}" if unit == "×" else f"{scaled:,.0f}"


def table(subjects: list[Subject]) -> str:
    """The figures as Markdown."""
    head = ["row", "unit", *(subject.name for subject in subjects)]
    lines = [head, ["---"] * 2 + ["---:"] * len(subjects)]
    for row, unit in {**ROWS, "import": "ms"}.items():
        figures = [subject.figure(row) for subject in subjects]
        if any(figure is not None for figure in figures):
            lines.append([row, unit, *(shown(figure, unit) for figure in figures)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def measured(subjects: list[Subject], rounds: int) -> None:
    """Take all rounds, one subject after the other in each row."""
    for _ in range(rounds):
        for row in ROWS:
            for subject in subjects:
                subject.measure(row)
        for subject in subjects:
            if subject.name in IMPORTS:
                figure = import_ms(subject.name) * SCALES["ms"]
                subject.figures.setdefault("import", []).append(figure)
    for subject in subjects:
        subject.process.communicate()


def machine() -> str:
    """What the figures depend on, besides the subjects."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = models[0] if models else platform.machine()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{processor}, {os.cpu_count()} cores, {platform.system()}, {python}"


def version(name: str) -> str:
    """The installed version of a peer."""
    program = f"import importlib.metadata; print(importlib.metadata.version({name!r}))"
    done = subprocess.run(  # noqa: S603 -- our own program
        [python_of(name), "-c", program], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def as_json(subjects: list[Subject], rounds: int, versions: dict[str, str]) -> str:
    """Every round's figure."""
    return json.dumps(
        {
            "machine": machine(),
            "versions": versions,
            "rounds": rounds,
            "figures": {subject.name: subject.figures for subject in subjects},
            "errors": {subject.name: subject.errors for subject in subjects},
        },
        indent=1,
    )


def run() -> int:
    """Measure, and print the table; 1 where a subject of ours has no figure or a wrong answer."""
    parser = argparse.ArgumentParser(description="Sortition beside its peers and the floor")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--once", action="store_true", help="check the answers; figures say nothing"
    )
    parser.add_argument("--json", type=Path, help="where the figures go")
    parser.add_argument("subjects", nargs="*", help=f"of {', '.join(SUBJECTS)}; all by default")
    options = parser.parse_args()
    found = {name: started(name, once=options.once) for name in options.subjects or SUBJECTS}
    subjects = [subject for subject in found.values() if subject is not None]
    rounds = 1 if options.once else options.rounds
    measured(subjects, rounds)
    for platform_name, scripts in SCRIPTS.items():
        beside = [subject for subject in subjects if subject.name in scripts]
        if beside:
            print(f"{platform_name}\n\n{table(beside)}\n")
    versions = {subject.name: version(subject.name) for subject in subjects if is_peer(subject)}
    listed = "".join(f"; {name} {number}" for name, number in versions.items())
    print(f"Medians of {rounds} rounds; {machine()}{listed}.")
    for name, subject in found.items():
        if subject is None:
            print(f"{name}: left out, its environment is not there; see make peers")
        for row, error in subject.errors.items() if subject is not None else ():
            print(f"{name}: {row}: {error}")
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(as_json(subjects, rounds, versions))
    return int(any(subject.errors for subject in subjects if not is_peer(subject)))


if __name__ == "__main__":
    sys.exit(run())
