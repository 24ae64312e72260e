"""Compiles a settings document into immutable settings and a list of problems."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from sortition._base.errors import SettingsError
from sortition._base.problem import Problem
from sortition._engine import vwo as model
from sortition._engine.pure.document import ProblemError, parse
from sortition._engine.pure.problem import MISSING, Problems, child
from sortition._engine.pure.vwo.allocation import equal_weights, ranges
from sortition._engine.pure.vwo.group import Group
from sortition._engine.pure.vwo.segment import Segment, compile_segment
from sortition._engine.pure.vwo.settings import Campaign, Goal, Settings, Variation
from sortition._engine.pure.vwo.visitor import account_namespace
from sortition._engine.pure.vwo.wire import (
    TYPES,
    CampaignWire,
    GoalWire,
    GroupWire,
    SettingsWire,
    VariableWire,
    VariationWire,
    found_id,
    is_identifier,
)

if TYPE_CHECKING:
    from sortition._engine.vwo import Identifier, Json

_RUNNING: Final = "RUNNING"
_MOST_PERCENT: Final = 100.0
_ROUNDED_BY: Final = 0.5
"""The tolerance for the rounding of each weight, in percent."""
_VARIABLE_TYPES: Final = ("string", "integer", "double", "boolean", "json")
"""The supported types of variables."""
_ADVANCED: Final = 2
"""The number of the algorithm on the wire; the other one is 1."""


def compile_settings(document: bytes) -> Settings:
    """Compile a settings document, JSON in UTF-8.

    The settings list the problems of single parts.

    Raises:
        SettingsError: The document is not usable at all: it is not JSON, not a settings file, or
            every campaign is broken.
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
        self.ids: set[str] = set()
        self.keys: set[str] = set()
        self.problems = Problems()
        for problem in wire.problems:
            self.problems.append(problem)

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
        self.remark_on(path, wire)
        campaign = self.compile_campaign(path, wire, group)
        self.note_double(self.ids, str(wire.id), f"{path}.id", "an id", "campaign")
        self.note_double(self.keys, wire.key, f"{path}.key", "a key", "campaign")
        if campaign.shown.is_running:
            self.by_key.setdefault(campaign.shown.key, len(self.campaigns))
        self.campaigns.append(campaign)

    def note_double(self, given: set[str], name: str, path: str, what: str, of: str) -> None:
        """Record a name, and a problem if another part already has it."""
        if name in given:
            self.problems.add(path, f"{what} of its own", f"that of another {of}", "ambiguous")
        given.add(name)

    def remark_on(self, path: str, wire: CampaignWire) -> None:
        """Record problems of usable values that are probably mistakes."""
        problems = self.problems
        status = wire.status.strip()
        if wire.status != _RUNNING and status.isascii() and status.upper() == _RUNNING:
            found = "the same in other letters"
            problems.add(f"{path}.status", _RUNNING, found, "campaign_stopped")
        if wire.type not in TYPES:
            wanted = "VISUAL_AB, FEATURE_TEST or FEATURE_ROLLOUT"
            found = {None: "nothing", "": "an empty string"}.get(wire.type, "another type")
            problems.add(f"{path}.type", wanted, found, "used_as_it_is")
        percent = wire.percent_traffic
        if not 0 <= percent <= _MOST_PERCENT:
            found = "a negative number" if percent < 0 else "a greater one"
            place = f"{path}.percentTraffic"
            problems.add(place, "a number from 0 to 100", found, "used_as_it_is")

    def set_campaign_aside(self, value: Json) -> None:
        if isinstance(value, dict) and isinstance(value.get("key"), str):
            self.set_aside.add(str(value["key"]))

    def group_of(self, campaign_id: Identifier) -> int | None:
        """The group of the campaign with this id, by its index.

        Raises:
            ProblemError: The reference to the group is broken.
            _GroupIsBrokenError: The group is broken. The first of its campaigns reports it.
        """
        value = (self.wire.campaign_groups or {}).get(str(campaign_id), MISSING)
        if value is MISSING:
            return None
        if not is_identifier(value):
            path = child("campaignGroups", str(campaign_id))
            found = found_id(value)
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
        value = self.wire.groups.get(str(group_id), MISSING)
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
        variations = self.compile_variations(f"{path}.variations", wire.variations)
        goals = self.compile_goals(f"{path}.goals", wire.goals)
        variables = self.compile_variables(f"{path}.variables", wire.variables)
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
                variables=variables,
                group=None if group is None else self.group_objects[group],
            ),
            percent_traffic=wire.percent_traffic,
            segments=segments,
            has_whitelisting=forced is True,
            has_user_lists=wire.is_user_list_enabled,
            needs_user_storage=wire.is_mab,
            user_seed=f"{wire.id}_" if is_seed_prefixed else "",
            variation_seed=self.variation_seed(wire),
            variations=variations,
            allocation=tuple(ranges(variation.weight for variation in variations)),
            goals=goals,
            group=group,
        )

    def variation_seed(self, wire: CampaignWire) -> str | None:
        """The start of the seed string for the variation's bucket."""
        is_nb, is_nb_v2 = self.wire.is_nb, self.wire.is_nb_v2
        if (not is_nb and not is_nb_v2) or (is_nb and wire.is_ob):
            return None
        if (is_nb and wire.is_ob is None and not is_nb_v2) or (
            is_nb_v2 and wire.is_ob_v2 is not None
        ):
            return ""
        return f"{wire.id}_{self.wire.account_id}_"

    def compile_variations(self, path: str, wires: list[VariationWire]) -> tuple[Variation, ...]:
        variations = []
        ids: set[str] = set()
        names: set[str] = set()
        total = 0.0
        for index, wire in enumerate(wires):
            place = f"{path}[{index}]"
            self.note_double(ids, str(wire.id), f"{place}.id", "an id", "variation")
            self.note_double(names, wire.name, f"{place}.name", "a name", "variation")
            if wire.weight > _MOST_PERCENT:
                wanted = "a number up to 100"
                self.problems.add(f"{place}.weight", wanted, "a greater one", "used_as_it_is")
            total += wire.weight
            segments = self.compile_segments(f"{place}.segments", wire.segments)
            variables = self.compile_variables(f"{place}.variables", wire.variables)
            shown = model.Variation(wire.id, wire.name, wire.is_feature_enabled, variables)
            variations.append(Variation(shown=shown, weight=wire.weight, segments=segments))
        fault = _fault_of_weights(len(variations), total)
        if fault is not None:
            self.problems.add(path, *fault, "used_as_it_is")
        return tuple(variations)

    def compile_goals(self, path: str, values: list[Json] | ProblemError) -> tuple[Goal, ...]:
        if isinstance(values, ProblemError):
            self.problems.append(values.problem)
            return ()
        goals = []
        ids: set[str] = set()
        identifiers: set[str] = set()
        for index, value in enumerate(values):
            place = f"{path}[{index}]"
            try:
                wire = GoalWire.read(place, value)
            except ProblemError as error:
                self.problems.append(error.problem)
                continue
            self.note_double(ids, str(wire.id), f"{place}.id", "an id", "goal")
            what = "an identifier"
            self.note_double(identifiers, wire.identifier, f"{place}.identifier", what, "goal")
            goals.append(
                Goal(
                    shown=model.Goal(
                        wire.id, wire.identifier, wire.type, wire.revenue_prop or None
                    ),
                    counts_every_time=wire.mca == -1,
                    has_props=wire.has_props,
                )
            )
        return tuple(goals)

    def compile_variables(self, path: str, wires: list[VariableWire]) -> tuple[model.Variable, ...]:
        keys: set[str] = set()
        variables = []
        for index, wire in enumerate(wires):
            place = f"{path}[{index}]"
            self.note_double(keys, wire.key, f"{place}.key", "a key", "variable")
            if wire.type not in _VARIABLE_TYPES:
                wanted = "string, integer, double, boolean or json"
                self.problems.add(f"{place}.type", wanted, "another type", "used_as_it_is")
            value = json.dumps(wire.value, ensure_ascii=False)
            variables.append(model.Variable(wire.id, wire.key, wire.type, value))
        return tuple(variables)

    def compile_segments(self, path: str, segments: dict[str, Json] | None) -> Segment | None:
        if not segments:
            return None
        return compile_segment(path, segments, self.problems)

    def finish(self) -> Settings:
        if not self.campaigns and self.wire.campaigns:
            raise SettingsError(self.problems.first, self.problems.count)
        by_id = self.running_by_id()
        groups = tuple(
            self.compile_group(shown, wire, by_id)
            for shown, (_, wire) in zip(self.group_objects, self.group_wires, strict=True)
        )
        self.remark_on_groups(groups)
        return Settings(
            version=self.wire.version,
            account_id=self.wire.account_id,
            sdk_key=self.wire.sdk_key,
            is_event_arch_enabled=self.wire.is_event_arch_enabled,
            collection_prefix=self.wire.collection_prefix,
            visitor_namespace=account_namespace(str(self.wire.account_id)),
            campaigns=tuple(self.campaigns),
            by_key=self.by_key,
            set_aside=frozenset(self.set_aside),
            groups=groups,
            problems=self.problems,
        )

    def running_by_id(self) -> dict[str, list[int]]:
        """The running campaigns, by their index, of each id."""
        by_id: dict[str, list[int]] = {}
        for index, campaign in enumerate(self.campaigns):
            if campaign.shown.is_running:
                by_id.setdefault(str(campaign.shown.id), []).append(index)
        return by_id

    def compile_group(
        self, shown: model.Group, wire: GroupWire, by_id: dict[str, list[int]]
    ) -> Group:
        def with_ids(ids: list[Identifier]) -> tuple[int, ...]:
            return tuple(index for one in ids for index in by_id.get(str(one), ()))

        members = with_ids(wire.campaigns)
        ids = [str(self.campaigns[member].shown.id) for member in members]
        weights = tuple(
            (member, wire.wt[campaign_id])
            for member, campaign_id in zip(members, ids, strict=True)
            if campaign_id in wire.wt
        )
        return Group(
            shown=shown,
            is_advanced=shown.algorithm == _ADVANCED,
            members=members,
            whitelisting=tuple(one for one in members if self.campaigns[one].has_whitelisting),
            takes_everybody=all(self.campaigns[one].takes_everybody for one in members),
            equal_ranges=tuple(ranges(equal_weights(len(members)))) if members else (),
            priority=with_ids(wire.p),
            weights=weights,
            weight_ranges=tuple(ranges(weight for _, weight in weights)),
            seed=f"{shown.id}_",
        )

    def remark_on_groups(self, groups: tuple[Group, ...]) -> None:
        """Record a problem for each running campaign that its group does not list."""
        members = [frozenset(group.members) for group in groups]
        for index, campaign in enumerate(self.campaigns):
            is_alone = campaign.group is None or not campaign.shown.is_running
            if is_alone or index in members[campaign.group or 0]:
                continue
            path = child("campaignGroups", str(campaign.shown.id))
            wanted = "a group that lists the campaign"
            self.problems.add(path, wanted, "another one", "used_as_it_is")


def _fault_of_weights(count: int, total: float) -> tuple[str, str] | None:
    """The problem of this sum of this many weights; None if the sum is right."""
    if not count:
        return "a variation", "none"
    rounded_by = count * _ROUNDED_BY
    wanted = "weights that add up to 100"
    if total == 0:
        return wanted, "weights of 0"
    if total < _MOST_PERCENT - rounded_by:
        return wanted, "weights that add up to less"
    if total > _MOST_PERCENT + rounded_by:
        return wanted, "weights that add up to more"
    return None
