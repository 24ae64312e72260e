"""From the document to immutable settings and a list of what is wrong in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from sortition._base.errors import SettingsError
from sortition._base.problem import Problem
from sortition._engine import vwo as model
from sortition._engine.pure.document import ProblemError, parse
from sortition._engine.pure.problem import MISSING, child, kind_of
from sortition._engine.pure.vwo.allocation import ranges
from sortition._engine.pure.vwo.group import Group
from sortition._engine.pure.vwo.segment import Segment, compile_segment
from sortition._engine.pure.vwo.settings import Campaign, Goal, Settings, Variation
from sortition._engine.pure.vwo.visitor import account_namespace
from sortition._engine.pure.vwo.wire import (
    CampaignWire,
    GoalWire,
    GroupWire,
    SettingsWire,
    VariableWire,
    VariationWire,
    is_identifier,
)

if TYPE_CHECKING:
    from sortition._engine.vwo import Identifier, Json

_RUNNING: Final = "RUNNING"
_ADVANCED: Final = 2
"""The number of the algorithm on the wire; the other one is 1."""


def compile_settings(document: bytes) -> Settings:
    """Compile a settings document, JSON in UTF-8.

    What is wrong in a part of it is listed in the settings' problems.

    Raises:
        SettingsError: The document cannot be used at all: no JSON, no settings, or every campaign
            of it broken.
    """
    try:
        wire = SettingsWire.read(parse(document))
    except ProblemError as error:
        raise SettingsError((error.problem,)) from None
    compiler = _Compiler(wire)
    for index, value in enumerate(wire.campaigns):
        compiler.add_campaign(f"campaigns[{index}]", value)
    return compiler.finish()


class _GroupIsBrokenError(Exception):
    """The group of a campaign is broken."""


class _Compiler:
    def __init__(self, wire: SettingsWire) -> None:
        self.wire = wire
        # Which group a campaign refers to, by the text of the group's id; None: a broken one.
        self.groups: dict[str, int | None] = {}
        self.group_wires: list[tuple[Identifier, GroupWire]] = []
        self.group_objects: list[model.Group] = []
        self.campaigns: list[Campaign] = []
        self.by_key: dict[str, int] = {}
        self.set_aside: set[str] = set()
        self.problems: list[Problem] = []
        if wire.groups and not isinstance(wire.groups, dict):
            found = kind_of(wire.groups)
            raise SettingsError((Problem("groups", "an object", found, "document_refused"),))

    def add_campaign(self, path: str, value: Json) -> None:
        try:
            wire = CampaignWire.read(path, value)
            group = self.group_of(wire.id)
        except ProblemError as error:
            self.problems.append(error.problem)
            self.set_campaign_aside(value)
            return
        except _GroupIsBrokenError:
            self.set_campaign_aside(value)
            return
        campaign = self.compile_campaign(path, wire, group)
        if campaign.shown.is_running:
            self.by_key.setdefault(campaign.shown.key, len(self.campaigns))
        self.campaigns.append(campaign)

    def set_campaign_aside(self, value: Json) -> None:
        if isinstance(value, dict) and isinstance(value.get("key"), str):
            self.set_aside.add(str(value["key"]))

    def group_of(self, campaign_id: Identifier) -> int | None:
        """The group of the campaign with this id, by its index.

        Raises:
            ProblemError: The reference to it is broken.
            _GroupIsBrokenError: It is broken, which the first campaign of it reports.
        """
        value = (self.wire.campaign_groups or {}).get(str(campaign_id), MISSING)
        if value is MISSING:
            return None
        if not is_identifier(value):
            path = child("campaignGroups", str(campaign_id))
            found = kind_of(value)
            raise ProblemError(Problem(path, "a number or a string", found, "campaign_set_aside"))
        group_id = str(value)
        if group_id not in self.groups:
            self.groups[group_id] = self.read_group(value)
        group = self.groups[group_id]
        if group is None:
            raise _GroupIsBrokenError
        return group

    def read_group(self, group_id: Identifier) -> int | None:
        path = child("groups", str(group_id))
        groups = self.wire.groups if isinstance(self.wire.groups, dict) else {}
        value = groups.get(str(group_id), MISSING)
        try:
            wire = GroupWire.read(path, value)
        except ProblemError as error:
            self.problems.append(error.problem)
            return None
        self.group_wires.append((group_id, wire))
        self.group_objects.append(
            model.Group(group_id, wire.name, _ADVANCED if wire.et == _ADVANCED else 1)
        )
        return len(self.group_wires) - 1

    def compile_campaign(self, path: str, wire: CampaignWire, group: int | None) -> Campaign:
        is_seed_prefixed = self.wire.is_nb or wire.is_bucketing_seed_enabled
        segments = self.compile_segments(f"{path}.segments", wire.segments)
        variations = tuple(
            self.compile_variation(f"{path}.variations[{index}]", variation)
            for index, variation in enumerate(wire.variations)
        )
        goals = tuple(_compile_goal(goal) for goal in wire.goals)
        forced = wire.is_forced_variation_enabled
        return Campaign(
            shown=model.Campaign(
                index=len(self.campaigns),
                id=wire.id,
                key=wire.key,
                name=wire.name,
                type=wire.type,
                is_running=wire.status == _RUNNING,
                is_forced_variation_enabled=None if forced is None else json.dumps(forced),
                variations=tuple(variation.shown for variation in variations),
                goals=tuple(goal.shown for goal in goals),
                variables=_compile_variables(wire.variables),
                group=None if group is None else self.group_objects[group],
            ),
            percent_traffic=wire.percent_traffic,
            segments=segments,
            has_whitelisting=forced is True,
            needs_user_storage=wire.is_mab,
            user_seed=f"{wire.id}_" if is_seed_prefixed else "",
            variation_seed=self.variation_seed(wire),
            variations=variations,
            allocation=tuple(ranges(variation.weight for variation in variations)),
            goals=goals,
            group=group,
        )

    def variation_seed(self, wire: CampaignWire) -> str | None:
        """Which seed string places a user among the variations."""
        is_nb, is_nb_v2 = self.wire.is_nb, self.wire.is_nb_v2
        if (not is_nb and not is_nb_v2) or (is_nb and wire.is_ob):
            return None
        if (is_nb and wire.is_ob is None and not is_nb_v2) or (
            is_nb_v2 and wire.is_ob_v2 is not None
        ):
            return ""
        return f"{wire.id}_{self.wire.account_id}_"

    def compile_variation(self, path: str, wire: VariationWire) -> Variation:
        return Variation(
            shown=model.Variation(
                wire.id,
                wire.name,
                wire.is_feature_enabled,
                _compile_variables(wire.variables),
            ),
            weight=wire.weight,
            segments=self.compile_segments(f"{path}.segments", wire.segments),
        )

    def compile_segments(self, path: str, segments: dict[str, Json] | None) -> Segment | None:
        if not segments:
            return None
        return compile_segment(path, segments, self.problems)

    def finish(self) -> Settings:
        if not self.campaigns and self.wire.campaigns:
            raise SettingsError(tuple(self.problems))
        return Settings(
            version=self.wire.version,
            account_id=self.wire.account_id,
            sdk_key=self.wire.sdk_key,
            is_event_arch_enabled=self.wire.is_event_arch_enabled,
            collection_prefix=self.wire.collection_prefix or None,
            visitor_namespace=account_namespace(str(self.wire.account_id)),
            campaigns=tuple(self.campaigns),
            by_key=self.by_key,
            set_aside=frozenset(self.set_aside),
            groups=tuple(
                self.compile_group(shown, wire)
                for shown, (_, wire) in zip(self.group_objects, self.group_wires, strict=True)
            ),
            problems=tuple(self.problems),
        )

    def compile_group(self, shown: model.Group, wire: GroupWire) -> Group:
        members = self.running_with_ids(wire.campaigns)
        ids = [str(self.campaigns[member].shown.id) for member in members]
        return Group(
            shown=shown,
            is_advanced=shown.algorithm == _ADVANCED,
            members=members,
            priority=self.running_with_ids(wire.p),
            weights=tuple(
                (member, wire.wt[campaign_id])
                for member, campaign_id in zip(members, ids, strict=True)
                if campaign_id in wire.wt
            ),
            seed=f"{shown.id}_",
        )

    def running_with_ids(self, ids: list[Identifier]) -> tuple[int, ...]:
        """The running campaigns with these ids, by their index, in the order of the ids."""
        return tuple(
            index
            for campaign_id in ids
            for index, campaign in enumerate(self.campaigns)
            if campaign.shown.is_running and str(campaign.shown.id) == str(campaign_id)
        )


def _compile_goal(wire: GoalWire) -> Goal:
    return Goal(
        shown=model.Goal(wire.id, wire.identifier, wire.type, wire.revenue_prop or None),
        counts_every_time=wire.mca == -1,
        has_props=wire.has_props,
    )


def _compile_variables(wires: list[VariableWire]) -> tuple[model.Variable, ...]:
    return tuple(
        model.Variable(wire.id, wire.key, wire.type, json.dumps(wire.value, ensure_ascii=False))
        for wire in wires
    )
