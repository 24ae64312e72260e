"""The client accepts any mapping of attributes, such as those of frameworks."""

from __future__ import annotations

import json
from collections import ChainMap, OrderedDict, UserDict, defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from starlette.datastructures import FormData, Headers, QueryParams
from support.documents import arm, audience, campaign, experiment, project, settings, variation

from sortition import pagesense, vwo

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition._engine import Engine

KINDS: list[Callable[[dict[str, Any]], Any]] = [
    dict,
    OrderedDict,
    lambda known: defaultdict(str, known),
    UserDict,
    ChainMap,
    MappingProxyType,
    QueryParams,
    FormData,
    Headers,
]
PRO = {"plan": "pro"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_vwo(engine: Engine, kind: Callable[[dict[str, Any]], Any]) -> None:
    segmented = campaign(
        segments={"custom_variable": PRO}, variations=[variation(1, "Control", 100)]
    )
    with vwo.launch(settings(segmented), engine=engine.name, is_development_mode=True) as client:
        for call in (client.activate, client.get_variation_name):
            assert call("checkout", "Ann", custom_variables=kind(PRO)) == "Control"
            assert call("checkout", "Ann", custom_variables=kind({"plan": "free"})) is None
        assert client.track("checkout", "Ann", "purchase", custom_variables=kind(PRO))
        assert client.push(kind(PRO), "Ann")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_pagesense(engine: Engine, kind: Callable[[dict[str, Any]], Any]) -> None:
    everyone = experiment(1, variations=[arm("v1", 100)])
    with pagesense.launch(
        json.dumps(project(everyone, audiences=[audience("all", {})])),
        data_center="EU",
        engine=engine.name,
        is_development_mode=True,
    ) as client:
        assert client.activate_experiment("Test 1", "Ann", kind(PRO)) == "Variation v1"
        assert client.stats().refused == {}


@pytest.mark.parametrize("kind", [MappingProxyType, ChainMap, UserDict])
def test_a_record_of_the_user_storage(
    engine: Engine, kind: Callable[[dict[str, Any]], Any]
) -> None:
    record = {"userId": "Ann", "campaignKey": "checkout", "variationName": "Control"}

    class Storage(vwo.UserStorage):
        def get(self, user_id: str, campaign_key: str) -> Any:
            del user_id, campaign_key
            return kind(record)

    only = [variation(1, "Control", 0), variation(2, "One page", 100)]
    with vwo.launch(
        settings(campaign(variations=only)),
        user_storage=Storage(),
        engine=engine.name,
        is_development_mode=True,
    ) as client:
        assert client.activate("checkout", "Ann") == "Control"
        assert client.stats().storage_findings == {}
