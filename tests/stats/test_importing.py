"""The cost of importing the statistics, and their error without scipy."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys

import pytest

from sortition import stats

LOADED = (
    "import sys; print([one for one in ('scipy', 'numpy', 'scipy.stats') if one in sys.modules])"
)


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_importing_loads_no_scipy() -> None:
    assert run(f"import sortition; {LOADED}") == "[]"
    assert run("import sys, sortition; print('sortition.stats' in sys.modules)") == "False"
    assert run(f"from sortition.stats import Proportion, compare, sentence; {LOADED}") == "[]"


def test_only_scipy_special_is_loaded() -> None:
    program = "from sortition.stats import *; compare(Proportion(9, 1), Proportion(9, 2)); "
    program += "bayes(Proportion(9, 1), Proportion(9, 2)); "
    assert run(program + LOADED) == "['scipy', 'numpy']"


@pytest.mark.parametrize(
    "call",
    [
        "compare(Proportion(100, 40), Proportion(100, 45), method='fixed')",
        "bayes(Proportion(100, 40), Proportion(100, 45))",
        "sequential_power(Baseline.of_rate(0.1), 0.1, 1_000)",
        "sequential_sample_size(Baseline.of_rate(0.1), 0.1)",
        "aa({}, 'checkout', visitors=10, rate=0.1)",
    ],
)
def test_without_scipy_the_error_says_what_to_install(call: str) -> None:
    """numpy comes with scipy, so both are missing together."""
    program = f"""
import sys
sys.modules["scipy"] = sys.modules["numpy"] = None
from sortition.stats import *
try:
    {call}
except ImportError as error:
    print(error)
"""
    assert run(program) == "scipy is not installed; run: pip install 'sortition[stats]'"


def test_every_public_name_says_what_it_is() -> None:
    for name in stats.__all__:
        one = getattr(stats, name)
        if inspect.isclass(one) or inspect.isroutine(one):
            assert inspect.getdoc(one), name
            module = importlib.import_module(one.__module__)
            assert inspect.getdoc(module), one.__module__
