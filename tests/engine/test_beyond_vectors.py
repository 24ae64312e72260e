"""Rules that no recorded case of the platforms' SDKs tells from their opposite."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.documents import campaign, settings, variation
from support.pagesense import DOCUMENT

if TYPE_CHECKING:
    from sortition._engine import Engine


@pytest.mark.parametrize(
    ("operand", "is_in"),
    [
        ("startswith(fire)", False),
        ("startswith(fox)", True),
        ("endswith(fire)", True),
        ("endswith(fox)", False),
        ("wildcard(fire*)", True),
        ("wildcard(*fox)", True),
    ],
)
def test_startswith_and_endswith_are_crossed(engine: Engine, operand: str, is_in: bool) -> None:
    """As names of their own they are the wrong way round, as in the platform's SDK."""
    segments = {"custom_variable": {"browser": operand}}
    only = campaign(segments=segments, variations=[variation(1, "in", 100)])
    compiled = engine.module.VwoSettings.compile(json.dumps(settings(only)).encode())
    decision = compiled.decide("get_variation_name", "checkout", "Ann", {"browser": "firefox"})
    assert is_in is (decision.variation is not None)


@pytest.mark.parametrize("operator", [1, 2, 3, 4])
@pytest.mark.parametrize("value", [" ", "\t\n", 5, True, ["x"]])
def test_a_blank_attribute_satisfies_no_operator(
    engine: Engine, operator: int, value: object
) -> None:
    """Not even the negative ones: nothing is known of the user then."""
    document = json.loads(json.dumps(DOCUMENT))
    project = document["projectsettings"][0]
    leaf = {"attribute_name": "Browser", "operator": operator, "values": ["Chrome"]}
    group = {"condition_type": 1, "conditions": [leaf]}
    project["audiences"].append(
        {
            "audience_name": "Chrome",
            "audience_link_name": "chrome",
            "audience_condition_json": {"condition_type": 1, "conditions": [group]},
        }
    )
    experiment = project["experiments"][0]
    experiment.update(audiences=[{"audience_link_name": "chrome"}], permitted_traffic=100)
    compiled = engine.module.PagesenseSettings.compile(json.dumps(document).encode())
    name = experiment["experiment_name"]
    assert compiled.decide(name, "Ann", {"Browser": value}).reason == "audience_not_matched"
    text = "Chrome" if operator in (1, 3) else "Firefox"
    assert compiled.decide(name, "Ann", {"Browser": text}).reason != "audience_not_matched"
