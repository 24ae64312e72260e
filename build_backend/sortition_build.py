"""The build backend of `pyproject.toml`: maturin's, or hatchling's for the wheel in plain Python.

Without cargo, maturin's backend downloads a Rust toolchain, and ends in a traceback if that fails.
This one stops first, and says what to do.

`pip install -C engine=pure PATH` builds the wheel in plain Python, for which no compiler is needed.
"""

from __future__ import annotations

import importlib
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    Settings = Mapping[str, Any] | None

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

# Not in `build-system.requires`: there are platforms without a wheel of maturin.
MATURIN = "maturin>=1.14"
WITHOUT_CARGO = """\
sortition's compiled engine needs cargo, which is not on the PATH: install Rust 1.89 or later and \
a C compiler.
The engine in plain Python gives the same answers without them: pip install -C engine=pure, \
followed by the same path or name.
"""


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    """The packages that a build needs beside those of `build-system.requires`."""
    if _is_pure(config_settings):
        return ["hatchling"]
    _stop_without_cargo()
    return [MATURIN]


def get_requires_for_build_editable(config_settings: Settings = None) -> list[str]:
    """As for a wheel."""
    return get_requires_for_build_wheel(config_settings)


def get_requires_for_build_sdist(config_settings: Settings = None) -> list[str]:  # noqa: ARG001
    """As for a wheel: maturin asks cargo which files belong to the crates."""
    _stop_without_cargo()
    return [MATURIN]


def prepare_metadata_for_build_wheel(
    metadata_directory: str, config_settings: Settings = None
) -> str:
    """Write the metadata of the wheel into this folder; its folder's name is returned."""
    if _is_pure(config_settings):
        return _metadata_of_pure_wheel(metadata_directory)
    backend = _backend(config_settings)
    return str(backend.prepare_metadata_for_build_wheel(metadata_directory, config_settings))


def prepare_metadata_for_build_editable(
    metadata_directory: str, config_settings: Settings = None
) -> str:
    """As for a wheel."""
    return prepare_metadata_for_build_wheel(metadata_directory, config_settings)


def build_wheel(
    wheel_directory: str,
    config_settings: Settings = None,
    metadata_directory: str | None = None,
) -> str:
    """Build a wheel into this folder; its file's name is returned."""
    backend = _backend(config_settings)
    return str(backend.build_wheel(wheel_directory, config_settings, metadata_directory))


def build_editable(
    wheel_directory: str,
    config_settings: Settings = None,
    metadata_directory: str | None = None,
) -> str:
    """Build a wheel that refers to the sources into this folder; its file's name is returned."""
    backend = _backend(config_settings)
    return str(backend.build_editable(wheel_directory, config_settings, metadata_directory))


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    """Build the source distribution into this folder; its file's name is returned."""
    return str(_backend(None).build_sdist(sdist_directory, config_settings))


def _is_pure(config_settings: Settings) -> bool:
    """Whether the engine in plain Python is asked for; stops where another one is named."""
    engine = (config_settings or {}).get("engine", "compiled")
    if engine not in ("compiled", "pure"):
        _stop(f"engine={engine}: there are `compiled` and `pure`\n")
    return bool(engine == "pure")


def _backend(config_settings: Settings) -> ModuleType:
    """Whose hooks build what is asked for."""
    return importlib.import_module("hatchling.build" if _is_pure(config_settings) else "maturin")


def _metadata_of_pure_wheel(metadata_directory: str) -> str:
    """Write the metadata of the wheel in plain Python; hatchling has no such hook for pip."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = importlib.import_module("hatchling.build").build_wheel(folder)
        with zipfile.ZipFile(Path(folder, wheel)) as archive:
            names = [name for name in archive.namelist() if ".dist-info/" in name]
            archive.extractall(metadata_directory, names)
    return names[0].split("/")[0]


def _stop_without_cargo() -> None:
    """End the build, with two lines, where cargo is missing."""
    if shutil.which("cargo") is None:
        _stop(WITHOUT_CARGO)


def _stop(message: str) -> None:
    """End the build with this message: an exception would show a traceback."""
    sys.stderr.write(message)
    sys.exit(1)
