"""Events as the queue holds them: the number of the event's type, followed by its JSON.

The engine encodes an event once, when it creates it. So its size is known from then on, and a retry
carries the same bytes. The client turns it into a GET request with everything in its query.

Source: PageSense spec, sections 6.2 to 6.4; pinned by ``pagesense/http-capture.json``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sortition._engine import pagesense as model
    from sortition._engine.pure.pagesense.settings import Settings

_VISITOR: Final = "22"
"""The platform's number for a visitor of an experiment."""
_GOAL: Final = "23"
"""The platform's number for a goal."""
_LANGUAGE: Final = 5
"""The platform's number for its Python SDK."""
NO_FIELDS: Final = "[]"
"""An empty list of fields."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """The user of an event, as far as the event tells of them.

    Attributes:
        id: The user's id.
        attributes: The user's attributes as a JSON list of fields.
    """

    id: str = field(repr=False)
    attributes: str = field(repr=False)


def visit(
    settings: Settings,
    experiment: model.Experiment,
    variation: model.Variation,
    visitor: Visitor,
) -> str:
    """A user saw a variation; section 6.2."""
    record: dict[str, object] = {
        "a": settings.portal_name,
        "b": experiment.key,
        "c": variation.key,
        "p": settings.project_key,
        "ek": experiment.environment_key,
        "lk": _LANGUAGE,
    }
    lists = {"fsca": visitor.attributes}
    return f'{_VISITOR}{_start(visitor)}, "fvrd": [{_joined(record, lists)}]}}'


def goal(
    settings: Settings,
    experiment: model.Experiment,
    variation: model.Variation,
    mapped: model.MappedGoal,
    visitor: Visitor,
    properties: str | None,
) -> str:
    """A user of a variation reached a goal of its experiment; section 6.4.

    The properties are a JSON list of fields; None if the call gives none.
    """
    record: dict[str, object] = {
        "a": settings.portal_name,
        "b": experiment.key,
        "c": variation.key,
        "p": settings.project_key,
        "gln": mapped.goal.link_name,
        "ipl": mapped.is_primary,
        "ek": experiment.environment_key,
        "lk": experiment.language_key,
    }
    lists = {}
    if visitor.attributes != NO_FIELDS:
        lists["fsca"] = visitor.attributes
    if properties is not None:
        lists["gp"] = properties
    return f'{_GOAL}{_start(visitor)}, "fgrd": [{_joined(record, lists)}]}}'


def project_goal(
    settings: Settings,
    goal_: model.Goal,
    seen: Sequence[tuple[model.Experiment, model.Variation]],
    visitor: Visitor,
    properties: str,
) -> str:
    """A user reached a goal of the project, with the variations that they have; section 6.3."""
    record: dict[str, object] = {
        "a": settings.portal_name,
        "b": "",
        "c": "",
        "p": settings.project_key,
        "gln": goal_.link_name,
        "ipl": True,
        "ek": settings.sdk_key,
        "lk": _LANGUAGE,
    }
    variations = [{"b": experiment.key, "c": variation.key} for experiment, variation in seen]
    lists = {"fsca": visitor.attributes, "el": json.dumps(variations), "gp": properties}
    return f'{_GOAL}{_start(visitor)}, "fgrd": [{_joined(record, lists)}]}}'


def _start(visitor: Visitor) -> str:
    return f'{{"furd": {{"f": {json.dumps(visitor.id)}}}'


def _joined(record: dict[str, object], lists: dict[str, str]) -> str:
    """A record as JSON, with further lists that are already JSON."""
    more = "".join(f', "{name}": {value}' for name, value in lists.items())
    return f"{json.dumps(record)[:-1]}{more}}}"
