"""How long is a decision, compiled against pure, in the same run?

The input: one campaign of two variations for everybody, and one with five conditions over five
attributes. Every answer is checked before it is timed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sortition import vwo

if TYPE_CHECKING:
    from sortition._engine import EngineChoice

ATTRIBUTES: dict[str, Any] = {
    "country": "DE",
    "basket": 49.9,
    "browser": "Firefox 144",
    "visits": 12,
    "is_member": True,
}
CONDITIONS = {
    "and": [
        {"custom_variable": {"country": "lower(de)"}},
        {"custom_variable": {"basket": "gte(20)"}},
        {"not": {"custom_variable": {"browser": "wildcard(*bot*)"}}},
        {"custom_variable": {"visits": "gt(10)"}},
        {"custom_variable": {"is_member": "true"}},
    ]
}


def document(segments: dict[str, Any]) -> dict[str, Any]:
    arms = [{"id": 1, "name": "Control", "weight": 50}, {"id": 2, "name": "One page", "weight": 50}]
    campaign = {"id": 228, "key": "checkout", "type": "VISUAL_AB", "status": "RUNNING"}
    return {
        "version": 1,
        "accountId": 604812,
        "campaigns": [
            {
                **campaign,
                "percentTraffic": 100,
                "variations": arms,
                "goals": [],
                "segments": segments,
            }
        ],
    }


@pytest.mark.parametrize("engine", ["compiled", "pure"])
@pytest.mark.benchmark(group="get_variation_name, no targeting")
def bench_untargeted(benchmark: Any, engine: EngineChoice) -> None:
    client = vwo.launch(document({}), engine=engine)
    assert client.get_variation_name("checkout", "Ann") == "Control"
    benchmark(client.get_variation_name, "checkout", "Ann")


@pytest.mark.parametrize("engine", ["compiled", "pure"])
@pytest.mark.benchmark(group="get_variation_name, five conditions over five attributes")
def bench_targeted(benchmark: Any, engine: EngineChoice) -> None:
    client = vwo.launch(document(CONDITIONS), engine=engine)
    assert client.get_variation_name("checkout", "Ann") is None
    assert client.get_variation_name("checkout", "Ann", custom_variables=ATTRIBUTES) == "Control"
    benchmark(client.get_variation_name, "checkout", "Ann", custom_variables=ATTRIBUTES)


@pytest.mark.parametrize("engine", ["compiled", "pure"])
@pytest.mark.benchmark(group="compile 1,000 campaigns with five conditions each")
def bench_compile(benchmark: Any, engine: EngineChoice) -> None:
    (campaign,) = document(CONDITIONS)["campaigns"]
    campaigns = [{**campaign, "id": n, "key": f"campaign-{n}"} for n in range(1000)]
    text = {**document({}), "campaigns": campaigns}
    client = vwo.launch(text, engine=engine)
    assert client.get_variation_name("campaign-999", "Ann", custom_variables=ATTRIBUTES)
    benchmark(vwo.launch, text, engine=engine)
