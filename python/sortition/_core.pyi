"""The compiled engine, written in Rust; see `sortition._engine` for what each part means."""

from collections.abc import Callable, Sequence
from logging import Logger
from typing import Any, Final, Protocol, final

from sortition._base.problem import Problem
from sortition._engine import pagesense
from sortition._engine.vwo import Answer, Call, Campaign, Goal, Identifier, Remark, Step, Variation

__all__ = [
    "IS_DEBUG_BUILD",
    "PAGESENSE_REASONS",
    "REASONS",
    "Counts",
    "Flush",
    "InFlight",
    "PagesenseActivated",
    "PagesenseDecision",
    "PagesenseDirect",
    "PagesenseOutcome",
    "PagesenseProfile",
    "PagesenseSettings",
    "Queue",
    "QueuedEvent",
    "SenderPlace",
    "VwoDecision",
    "VwoDirect",
    "VwoOutcome",
    "VwoSettings",
    "__version__",
    "allocation_ranges",
    "direct_method",
    "murmur3_32",
    "pagesense_bucket",
    "pagesense_ranges",
    "python_float",
    "python_integer",
    "python_lower",
    "python_repr",
    "python_search",
    "python_strip",
    "stretched_bucket",
    "traffic_bucket",
    "variation_bucket",
    "vwo_batch",
]

__version__: Final[str]
IS_DEBUG_BUILD: Final[bool]
PAGESENSE_REASONS: Final[tuple[str, ...]]
REASONS: Final[tuple[str, ...]]

def direct_method(
    class_: type, platform: str, name: str, document: str
) -> tuple[Callable[..., object], str]:
    """The descriptor of a public method that answers plain calls without a frame of Python's.

    The class's instances have what answers in their attribute ``_direct``, or None there.

    Args:
        class_: The class.
        platform: ``vwo`` or ``pagesense``.
        name: The method's name.
        document: The method's docstring, with its signature before it, as `inspect` wants it.

    Returns:
        The descriptor, and the name under which the class is to have the method as it is written.

    Raises:
        ValueError: There is no such method.
    """

def murmur3_32(data: bytes, hash_seed: int) -> int: ...
def traffic_bucket(hash: int) -> int: ...  # noqa: A002 -- the field's word for it
def variation_bucket(hash: int) -> int: ...  # noqa: A002
def stretched_bucket(hash: int, percent_traffic: float) -> int: ...  # noqa: A002
def allocation_ranges(weights: Sequence[float]) -> list[tuple[int, int] | None]: ...
def pagesense_bucket(experiment_key: str, user_id: str) -> int: ...
def pagesense_ranges(
    permitted_traffic: float, shares: Sequence[float]
) -> list[tuple[float, float]]: ...
def python_float(text: str) -> float | None: ...
def python_integer(text: str) -> int | None: ...
def python_repr(number: float) -> str: ...
def python_lower(text: str) -> str: ...
def python_strip(text: str) -> str: ...
def python_search(pattern: str, text: str) -> str: ...
def vwo_batch(events: Sequence[bytes]) -> bytes: ...

