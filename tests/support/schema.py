"""The JSON Schemas of the settings documents, found out by asking the parser.

The parser reads documents by hand, to say of every fault where it is; there are no types to derive
a schema from. So it is asked: each value of a complete document is replaced by values of every
kind, and what it then has to say is the schema. `make schema` writes both into docs/.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sortition import _engine
from sortition._commands.checking.document import verdict_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sortition._commands.checking.document import Platform, Verdict

Step = str | int
DOCS: Final = Path(__file__).parents[2] / "docs"

MISSING: Final = object()
WORDS: Final = ("a", "another word")
"""Texts that mean nothing to the parser."""


@dataclass(frozen=True)
class Source:
    """A platform's documents.

    Attributes:
        platform: The platform.
        title: The schema's title.
        document: A complete document with nothing wrong in it: every field that is read is there.
        maps: Places of objects whose keys are the document's own; without the numbers of lists.
        open: Places of values whose inside is a language of its own.
        names: Places of texts that must be those of another part of the document.
        first_only: Places of lists of which only the first element is read.
        notes: What is to be said of a place.
    """

    platform: Platform
    title: str
    document: dict[str, Any]
    maps: frozenset[str]
    open: frozenset[str]
    names: frozenset[str]
    first_only: frozenset[str] = frozenset()
    notes: dict[str, str] = field(default_factory=dict)


VARIABLE: Final = {"id": 1, "key": "color", "type": "string", "value": "blue"}
CONDITIONS: Final = {"or": [{"custom_variable": {"plan": "pro"}}]}
VWO: Final = Source(
    platform="vwo",
    title="A settings file of VWO FullStack",
    document={
        "version": 1,
        "accountId": 604812,
        "sdkKey": "0123456789abcdef",
        "isNB": True,
        "isNBv2": True,
        "isEventArchEnabled": False,
        "collectionPrefix": "eu",
        "groups": {
            "g7": {
                "name": "Group",
                "campaigns": ["c1", "c2"],
                "et": 2,
                "p": ["c1"],
                "wt": {"c2": 100},
            }
        },
        "campaignGroups": {"c1": "g7", "c2": "g7"},
        "campaigns": [
            {
                "id": f"c{number}",
                "key": f"campaign-{number}",
                "name": "Campaign",
                "type": "FEATURE_TEST",
                "status": "RUNNING",
                "percentTraffic": 100,
                "isForcedVariationEnabled": True,
                "isUserListEnabled": True,
                "isBucketingSeedEnabled": True,
                "isOB": False,
                "isOBv2": False,
                "isMAB": False,
                "segments": CONDITIONS,
                "variables": [VARIABLE],
                "variations": [
                    {
                        "id": 1,
                        "name": "Control",
                        "weight": 50,
                        "isFeatureEnabled": False,
                        "segments": CONDITIONS,
                        "variables": [VARIABLE],
                    },
                    {"id": 2, "name": "One page", "weight": 50},
                ],
                "goals": [
                    {
                        "id": 1,
                        "identifier": "purchase",
                        "type": "REVENUE_TRACKING",
                        "revenueProp": "amount",
                        "mca": -1,
                        "hasProps": True,
                    }
                ],
            }
            for number in (1, 2)
        ],
    },
    maps=frozenset({"groups", "campaignGroups", "groups.*.wt"}),
    open=frozenset(
        {
            "campaigns[].segments",
            "campaigns[].variations[].segments",
            "campaigns[].variables[].value",
            "campaigns[].variations[].variables[].value",
        }
    ),
    names=frozenset(),
    notes={
        "version": "The settings' version.",
        "accountId": "The account.",
        "sdkKey": "The environment's secret key.",
        "isNB": "Which bucketing algorithm; true where Python would call it true.",
        "isNBv2": "Which bucketing algorithm; true where Python would call it true.",
        "isEventArchEnabled": "Which format events have.",
        "collectionPrefix": "Where data is kept: a segment of the path of each event.",
        "campaigns": "The campaigns; an empty object stands for none.",
        "campaigns[].status": "RUNNING, or anything else for a campaign that does not run.",
        "campaigns[].percentTraffic": "The share of users who take part, in percent.",
        "campaigns[].type": "VISUAL_AB, FEATURE_TEST or FEATURE_ROLLOUT.",
        "campaigns[].isUserListEnabled": "Whether lists of users may hold visitor ids, too.",
        "campaigns[].segments": "Who takes part; expressions of the platform.",
        "campaigns[].variations[].weight": "The variation's share, in percent; null counts as 0.",
        "campaigns[].variations[].segments": "Who gets it before bucketing.",
        "groups": "Mutually exclusive groups, by id.",
        "campaignGroups": "The group of each campaign, by the campaign's id.",
    },
)
PAGESENSE: Final = Source(
    platform="pagesense",
    title="A settings document of Zoho PageSense FullStack",
    document={
        "projectsettings": [
            {
                "project_key": "projkey1",
                "project_name": "Project One",
                "project_link_name": "project-one",
                "portal_name": "portal1",
                "sdk_account_id": "acct1",
                "sdk_key": "0123456789abcdef",
                "sdk_version": "1.0.0",
                "sdk_language": "Python",
                "sdk_environment": "Production",
                "audiences": [
                    {
                        "audience_name": "All Visitors",
                        "audience_link_name": "all",
                        "audience_condition_json": {},
                    }
                ],
                "goals": [{"goal_name": "Signup", "goal_link_name": "signup", "goal_type": 10}],
                "experiments": [
                    {
                        "experiment_key": f"e{number}",
                        "experiment_name": f"Test {number}",
                        "experiment_link_name": f"test-{number}",
                        "experiment_type": 14,
                        "experiment_status": 2,
                        "permitted_traffic": 100,
                        "is_development_mode": False,
                        "environment_key": "env-key-1",
                        "environment_name": "Production",
                        "language_key": 5,
                        "language_name": "Python",
                        "variations": [
                            {
                                "variation_key": key,
                                "variation_name": f"Variation {key}",
                                "variation_link_name": f"variation-{key}",
                                "traffic_distribution": 50,
                                "is_original": key == "v1",
                            }
                            for key in ("v1", "v2")
                        ],
                        "audiences": [{"audience_link_name": "all"}],
                        "goals": [{"goal_link_name": "signup", "is_primary_goal": True}],
                    }
                    for number in (1, 2)
                ],
            }
        ]
    },
    maps=frozenset(),
    open=frozenset({"projectsettings[].audiences[].audience_condition_json"}),
    names=frozenset(
        {
            "projectsettings[].experiments[].audiences[].audience_link_name",
            "projectsettings[].experiments[].goals[].goal_link_name",
        }
    ),
    first_only=frozenset({"projectsettings"}),
    notes={
        "projectsettings": "Only the first one is read.",
        "projectsettings[].audiences[].audience_condition_json": (
            "Who is in it; an object of the platform's conditions, or text that holds one."
        ),
        "projectsettings[].experiments[].experiment_type": "14 is an A/B test.",
        "projectsettings[].experiments[].experiment_status": "2 is running.",
    },
)
SOURCES: Final = (VWO, PAGESENSE)


def schema_of(source: Source) -> dict[str, Any]:
    """The schema of a platform's documents."""
    verdict = verdict_of(source.document, source.platform)
    assert verdict.is_good, verdict.problems
    found = _schema(source, (), "", source.document)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": source.title,
        "description": (
            "What the parser takes without a complaint, but for warnings. Unknown fields are "
            "ignored. Beyond this, names that refer to other parts of the document must be theirs."
        ),
        **found,
    }


