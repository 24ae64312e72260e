"""Public names are listed in `__all__`, sorted, and exist."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import sortition
from sortition import _engine, vwo
from sortition._base import errors

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "name",
    [
        "sortition",
        "sortition.vwo",
        "sortition.storages",
        "sortition.testing",
        "sortition.testing.faults",
    ],
)
def test_all_is_complete(name: str) -> None:
    module = importlib.import_module(name)
    exported = module.__all__
    assert len(set(exported)) == len(exported)
    ours = {
        name
        for name, one in vars(module).items()
        if not name.startswith("_")
        and not inspect.ismodule(one)
        and getattr(one, "__module__", "").startswith("sortition")
    }
    assert ours <= set(exported)
    for one in exported:
        assert hasattr(module, one)
        if inspect.isclass(getattr(module, one)) or inspect.isroutine(getattr(module, one)):
            assert inspect.getdoc(getattr(module, one)), f"{one} says nothing of itself"


@pytest.mark.parametrize(
    "name", ["sortition", "sortition.vwo", "sortition.pagesense", "sortition.storages"]
)
def test_editors_find_what_is_exported_and_nothing_of_ours(name: str) -> None:
    """jedi takes a branch under a name that is plainly False for dead code."""
    module = importlib.import_module(name)
    assert "TYPE_CHECKING" not in dir(module)
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    assigned = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert "TYPE_CHECKING" not in assigned
    (branch,) = (
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    imported = {
        one.name for node in branch.body if isinstance(node, ast.ImportFrom) for one in node.names
    }
    missing = set(module.__all__) - imported
    assert all(hasattr(module, one) and one in vars(module) for one in missing)


def test_the_platform_s_own_names_are_there() -> None:
    """The public names of vwo-python-sdk."""
    for name in (
        "launch",
        "get_settings_file",
        "UserStorage",
        "GOAL_TYPES",
        "LOG_LEVELS",
        "logger",
    ):
        assert name in vwo.__all__


def test_every_public_method_says_what_it_returns() -> None:
    for name, method in inspect.getmembers(vwo.Client, inspect.isroutine):
        if not name.startswith("_"):
            assert inspect.getdoc(method), name


def test_the_tree_of_exceptions_is_as_drawn() -> None:
    drawn = set(re.findall(r"(\w+Error)", errors.__doc__ or ""))
    real = {name for name, one in vars(errors).items() if inspect.isclass(one)}
    real = {name for name in real if name.endswith("Error")}
    assert real <= drawn
    assert real <= set(sortition.__all__)
    for name in real:
        assert issubclass(getattr(errors, name), sortition.SortitionError)


def test_one_version_everywhere() -> None:
    cargo = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    match = re.search(r'(?m)^version = "(.+)"$', cargo)
    assert match is not None
    compiled = _engine.load("compiled").module
    assert match[1] == sortition.__version__ == metadata.version("sortition")
    assert match[1] == getattr(compiled, "__version__", None)
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]" in changelog


def test_both_engines_know_the_same_reasons() -> None:
    compiled, pure = _engine.load("compiled").module, _engine.load("pure").module
    assert compiled.REASONS == pure.REASONS
    assert compiled.PAGESENSE_REASONS == pure.PAGESENSE_REASONS


def test_nothing_but_requests_is_required() -> None:
    """In any version, so that an installation changes nothing that a service runs."""
    required = [one for one in metadata.requires("sortition") or [] if "extra ==" not in one]
    assert required == ["requests"]


def test_the_storages_load_no_library_before_it_is_needed() -> None:
    program = (
        "import sys, sortition.storages; dir(sortition.storages); "
        "print(*(one for one in sys.modules if one.split('.')[0] not in sys.stdlib_module_names))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, timeout=60, capture_output=True, text=True
    )
    loaded = {one.split(".")[0] for one in done.stdout.split()}
    assert loaded <= {"__main__", "sortition"} | loaded_at_start()


def loaded_at_start() -> set[str]:
    """Modules that the environment's own files load, such as coverage."""
    program = "import sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, timeout=60, capture_output=True, text=True
    )
    return {one.split(".")[0] for one in done.stdout.split()}


@pytest.mark.parametrize("name", ["sortition.vwo", "sortition.pagesense"])
def test_importing_loads_next_to_nothing(name: str) -> None:
    """A package loads an exported name when it is first used."""
    allowed = {"sortition", name, "sortition._base", "sortition._process"}
    allowed |= {
        "sortition._base.defaults",
        "sortition._base.exporting",
        "sortition._process.exit",
        "sortition._version",
        "sortition._vwo",
        "sortition._vwo.constants",
    }
    program = f"""
import sys, {name}
loaded = [one for one in sys.modules if one.startswith("sortition") or one == "requests"]
print(*loaded)
assert "Client" in dir({name}) and {name}.Client.__name__ == "Client"
try:
    {name}.no_such_name
except AttributeError as error:
    assert "no_such_name" in str(error)
else:
    sys.exit("it has what it does not have")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, timeout=60, capture_output=True, text=True
    )
    assert set(done.stdout.split()) <= allowed


def test_the_package_for_tests_is_imported_by_those_who_want_it() -> None:
    program = "import sys, sortition.vwo; sys.exit('sortition.testing' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_the_package_for_tests_knows_nothing_of_the_client() -> None:
    """`sortition.testing` shares no code with the client, and so none of its mistakes."""
    imported = set()
    for file in (ROOT / "python" / "sortition" / "testing").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0
                imported.add(node.module or "")
            elif isinstance(node, ast.Import):
                imported |= {name.name for name in node.names}
    ours = {name for name in imported if name.split(".")[0] == "sortition"}
    assert "sortition.testing.faults" in ours
    assert all(name.startswith("sortition.testing") for name in ours)
    assert {name.split(".")[0] for name in imported - ours} <= sys.stdlib_module_names


def test_both_platforms_are_named_where_the_package_describes_itself() -> None:
    """In ``help(sortition)``, and in the summary and the keywords of its metadata."""
    shown = metadata.metadata("sortition")
    for text in (sortition.__doc__ or "", shown["Summary"]):
        assert "VWO" in text
        assert "PageSense" in text
    assert {"vwo", "pagesense"} <= set(shown["Keywords"].split(","))