@final
class VwoSettings:
    """An account's settings, compiled once; see `sortition._engine.vwo.Settings`."""

    @staticmethod
    def compile(document: bytes) -> VwoSettings:
        """Compile a settings document, JSON in UTF-8.

        Raises:
            SettingsError: The document cannot be used at all.
        """

    @property
    def version(self) -> Identifier: ...
    @property
    def account_id(self) -> Identifier: ...
    @property
    def sdk_key(self) -> str | None: ...
    @property
    def is_event_arch_enabled(self) -> bool: ...
    @property
    def collection_prefix(self) -> str | None: ...
    @property
    def campaigns(self) -> tuple[Campaign, ...]: ...
    @property
    def problems(self) -> tuple[Problem, ...]: ...
    @property
    def problem_count(self) -> int: ...
    def visitor_id(self, user_id: str) -> str: ...
    def has_campaign(self, key: str) -> bool: ...
    def campaign_keys(self, most: int) -> tuple[str, ...]: ...
    def goal_identifiers(self, most: int) -> tuple[str, ...]: ...
    def running_campaign(self, key: str) -> Campaign | None: ...
    def campaigns_with_goal(self, goal_identifier: str) -> tuple[Campaign, ...]: ...
    def push_event(self, user_id: str, at_s: int, key: str, value: str) -> bytes: ...
    def decide(
        self,
        call: Call,
        campaign: str | int,
        user_id: str,
        custom_variables: dict[str, object] | None = None,
        variation_targeting_variables: dict[str, object] | None = None,
        records: dict[str, object] | None = None,
        *,
        has_user_storage: bool = False,
        should_track_returning_user: bool = False,
        goal_identifier: str | None = None,
        goal_type_to_track: str = "ALL",
        has_revenue: bool = False,
        event_properties: dict[str, object] | None = None,
        steps: list[Step] | None = None,
    ) -> VwoDecision:
        """Decide for one user and one campaign.

        Raises:
            UnicodeEncodeError: An argument holds half of a surrogate pair.
        """
    def targets(
        self, specifier: str | list[str] | None, goal_identifier: str
    ) -> list[str | int]: ...
    def assign(
        self,
        call: Call,
        campaign: str | int,
        user_id: str,
        custom_variables: dict[str, object] | None = None,
        variation_targeting_variables: dict[str, object] | None = None,
        has_user_storage: bool = False,
        variable_key: str | None = None,
        records: dict[str, object] | None = None,
    ) -> VwoOutcome: ...
    def show(
        self,
        call: Call,
        campaign: str | int,
        user_id: str,
        custom_variables: dict[str, object] | None = None,
        variation_targeting_variables: dict[str, object] | None = None,
        has_user_storage: bool = False,
        should_track_returning_user: bool = False,
        at_s: int | None = None,
        user_agent: str | None = None,
        ip_address: str | None = None,
        records: dict[str, object] | None = None,
    ) -> VwoOutcome: ...
    def convert(
        self,
        campaign: str | int,
        user_id: str,
        goal_identifier: str,
        goal_type_to_track: str = "ALL",
        custom_variables: dict[str, object] | None = None,
        variation_targeting_variables: dict[str, object] | None = None,
        has_user_storage: bool = False,
        should_track_returning_user: bool = False,
        revenue: str | None = None,
        event_properties: dict[str, str] | None = None,
        at_s: int | None = None,
        user_agent: str | None = None,
        ip_address: str | None = None,
        records: dict[str, object] | None = None,
    ) -> VwoOutcome: ...

class _Bell(Protocol):
    def put(self, item: None, /) -> None: ...

@final
class Counts:
    """A ledger's numbers; see `sortition._sending.queue.Counts`."""

    def __new__(cls) -> Counts: ...
    def begin(self, kinds: dict[str, int]) -> InFlight: ...
    def refuse(self, kind: str, reason: str, count: int = 1) -> None: ...
    def leave_out(self, kind: str) -> None: ...
    def adopt(self, kinds: dict[str, int]) -> None: ...
    def drop_spooled(self, kinds: dict[str, int], reason: str) -> None: ...
    def repeat(self, kinds: dict[str, int]) -> None: ...
    def note_html(self, kinds: dict[str, int]) -> None: ...
    @property
    def has_untold(self) -> bool: ...
    def take_untold(self) -> dict[str, int]: ...
    def is_at_rest(self) -> bool: ...
    def total(self, term: str) -> int:
        """How many events of all kinds a term counts.

        Raises:
            ValueError: There is no such term.
        """

    def terms(self) -> dict[str, dict[str, int]]: ...

@final
class InFlight:
    """Events that a call sends itself; see `sortition._sending.queue.InFlight`."""

    def end(self, reason: str | None = None) -> None: ...

