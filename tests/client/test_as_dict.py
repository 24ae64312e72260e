"""A client's status and counts as plain values, for a service's own endpoints."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
from support.documents import campaign, project, settings

from sortition import pagesense, vwo

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=["vwo", "pagesense"])
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "vwo":
        broken = campaign(2, "broken", variations=None)
        launched: Any = vwo.launch(settings(campaign(), broken), is_development_mode=True)
        launched.activate("checkout", 5)
    else:
        launched = pagesense.launch(project(), data_center="EU", is_development_mode=True)
        launched.activate_experiment("Test 1", 5)
    with launched:
        yield launched


@pytest.mark.parametrize("of", ["stats", "status"])
def test_json_can_carry_all_of_it(client: Any, of: str) -> None:
    told = getattr(client, of)()
    assert json.loads(json.dumps(told.as_dict())).keys() == {one.name for one in fields(told)}


def test_the_numbers_are_those_of_the_attributes(client: Any) -> None:
    assert client.stats().refused
    assert client.stats().as_dict()["refused"] == client.stats().refused
    assert client.status().as_dict()["state"] == client.status().state == "ready"
