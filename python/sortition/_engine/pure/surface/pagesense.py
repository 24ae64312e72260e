"""PageSense's part of the pure engine's surface; the twin of ``rust/bindings/src/pagesense.rs``."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from sortition._engine.pure.pagesense import call, decide, event
from sortition._engine.pure.pagesense.bucket import bucket_of, hash_user
from sortition._engine.pure.pagesense.compile import compile_settings
from sortition._engine.pure.pagesense.decision import Request
from sortition._engine.pure.pagesense.profile import Profile
from sortition._engine.pure.trace import recording, silent

if TYPE_CHECKING:
    from sortition._base.problem import Problem
    from sortition._engine import pagesense as model
    from sortition._engine.pure.pagesense.settings import Settings


def pagesense_bucket(experiment_key: str, user_id: str) -> int:
    """The bucket of this user in this experiment."""
    return bucket_of(hash_user(experiment_key, user_id))


@final
class PagesenseSettings:
    """A project's settings, compiled once; see `sortition._engine.pagesense.Settings`."""

    __slots__ = ("_settings",)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @staticmethod
    def compile(document: bytes) -> PagesenseSettings:
        """Compile a settings document.

        Raises:
            SettingsError: The document cannot be used at all.
        """
        return PagesenseSettings(compile_settings(document))

    @property
    def project_key(self) -> str:
        """The project's key."""
        return self._settings.project_key

    @property
    def project_name(self) -> str:
        """The project's name."""
        return self._settings.project_name

    @property
    def portal_name(self) -> str:
        """The name of the portal that the project belongs to."""
        return self._settings.portal_name

    @property
    def sdk_account_id(self) -> str:
        """The account's id, without the data center."""
        return self._settings.sdk_account_id

    @property
    def sdk_key(self) -> str:
        """The secret key of the project."""
        return self._settings.sdk_key

    @property
    def experiments(self) -> tuple[model.Experiment, ...]:
        """The experiments that could be compiled."""
        return tuple(experiment.shown for experiment in self._settings.experiments)

    @property
    def goals(self) -> tuple[model.Goal, ...]:
        """The goals that could be compiled."""
        return self._settings.goals

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The first thousand problems of the document."""
        return self._settings.problems.first

    @property
    def problem_count(self) -> int:
        """The number of all problems."""
        return self._settings.problems.count

    def experiment(self, name: str, named_by: model.NamedBy = "name") -> model.Experiment | None:
        """The experiment of this name or link name."""
        names = self._settings.by_name if named_by == "name" else self._settings.by_link_name
        index = names.get(name)
        return None if index is None else self._settings.experiments[index].shown

    def goal(self, name: str, named_by: model.NamedBy = "name") -> model.Goal | None:
        """The goal of this name or link name."""
        settings = self._settings
        find = settings.goal if named_by == "name" else settings.goal_by_link_name
        index = find(name)
        return None if index is None else settings.goals[index]

    def experiment_names(self, named_by: model.NamedBy, most: int) -> tuple[str, ...]:
        """The names or link names of the experiments, but at most those of the first ones."""
        shown = (experiment.shown for experiment in self._settings.experiments[:most])
        return tuple(one.name if named_by == "name" else one.link_name for one in shown)

    def goal_names(self, named_by: model.NamedBy, most: int) -> tuple[str, ...]:
        """The names or link names of the goals, but at most those of the first ones."""
        goals = self._settings.goals[:most]
        return tuple(one.name if named_by == "name" else one.link_name for one in goals)

    def experiments_with_goal(self, goal_name: str) -> tuple[model.Experiment, ...]:
        """The experiments that count the goal of this name, stopped ones included."""
        goal = self._settings.goal(goal_name)
        return tuple(
            experiment.shown
            for experiment in self._settings.experiments
            if goal is not None and experiment.goal(goal) is not None
        )

    def decide(
        self,
        experiment: str | int,
        user_id: str,
        attributes: dict[str, object] | None = None,
        profile: model.Profile | None = None,
        *,
        named_by: model.NamedBy = "name",
        has_user_storage: bool = False,
        goal_name: str | None = None,
        steps: list[model.Step] | None = None,
    ) -> model.Decision:
        """Decide for one user and one experiment."""
        if not (profile is None or isinstance(profile, Profile)):
            raise TypeError("profile: expected one that this engine has read")
        request = Request(
            user_id=user_id,
            attributes=attributes or {},
            has_user_storage=has_user_storage,
            profile=profile,
            goal_name=goal_name,
        )
        trace = silent if steps is None else recording(steps)
        return decide(self._settings, experiment, named_by, request, trace)

    def assign(
        self,
        experiment: str | int,
        named_by: model.NamedBy,
        user_id: str,
        attributes: dict[str, object] | None = None,
        has_user_storage: bool = False,
        stored: str | None = None,
    ) -> PagesenseOutcome:
        """Decide without an event."""
        request = _request(user_id, attributes, has_user_storage, stored)
        return self._outcome(call.assign(self._settings, experiment, named_by, request), request)

    def show(
        self,
        experiment: str | int,
        named_by: model.NamedBy,
        user_id: str,
        attributes: dict[str, object] | None = None,
        attributes_json: str = event.NO_FIELDS,
        has_user_storage: bool = False,
        stored: str | None = None,
    ) -> PagesenseOutcome:
        """Decide, and count the user as a visitor."""
        request = _request(user_id, attributes, has_user_storage, stored)
        outcome = call.show(self._settings, experiment, named_by, request)
        return self._outcome(outcome, request, attributes_json)

    def convert(
        self,
        experiment: str | int,
        named_by: model.NamedBy,
        user_id: str,
        goal_name: str,
        attributes: dict[str, object] | None = None,
        attributes_json: str = event.NO_FIELDS,
        properties_json: str | None = None,
        revenue: object = None,
        has_user_storage: bool = False,
        stored: str | None = None,
    ) -> PagesenseOutcome:
        """Decide, and report a goal of the experiment."""
        request = _request(user_id, attributes, has_user_storage, stored, goal_name)
        outcome = call.convert(
            self._settings,
            experiment,
            named_by,
            request,
            has_properties=properties_json is not None,
            revenue=revenue,
        )
        return self._outcome(outcome, request, attributes_json, properties_json)

    def convert_in_project(
        self,
        goal_name: str,
        named_by: model.NamedBy,
        user_id: str,
        attributes: dict[str, object] | None = None,
        attributes_json: str = event.NO_FIELDS,
        properties_json: str | None = None,
        revenue: object = None,
        has_user_storage: bool = False,
        stored: str | None = None,
    ) -> PagesenseOutcome:
        """Decide for every experiment that counts a goal of the project, and report the goal."""
        request = _request(user_id, attributes, has_user_storage, stored)
        outcome = call.convert_in_project(self._settings, goal_name, named_by, request, revenue)
        return self._outcome(outcome, request, attributes_json, properties_json)

    def _outcome(
        self,
        outcome: call.Outcome,
        request: Request,
        attributes_json: str = event.NO_FIELDS,
        properties_json: str | None = None,
    ) -> PagesenseOutcome:
        encoded = None
        if outcome.event is not None:
            visitor = event.Visitor(request.user_id, attributes_json)
            encoded = outcome.event.encode(self._settings, visitor, properties_json).encode()
        return PagesenseOutcome(outcome, request, encoded)


def _request(
    user_id: str,
    attributes: dict[str, object] | None,
    has_user_storage: bool,
    stored: str | None,
    goal_name: str | None = None,
) -> Request:
    return Request(
        user_id=user_id,
        attributes=attributes or {},
        has_user_storage=has_user_storage,
        profile=None if stored is None else Profile.read(stored),
        goal_name=goal_name,
    )


@final
class PagesenseOutcome:
    """The outcome of a call; see `sortition._engine.pagesense.Outcome`."""

    __slots__ = ("_outcome", "_request", "event")

    def __init__(self, outcome: call.Outcome, request: Request, event: bytes | None) -> None:
        self._outcome = outcome
        self._request = request
        self.event = event

    @property
    def decision(self) -> model.Decision | None:
        """The decision."""
        return self._outcome.decision

    @property
    def answer(self) -> str | None:
        """The call's result."""
        return self._outcome.answer

    @property
    def experiment_key(self) -> str | None:
        """The key of the experiment that was decided."""
        decision = self._outcome.decision
        experiment = None if decision is None else decision.experiment
        return None if experiment is None else experiment.key

    @property
    def needs_profile(self) -> bool:
        """Whether nothing is decided yet."""
        return self._outcome.needs_profile

    @property
    def is_profile_invalid(self) -> bool:
        """Whether the profile was read, but decides nothing."""
        profile = self._request.profile
        return profile is not None and profile.state == "invalid"

    @property
    def saves_assignment(self) -> bool:
        """Whether there is a profile to save."""
        return bool(self._outcome.assignments)

    def profile_to_save(self, stored: str) -> str:
        """The profile to save, as JSON text."""
        return self._outcome.profile_to_save(self._request.user_id, Profile.read(stored))

    @property
    def presumes_activation(self) -> bool:
        """Whether an earlier call should have activated the user."""
        return self._outcome.presumes_activation

    @property
    def remark(self) -> model.Remark:
        """The level at which to log the reason."""
        return self._outcome.remark

    @property
    def refusal(self) -> str | None:
        """Why the call sends no event."""
        return self._outcome.refusal

    @property
    def revenue_fault(self) -> model.RevenueFault | None:
        """Why the goal's revenue is invalid."""
        return self._outcome.revenue_fault