@final
class QueuedEvent:
    """An event that a sender has taken; see `sortition._sending.queue.QueuedEvent`."""

    @property
    def number(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def event(self) -> bytes: ...
    @property
    def user(self) -> str: ...
    @property
    def place(self) -> Any: ...

@final
class Flush:
    """The progress that a flush waits for; see `sortition._sending.queue.Flush`."""

    @property
    def left(self) -> int: ...
    @property
    def lost(self) -> int: ...

@final
class SenderPlace:
    """The place of one thread that sends; see `sortition._sending.queue.SenderPlace`."""

    def end_if_idle(self) -> bool: ...
    def end(self) -> None: ...

@final
class Queue:
    """A queue of events; see `sortition._sending.queue.Queue`.

    Safe to use from any number of threads, and from signal handlers and finalizers.
    """

    def __new__(
        cls,
        counts: Counts,
        bell: _Bell,
        *,
        events: int,
        size: int,
        largest: int,
        batch_events: int,
        threads: int,
        is_per_user: bool,
        is_plain: bool,
    ) -> Queue: ...
    @property
    def events(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def threads(self) -> int: ...
    @property
    def flush_count(self) -> int: ...
    @property
    def is_closing(self) -> bool: ...
    def refusal(self, size: int) -> str | None: ...
    def needs_thread(self, user: str = "") -> bool: ...
    def put(self, kind: str, event: bytes, user: str = "", place: object = None) -> str | None: ...
    def readmit(self, kind: str, event: bytes, user: str, place: object) -> None: ...
    def wake(self) -> None: ...
    def flush(self, bell: _Bell) -> Flush: ...
    def close(self, timeout_s: float) -> None: ...
    def limit_time(self, timeout_s: float) -> None: ...
    def time_left_s(self) -> float | None: ...
    def give_up(self) -> tuple[int, int]: ...
    def claim_thread(self) -> SenderPlace | None: ...
    def begin_sleep(self) -> None: ...
    def end_sleep(self) -> None: ...
    def set_batch_events(self, events: int) -> None: ...
    def due_in_s(self, interval_s: float) -> float | None: ...
    def take(self, most_events: int, most_bytes: int) -> list[QueuedEvent]: ...
    def hold(self, event: QueuedEvent, user: str) -> None: ...
    def is_held(self, user: str) -> bool: ...
    def put_back(self, event: QueuedEvent, user: str) -> None: ...
    def set_on_its_way(self, events: Sequence[QueuedEvent], is_on_its_way: bool) -> None: ...
    def end(
        self, events: Sequence[QueuedEvent], reason: str | None, *, gives_up: bool = False
    ) -> int: ...
    def settle(self, events: Sequence[QueuedEvent]) -> None: ...

@final
class VwoDirect:
    """Answers the plain calls of one client, with one snapshot and in one process."""

    def __new__(
        cls,
        settings: VwoSettings,
        log_levels: dict[int, bool] | None,
        logger: Logger | None,
        queue: Queue | None,
        goal_type_to_track: str,
        result_class: type[dict[str, bool]],
    ) -> VwoDirect:
        """See `sortition._client.direct`.

        Args:
            settings: The settings to decide by.
            log_levels: Which levels the client's logger remembers to take or not; None where it
                never takes debug messages.
            logger: That logger; None as above.
            queue: What takes events; None where no plain call may send one.
            goal_type_to_track: The launch option, or its default.
            result_class: What ``track`` returns.
        """

    def is_of_this_process(self) -> bool: ...

@final
class VwoOutcome:
    """The outcome of a call; see `sortition._engine.vwo.Outcome`."""

    @property
    def decision(self) -> VwoDecision: ...
    @property
    def answer(self) -> Answer: ...
    @property
    def sends_event(self) -> bool: ...
    @property
    def event(self) -> bytes | None: ...
    @property
    def revenue(self) -> str | None: ...
    @property
    def record(self) -> dict[str, object] | None: ...
    @property
    def remark(self) -> Remark: ...
    @property
    def refusal(self) -> str | None: ...
    @property
    def is_settled(self) -> bool: ...
    @property
    def records_needed(self) -> tuple[str, ...]: ...

@final
class VwoDecision:
    """A decision and its reason; see `sortition._engine.vwo.Decision`."""

    @property
    def reason(self) -> str: ...
    @property
    def campaign(self) -> Campaign | None: ...
    @property
    def variation(self) -> Variation | None: ...
    @property
    def goal(self) -> Goal | None: ...
    @property
    def has_record(self) -> bool: ...
    @property
    def stores_new_record(self) -> bool: ...
    @property
    def stores_goal_identifiers(self) -> str | None: ...
    @property
    def records_needed(self) -> tuple[str, ...]: ...
    @property
    def gave_up_on_pattern(self) -> bool: ...
    @property
    def pattern_steps(self) -> int: ...

@final
class PagesenseSettings:
    """A project's settings, compiled once; see `sortition._engine.pagesense.Settings`."""

    @staticmethod
    def compile(document: bytes) -> PagesenseSettings:
        """Compile a settings document, JSON in UTF-8.

        Raises:
            SettingsError: The document cannot be used at all.
        """

    @property
    def project_key(self) -> str: ...
    @property
    def project_name(self) -> str: ...
    @property
    def portal_name(self) -> str: ...
    @property
    def sdk_account_id(self) -> str: ...
    @property
    def sdk_key(self) -> str: ...
    @property
    def experiments(self) -> tuple[pagesense.Experiment, ...]: ...
    @property
    def goals(self) -> tuple[pagesense.Goal, ...]: ...
    @property
    def problems(self) -> tuple[Problem, ...]: ...
    @property
    def problem_count(self) -> int: ...
    def experiment(
        self, name: str, named_by: pagesense.NamedBy = "name"
    ) -> pagesense.Experiment | None: ...
    def goal(self, name: str, named_by: pagesense.NamedBy = "name") -> pagesense.Goal | None: ...
    def experiment_names(self, named_by: pagesense.NamedBy, most: int) -> tuple[str, ...]: ...
    def goal_names(self, named_by: pagesense.NamedBy, most: int) -> tuple[str, ...]: ...
    def experiments_with_goal(self, goal_name: str) -> tuple[pagesense.Experiment, ...]: ...
    def decide(
        self,
        experiment: str | int,
        user_id: str,
        attributes: dict[str, object] | None = None,
        profile: pagesense.Profile | None = None,
        *,
        named_by: pagesense.NamedBy = "name",
        has_user_storage: bool = False,
        goal_name: str | None = None,
        steps: list[pagesense.Step] | None = None,
    ) -> PagesenseDecision:
        """Decide for one user and one experiment.

        Raises:
            UnicodeEncodeError: A name holds half of a surrogate pair.
        """

    def assign(
        self,
        experiment: str | int,
        named_by: pagesense.NamedBy,
        user_id: str,
        attributes: dict[str, object] | None = None,
        has_user_storage: bool = False,
        stored: str | None = None,
    ) -> PagesenseOutcome: ...
    def show(
        self,
        experiment: str | int,
        named_by: pagesense.NamedBy,
        user_id: str,
        attributes: dict[str, object] | None = None,
        attributes_json: str = ...,
        has_user_storage: bool = False,
        stored: str | None = None,
    ) -> PagesenseOutcome: ...
    def convert(
        self,
        experiment: str | int,
        named_by: pagesense.NamedBy,
        user_id: str,
        goal_name: str,
        attributes: dict[str, object] | None = None,
        attributes_json: str = ...,
        properties_json: str | None = None,
        revenue: object = None,
        has_user_storage: bool = False,
        stored: str | None = None,
    ) -> PagesenseOutcome: ...
    def convert_in_project(
        self,
        goal_name: str,
        named_by: pagesense.NamedBy,
        user_id: str,
        attributes: dict[str, object] | None = None,
        attributes_json: str = ...,
        properties_json: str | None = None,
        revenue: object = None,
        has_user_storage: bool = False,
        stored: str | None = None,
    ) -> PagesenseOutcome: ...

@final
class PagesenseDirect:
    """Answers the plain calls of one client, with one snapshot and in one process."""

    def __new__(
        cls,
        settings: PagesenseSettings,
        log_levels: dict[int, bool] | None,
        logger: Logger | None,
        queue: Queue | None,
        activated: PagesenseActivated,
    ) -> PagesenseDirect:
        """See `sortition._client.direct`.

        Args:
            settings: The settings to decide by.
            log_levels: As for `VwoDirect`.
            logger: As for `VwoDirect`.
            queue: As for `VwoDirect`.
            activated: The users that this process activated.
        """

    def is_of_this_process(self) -> bool: ...

@final
class PagesenseOutcome:
    """The outcome of a call; see `sortition._engine.pagesense.Outcome`."""

    @property
    def decision(self) -> PagesenseDecision | None: ...
    @property
    def answer(self) -> str | None: ...
    @property
    def experiment_key(self) -> str | None: ...
    @property
    def needs_profile(self) -> bool: ...
    @property
    def is_profile_invalid(self) -> bool: ...
    @property
    def saves_assignment(self) -> bool: ...
    def profile_to_save(self, stored: str) -> str: ...
    @property
    def event(self) -> bytes | None: ...
    @property
    def presumes_activation(self) -> bool: ...
    @property
    def remark(self) -> pagesense.Remark: ...
    @property
    def refusal(self) -> str | None: ...
    @property
    def revenue_fault(self) -> pagesense.RevenueFault | None: ...

@final
class PagesenseActivated:
    """Users that were activated; see `sortition._engine.pagesense.Activated`."""

    def __new__(cls) -> PagesenseActivated: ...
    @property
    def others(self) -> int: ...
    def add(self, experiment_key: str, user_id: str) -> None: ...
    def may_hold(self, experiment_key: str, user_id: str) -> bool: ...
    def count_other(self) -> None: ...

@final
class PagesenseDecision:
    """A decision and its reason; see `sortition._engine.pagesense.Decision`."""

    @property
    def reason(self) -> str: ...
    @property
    def experiment(self) -> pagesense.Experiment | None: ...
    @property
    def variation(self) -> pagesense.Variation | None: ...
    @property
    def goal(self) -> pagesense.MappedGoal | None: ...
    @property
    def saves_assignment(self) -> bool: ...
    @property
    def remark(self) -> pagesense.Remark: ...
    @property
    def refusal(self) -> str | None: ...
    @property
    def needs_profile(self) -> bool: ...

@final
class PagesenseProfile:
    """A user's profile in the user storage; see `sortition._engine.pagesense.Profile`."""

    @staticmethod
    def read(found: object) -> PagesenseProfile:
        """Read what a look-up gave; what is no text, and blank text, is nothing."""

    @property
    def state(self) -> pagesense.ProfileState: ...
    def with_assignment(self, user_id: str, experiment_key: str, variation_key: str) -> str:
        """The profile to save, as JSON text.

        Raises:
            UnicodeEncodeError: An argument holds half of a surrogate pair.
        """
