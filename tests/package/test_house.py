"""Imports go down only: from the public doors to the base, and never in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path

from support.paths import ROOT

PACKAGE = ROOT / "python" / "sortition"
ROOMS = (
    ("_base",),
    ("_engine", "_process"),
    ("_http",),
    ("_sending", "_settings", "storages"),
    ("_client",),
    ("_vwo", "_pagesense"),
    ("vwo", "pagesense"),
    ("compat", "collector", "stats", "testing"),
    ("results",),
    ("demo",),
    ("_commands",),
)
"""Folders and public modules, from the lowest floor up; those of one floor import no other."""
EVERYWHERE = {"sortition", "sortition._version", "sortition._core"}
"""The package itself, its version and the compiled module may be imported from any floor."""
LEAVE_OUT = {"sortition", "sortition.__main__", "sortition._version"}


def name_of(file: Path) -> str:
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports() -> dict[str, set[str]]:
    """The modules that each module imports, those for type checkers included."""
    files = {name_of(file): file for file in PACKAGE.rglob("*.py")}
    found: dict[str, set[str]] = {}
    for name, file in files.items():
        found[name] = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                module = node.module or ""
                targets = {f"{module}.{one.name}" for one in node.names}
                found[name] |= {one if one in files else module for one in targets}
            elif isinstance(node, ast.Import):
                found[name] |= {one.name for one in node.names}
        found[name] = {one for one in found[name] if one.split(".")[0] == "sortition"} - {name}
    return found


def circles(arrows: Mapping[str, Iterable[str]]) -> set[frozenset[str]]:
    """The pairs that reach each other."""
    reached: dict[str, set[str]] = {}
    for start in arrows:
        seen: set[str] = set()
        todo = list(arrows[start])
        while todo:
            one = todo.pop()
            if one not in seen:
                seen.add(one)
                todo.extend(arrows.get(one, ()))
        reached[start] = seen
    return {
        frozenset((one, other))
        for one, seen in reached.items()
        for other in seen
        if one != other and one in reached.get(other, set())
    }


def room_of(module: str) -> str:
    return module.split(".")[1]


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(name) for name in imports() if name not in LEAVE_OUT}
    assert rooms == {room for floor in ROOMS for room in floor}


def test_arrows_go_down_only() -> None:
    floor_of = {room: number for number, floor in enumerate(ROOMS) for room in floor}
    wrong = {
        f"{name} -> {imported}"
        for name, targets in imports().items()
        if name not in LEAVE_OUT
        for imported in targets - EVERYWHERE
        if room_of(name) != room_of(imported)
        and floor_of[room_of(imported)] >= floor_of[room_of(name)]
    }
    assert wrong == set()


def test_no_module_is_in_a_circle() -> None:
    arrows = {name: targets for name, targets in imports().items() if name != "sortition"}
    assert circles(arrows) == set()


def test_a_circle_is_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == {
        frozenset("ab"),
        frozenset("bc"),
        frozenset("ac"),
    }
