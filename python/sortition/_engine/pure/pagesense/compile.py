"""Compiles a settings document into immutable settings and a list of problems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sortition._base.errors import SettingsError
from sortition._base.problem import Problem
from sortition._engine import pagesense as model
from sortition._engine.pure.document import ProblemError, parse
from sortition._engine.pure.pagesense.allocation import ranges
from sortition._engine.pure.pagesense.audience import Audience, compile_tree
from sortition._engine.pure.pagesense.settings import (
    REVENUE,
    Experiment,
    MappedGoal,
    Settings,
    Variation,
)
from sortition._engine.pure.pagesense.wire import (
    PROJECTS,
    AudienceWire,
    ExperimentWire,
    GoalWire,
    MappedGoalWire,
    ProjectWire,
    VariationWire,
)
from sortition._engine.pure.problem import Problems

if TYPE_CHECKING:
    from sortition._base.problem import Consequence
    from sortition._engine.vwo import Json

_EVERYONE: Final = "all"
"""The link name of the audience of all visitors."""


def compile_settings(document: bytes) -> Settings:
    """Compile a settings document, JSON in UTF-8.

    The settings list the problems of single parts.

    Raises:
        SettingsError: The document is not usable at all: it is not JSON, has no project, or every
            experiment is broken.
    """
    path = f"{PROJECTS}[0]"
    try:
        wire = ProjectWire.read(path, ProjectWire.find(parse(document)))
    except ProblemError as error:
        raise SettingsError((error.problem,)) from None
    compiler = _Compiler()
    for index, value in enumerate(wire.audiences):
        compiler.add_audience(f"{path}.audiences[{index}]", value)
    for index, value in enumerate(wire.goals):
        compiler.add_goal(f"{path}.goals[{index}]", value)
    for index, value in enumerate(wire.experiments):
        compiler.add_experiment(f"{path}.experiments[{index}]", value)
    return compiler.finish(wire)


class _Compiler:
    def __init__(self) -> None:
        # The audience of each link name; None if several have it.
        self.audiences: dict[str, Audience | None] = {}
        self.goals_by_link_name: dict[str, int | None] = {}
        self.goals: list[model.Goal] = []
        self.goal_names: set[str] = set()
        self.experiments: list[Experiment] = []
        # The place of each experiment's link name, in case a later experiment has the same one.
        self.link_name_paths: list[str] = []
        self.by_link_name: dict[str, int] = {}
        self.names_set_aside: set[str] = set()
        self.link_names_set_aside: set[str] = set()
        self.problems = Problems()

    def add_audience(self, path: str, value: Json) -> None:
        try:
            wire = AudienceWire.read(path, value)
        except ProblemError as error:
            self.problems.append(error.problem)
            return
        if wire.link_name in self.audiences:
            self.audiences[wire.link_name] = None
            self.problems.append(
                Problem(
                    f"{path}.audience_link_name",
                    "a link name of its own",
                    "that of another audience",
                    "audience_set_aside",
                )
            )
            return
        path = f"{path}.audience_condition_json"
        tree = compile_tree(path, wire.condition_json, self.problems)
        self.audiences[wire.link_name] = Audience(wire.link_name, tree)

    def add_goal(self, path: str, value: Json) -> None:
        try:
            wire = GoalWire.read(path, value)
        except ProblemError as error:
            self.problems.append(error.problem)
            return
        if wire.link_name in self.goals_by_link_name:
            self.goals_by_link_name[wire.link_name] = None
            self.problems.append(
                Problem(
                    f"{path}.goal_link_name",
                    "a link name of its own",
                    "that of another goal",
                    "goal_set_aside",
                )
            )
            return
        path = f"{path}.goal_name"
        self.note_double(self.goal_names, wire.name, path, "a name", "goal")
        self.goals_by_link_name[wire.link_name] = len(self.goals)
        goal = model.Goal(wire.name, wire.link_name, wire.type, wire.type == REVENUE)
        self.goals.append(goal)

    def note_double(self, given: set[str], name: str, path: str, what: str, of: str) -> None:
        """Record a name, and a problem if another part already has it."""
        if name in given:
            self.problems.add(path, f"{what} of its own", f"that of another {of}", "ambiguous")
        given.add(name)

    def add_experiment(self, path: str, value: Json) -> None:
        try:
            self.keep(path, ExperimentWire.read(path, value))
        except ProblemError as error:
            self.problems.append(error.problem)
            if isinstance(value, dict):
                name, link_name = value.get("experiment_name"), value.get("experiment_link_name")
                self.names_set_aside.update([name] if isinstance(name, str) else [])
                self.link_names_set_aside.update([link_name] if isinstance(link_name, str) else [])

    def keep(self, path: str, wire: ExperimentWire) -> None:
        """Add an experiment; it replaces an earlier one with the same link name."""
        index = self.by_link_name.get(wire.link_name, len(self.experiments))
        experiment = self.compile_experiment(path, wire, index)
        link_name_path = f"{path}.experiment_link_name"
        if index == len(self.experiments):
            self.by_link_name[wire.link_name] = index
            self.experiments.append(experiment)
            self.link_name_paths.append(link_name_path)
            return
        self.problems.append(
            Problem(
                self.link_name_paths[index],
                "a link name of its own",
                "that of a later experiment",
                "experiment_set_aside",
            )
        )
        self.names_set_aside.add(self.experiments[index].shown.name)
        self.experiments[index] = experiment
        self.link_name_paths[index] = link_name_path

    def compile_experiment(self, path: str, wire: ExperimentWire, index: int) -> Experiment:
        audiences = self.audiences_of(f"{path}.audiences", wire.audiences)
        goals = self.goals_of(f"{path}.goals", wire.goals)
        self.note_double_variations(f"{path}.variations", wire.variations)
        # By code point; equal keys keep their order.
        wires = sorted(wire.variations, key=lambda variation: variation.key)
        shares = [variation.traffic_distribution for variation in wires]
        allocation = tuple(ranges(wire.permitted_traffic, shares))
        variations = tuple(
            Variation(
                model.Variation(
                    key=variation.key,
                    name=variation.name,
                    link_name=variation.link_name,
                    traffic_distribution=variation.traffic_distribution,
                    is_original=variation.is_original,
                    first_bucket=first,
                    last_bucket=last,
                )
            )
            for variation, (first, last) in zip(wires, allocation, strict=True)
        )
        return Experiment(
            shown=model.Experiment(
                index=index,
                key=wire.key,
                name=wire.name,
                link_name=wire.link_name,
                type=wire.type,
                status=wire.status,
                permitted_traffic=wire.permitted_traffic,
                is_development_mode=wire.is_development_mode,
                environment_key=wire.environment_key,
                language_key=wire.language_key,
                audiences=tuple(audience.link_name for audience in audiences),
                goals=tuple(goal.shown for goal in goals),
                variations=tuple(variation.shown for variation in variations),
            ),
            audiences=audiences,
            is_for_everyone=_EVERYONE in wire.audiences,
            goals=goals,
            variations=variations,
            allocation=allocation,
        )

    def audiences_of(self, path: str, link_names: list[str]) -> tuple[Audience, ...]:
        audiences: list[Audience] = []
        for index, link_name in enumerate(link_names):
            audience = self.audiences.get(link_name)
            if audience is None:
                place = f"{path}[{index}].audience_link_name"
                raise _unknown(place, "audience", "experiment_set_aside")
            audiences.append(audience)
        return tuple(audiences)

    def goals_of(self, path: str, values: list[Json] | ProblemError) -> tuple[MappedGoal, ...]:
        """The goals that an experiment counts, without the broken ones."""
        if isinstance(values, ProblemError):
            self.problems.append(values.problem)
            return ()
        goals: list[MappedGoal] = []
        for index, value in enumerate(values):
            try:
                wire = MappedGoalWire.read(f"{path}[{index}]", value)
                goal = self.goals_by_link_name.get(wire.link_name)
                if goal is None:
                    place = f"{path}[{index}].goal_link_name"
                    raise _unknown(place, "goal", "goal_unmapped")
            except ProblemError as error:
                self.problems.append(error.problem)
                continue
            goals.append(MappedGoal(model.MappedGoal(self.goals[goal], wire.is_primary_goal), goal))
        return tuple(goals)

    def note_double_variations(self, path: str, wires: list[VariationWire]) -> None:
        keys: set[str] = set()
        names: set[str] = set()
        link_names: set[str] = set()
        for index, wire in enumerate(wires):
            place = f"{path}[{index}]"
            self.note_double(keys, wire.key, f"{place}.variation_key", "a key", "variation")
            self.note_double(names, wire.name, f"{place}.variation_name", "a name", "variation")
            link_name = f"{place}.variation_link_name"
            self.note_double(link_names, wire.link_name, link_name, "a link name", "variation")

    def note_double_experiments(self) -> None:
        names: set[str] = set()
        for experiment, path in zip(self.experiments, self.link_name_paths, strict=True):
            place = path.replace("experiment_link_name", "experiment_name")
            self.note_double(names, experiment.shown.name, place, "a name", "experiment")

    def finish(self, wire: ProjectWire) -> Settings:
        if not self.experiments:
            raise SettingsError(self.problems.first, self.problems.count)
        self.note_double_experiments()
        by_name: dict[str, int] = {}
        for index, experiment in enumerate(self.experiments):
            by_name.setdefault(experiment.shown.name, index)
        return Settings(
            project_key=wire.project_key,
            project_name=wire.project_name,
            portal_name=wire.portal_name,
            sdk_account_id=wire.sdk_account_id,
            sdk_key=wire.sdk_key,
            goals=tuple(self.goals),
            experiments=tuple(self.experiments),
            by_name=by_name,
            by_link_name=self.by_link_name,
            names_set_aside=frozenset(self.names_set_aside),
            link_names_set_aside=frozenset(self.link_names_set_aside),
            problems=self.problems,
        )


def _unknown(path: str, what: str, consequence: Consequence) -> ProblemError:
    wanted = f"the link name of one usable {what}"
    return ProblemError(Problem(path, wanted, "another one", consequence))