def file_of(source: Source) -> Path:
    """The path of a platform's published schema."""
    return DOCS / f"{source.platform}-settings.schema.json"


def text_of(schema: dict[str, Any]) -> str:
    """A schema as it is published."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def verdict_of(document: object, platform: Platform) -> Verdict:
    """The parser's problems of a document."""
    return verdict_on(json.dumps(document).encode(), platform, _engine.load())


def _complains(source: Source, steps: tuple[Step, ...], other: object) -> list[str]:
    """The places, at or below this one, of which the parser complains where this stands in it."""
    path = _path(steps)
    verdict = verdict_of(_replaced(source.document, steps, other), source.platform)
    found = [problem.path for problem in verdict.problems if not problem.is_warning]
    # What is wrong elsewhere for want of what stood here is no matter of this place.
    return [
        one for one in found if not path or one == path or one.startswith((f"{path}.", f"{path}["))
    ]


def _path(steps: tuple[Step, ...]) -> str:
    """A place as problems name it."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)[1:]


def _schema(source: Source, steps: tuple[Step, ...], place: str, value: Any) -> dict[str, Any]:
    """The schema for the place of this value."""

    def accepts(other: object) -> bool:
        return not _complains(source, steps, other)

    described = {"description": source.notes[place]} if place in source.notes else {}
    if place in source.open:
        return {**described, **_open(accepts, value)}
    kinds = list(_kinds(source, steps, place, value, accepts))
    if len(kinds) == len(_PROBES):
        return {**described}
    if len(kinds) == 1:
        return {**described, **kinds[0]}
    if all(set(kind) == {"type"} for kind in kinds):
        return {**described, "type": [kind["type"] for kind in kinds]}
    return {**described, "anyOf": kinds}


_PROBES: Final = ("null", "boolean", "number", "string", "array", "object")


def _kinds(
    source: Source,
    steps: tuple[Step, ...],
    place: str,
    value: Any,
    accepts: Callable[[object], bool],
) -> Iterator[dict[str, Any]]:
    if accepts(None):
        yield {"type": "null"}
    if accepts(True) or accepts(False):
        yield {"type": "boolean"}
    yield from _numbers(value, accepts)
    yield from _texts(place in source.names, value, accepts)
    yield from _lists(source, steps, place, value, accepts)
    yield from _objects(source, steps, place, value, accepts)


def _numbers(value: Any, accepts: Callable[[object], bool]) -> Iterator[dict[str, Any]]:
    accepted = [number for number in (-1, 0, 1, 2, 3, 1.5, 100, 101, 1e300) if accepts(number)]
    if not accepted and not (isinstance(value, int | float) and not isinstance(value, bool)):
        return
    if accepted == [1, 2]:
        yield {"enum": accepted}
        return
    found: dict[str, Any] = {"type": "number" if 1.5 in accepted else "integer"}
    if -1 not in accepted:
        found["minimum"] = 0
    if 101 not in accepted:
        found["maximum"] = 100
    yield found


def _texts(
    is_name: bool, value: Any, accepts: Callable[[object], bool]
) -> Iterator[dict[str, Any]]:
    if not any(accepts(word) for word in WORDS) and not (is_name and isinstance(value, str)):
        return
    if accepts(" "):
        yield {"type": "string"} if accepts("") else {"type": "string", "minLength": 1}
    elif is_name and accepts(value):
        # A blank one is refused for being none of the document's names, too.
        yield {"type": "string", "minLength": 1}
    else:
        yield {"type": "string", "pattern": "\\S"}


def _lists(
    source: Source,
    steps: tuple[Step, ...],
    place: str,
    value: Any,
    accepts: Callable[[object], bool],
) -> Iterator[dict[str, Any]]:
    is_list = isinstance(value, list)
    if is_list:
        items = _schema(source, (*steps, 0), f"{place}[]", value[0])
        found: dict[str, Any] = {"type": "array", "items": items}
        if place in source.first_only:
            found = {"type": "array", "prefixItems": [items]}
        yield found if accepts([]) else {**found, "minItems": 1}
    elif accepts([]):
        yield {"type": "array"} if accepts([None]) else {"type": "array", "maxItems": 0}


def _objects(
    source: Source,
    steps: tuple[Step, ...],
    place: str,
    value: Any,
    accepts: Callable[[object], bool],
) -> Iterator[dict[str, Any]]:
    if not isinstance(value, dict):
        if accepts({}):
            yield {"type": "object"} if accepts({"a": None}) else _NOTHING
        return
    if place in source.maps:
        key = next(iter(value))
        inner = f"{place}.*"
        yield {
            "type": "object",
            "additionalProperties": _schema(source, (*steps, key), inner, value[key]),
        }
        return
    dot = f"{place}." if place else ""
    required = [
        key for key in value if _path((*steps, key)) in _complains(source, (*steps, key), MISSING)
    ]
    yield {
        "type": "object",
        "required": required,
        "properties": {
            key: _schema(source, (*steps, key), f"{dot}{key}", item) for key, item in value.items()
        },
    }


_NOTHING: Final = {"type": "object", "maxProperties": 0}


def _open(accepts: Callable[[object], bool], value: object) -> dict[str, Any]:
    """Only of which kinds it may be."""
    probes: tuple[tuple[str, tuple[object, ...]], ...] = (
        ("null", (None,)),
        ("boolean", (True,)),
        ("number", (1, 1.5)),
        ("string", ("a", "{}")),
        ("array", ([],)),
        ("object", ({}, value)),
    )
    kinds = [kind for kind, tried in probes if any(accepts(one) for one in tried)]
    if len(kinds) == len(probes):
        return {}
    return {"type": kinds[0] if len(kinds) == 1 else kinds}


def _replaced(document: Any, steps: tuple[Step, ...], value: object) -> Any:
    """The document with another value in one place."""
    if not steps:
        return value
    # By way of text: parts that are the same object here are to differ there.
    changed = json.loads(json.dumps(document))
    inside = changed
    for step in steps[:-1]:
        inside = inside[step]
    if value is MISSING:
        del inside[steps[-1]]
    else:
        inside[steps[-1]] = value
    return changed


if __name__ == "__main__":
    for one in SOURCES:
        file_of(one).write_text(text_of(schema_of(one)), encoding="utf-8")
