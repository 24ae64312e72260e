"""The settings document exactly as the server sends it.

Source: PageSense spec, section 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sortition._base.problem import Problem
from sortition._engine.pure.document import ProblemError
from sortition._engine.pure.fields import Fields

if TYPE_CHECKING:
    from sortition._engine.vwo import Json

PROJECTS: Final = "projectsettings"
"""The key of the list of projects."""

_MOST_PERCENT: Final = 100


class PagesenseFields(Fields):
    """This platform's rules for fields."""

    __slots__ = ()

    def not_null(self, key: str, wanted: str) -> Json:
        """The value under this key, which is not null."""
        value = self.present(key)
        if value is None:
            raise self.unlike(key, wanted)
        return value

    def text(self, key: str) -> str:
        """A string that is not blank."""
        text = self.string(key)
        if not text:
            raise self.unlike(key, "a string")
        if not text.strip():
            raise self.wrong(key, "a string", "a blank string")
        return text

    def percent(self, key: str) -> float:
        """A number from 0 to 100."""
        percent = self.number_from_zero(key)
        if percent > _MOST_PERCENT:
            raise self.wrong(key, "a number up to 100", "a greater one")
        return percent

    def number_or_text(self, key: str) -> str:
        """A string, or a number of at least 0 as text, a whole number without a fraction."""
        value = self.values.get(key)
        if isinstance(value, str):
            return self.text(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.unlike(key, "a number or a string")
        self.number_from_zero(key)
        return str(int(value)) if value == int(value) else str(value)

    def filled_list(self, key: str) -> list[Json]:
        """A list that is not empty."""
        items = self.items(key)
        if not items:
            raise self.wrong(key, "a list", "an empty list")
        return items


@dataclass(frozen=True, slots=True)
class ProjectWire:
    """The only element of ``projectsettings`` that is read."""

    project_key: str
    project_name: str
    portal_name: str
    sdk_account_id: str
    sdk_key: str
    audiences: list[Json]
    goals: list[Json]
    experiments: list[Json]

    @staticmethod
    def find(value: Json) -> Json:
        """The first of the projects of a document."""
        document = PagesenseFields.read("", value, "document_refused")
        if PROJECTS not in document.values and "campaigns" in document.values:
            wanted = "a settings document of Zoho PageSense"
            raise ProblemError(Problem("", wanted, "one of VWO", "document_refused"))
        return document.filled_list(PROJECTS)[0]

    @staticmethod
    def read(path: str, value: Json) -> ProjectWire:
        """Read the project."""
        project = PagesenseFields.read(path, value, "document_refused")
        project_key = project.text("project_key")
        project_name = project.text("project_name")
        project.text("project_link_name")
        portal_name = project.text("portal_name")
        sdk_account_id = project.text("sdk_account_id")
        sdk_key = project.text("sdk_key")
        for unused in ("sdk_version", "sdk_language", "sdk_environment"):
            project.text(unused)
        return ProjectWire(
            project_key=project_key,
            project_name=project_name,
            portal_name=portal_name,
            sdk_account_id=sdk_account_id,
            sdk_key=sdk_key,
            audiences=project.filled_list("audiences"),
            goals=project.filled_list("goals"),
            experiments=project.filled_list("experiments"),
        )


@dataclass(frozen=True, slots=True)
class AudienceWire:
    """One of ``audiences``."""

    link_name: str
    condition_json: Json

    @staticmethod
    def read(path: str, value: Json) -> AudienceWire:
        """Read an audience."""
        audience = PagesenseFields.read(path, value, "audience_set_aside")
        audience.text("audience_name")
        return AudienceWire(
            link_name=audience.text("audience_link_name"),
            condition_json=audience.not_null("audience_condition_json", "an object"),
        )


@dataclass(frozen=True, slots=True)
class GoalWire:
    """One of ``goals``."""

    name: str
    link_name: str
    type: float

    @staticmethod
    def read(path: str, value: Json) -> GoalWire:
        """Read a goal."""
        goal = PagesenseFields.read(path, value, "goal_set_aside")
        return GoalWire(
            name=goal.text("goal_name"),
            link_name=goal.text("goal_link_name"),
            type=goal.number_from_zero("goal_type"),
        )


@dataclass(frozen=True, slots=True)
class ExperimentWire:
    """One of ``experiments``."""

    key: str
    name: str
    link_name: str
    type: float
    status: float
    permitted_traffic: float
    is_development_mode: bool
    environment_key: str
    language_key: str
    variations: list[VariationWire]
    audiences: list[str]
    goals: list[Json] | ProblemError
    """The elements of a list of goals, or the problem if there is no list."""

    @staticmethod
    def read(path: str, value: Json) -> ExperimentWire:
        """Read an experiment."""
        experiment = PagesenseFields.read(path, value, "experiment_set_aside")
        key = experiment.text("experiment_key")
        name = experiment.text("experiment_name")
        link_name = experiment.text("experiment_link_name")
        experiment_type = experiment.number_from_zero("experiment_type")
        status = experiment.number_from_zero("experiment_status")
        permitted_traffic = experiment.percent("permitted_traffic")
        is_development_mode = experiment.boolean("is_development_mode")
        environment_key = experiment.text("environment_key")
        experiment.text("environment_name")
        language_key = experiment.number_or_text("language_key")
        experiment.text("language_name")
        experiment.filled_list("variations")
        return ExperimentWire(
            key=key,
            name=name,
            link_name=link_name,
            type=experiment_type,
            status=status,
            permitted_traffic=permitted_traffic,
            is_development_mode=is_development_mode,
            environment_key=environment_key,
            language_key=language_key,
            variations=experiment.list_of("variations", VariationWire.read),
            audiences=experiment.list_of("audiences", _read_audience_link_name),
            goals=_goals(experiment),
        )


def _goals(experiment: PagesenseFields) -> list[Json] | ProblemError:
    try:
        return replace(experiment, consequence="goal_unmapped").items("goals")
    except ProblemError as error:
        return error


def _read_audience_link_name(path: str, value: Json) -> str:
    return PagesenseFields.read(path, value, "experiment_set_aside").text("audience_link_name")


@dataclass(frozen=True, slots=True)
class VariationWire:
    """One of an experiment's ``variations``."""

    key: str
    name: str
    link_name: str
    traffic_distribution: float
    is_original: bool

    @staticmethod
    def read(path: str, value: Json) -> VariationWire:
        """Read a variation."""
        variation = PagesenseFields.read(path, value, "experiment_set_aside")
        return VariationWire(
            key=variation.text("variation_key"),
            name=variation.text("variation_name"),
            link_name=variation.text("variation_link_name"),
            traffic_distribution=variation.percent("traffic_distribution"),
            is_original=variation.boolean("is_original"),
        )


@dataclass(frozen=True, slots=True)
class MappedGoalWire:
    """One of an experiment's ``goals``."""

    link_name: str
    is_primary_goal: bool

    @staticmethod
    def read(path: str, value: Json) -> MappedGoalWire:
        """Read a goal of an experiment."""
        goal = PagesenseFields.read(path, value, "goal_unmapped")
        return MappedGoalWire(
            link_name=goal.text("goal_link_name"),
            is_primary_goal=goal.boolean("is_primary_goal"),
        )
