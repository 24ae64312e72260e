"""The PageSense client: each call checks its arguments and resolves its options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from sortition._base import arguments
from sortition._base.arguments import BadArgumentError
from sortition._base.errors import OptionError
from sortition._client.base import LivingClient
from sortition._client.calling import call, ignores_wrong_arguments
from sortition._pagesense.arguments import filled, name_of
from sortition._pagesense.calls import Calls
from sortition._pagesense.credentials import Credentials, account_of, option_text, split_account
from sortition._pagesense.deciding import Asked, Chosen, Decider
from sortition._pagesense.delivery import Delivery
from sortition._pagesense.explaining import Explanation
from sortition._pagesense.goal_property import properties_of
from sortition._pagesense.result import Status
from sortition._pagesense.snapshot import Snapshot
from sortition._pagesense.storage import CheckedStorage
from sortition._process.forks import PerProcess
from sortition._sending.ledger import CONVERSION, VISITOR
from sortition._settings.webhook import UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sortition._engine.pagesense import NamedBy, Settings, Step
    from sortition._pagesense.goal_property import GoalProperties
    from sortition._pagesense.launching import Configuration
    from sortition._settings.live import LiveSettings
    from sortition._settings.webhook import Headers
    from sortition.storages.findings import Finding, Findings

_WEBHOOK_HEADER: Final = "x-oauth-token"
"""Where the platform puts a webhook's secret."""


class Client(LivingClient[Snapshot, Delivery]):
    """Decides for one project, and reports what users see and do.

    Made by `sortition.pagesense.launch`. Safe to use from any number of threads. Calls never raise:
    a bad argument is logged and gives the documented nothing. Events wait in a queue, and a thread
    of the client sends each in a request of its own.

    As a context manager, it is closed at the end of the block.
    """

    def __init__(self, configuration: Configuration, live: LiveSettings[Snapshot]) -> None:
        """Use `sortition.pagesense.launch` instead."""
        super().__init__(configuration, live, configuration.delivery(live.current))
        self._launch = configuration
        decider = self._decider_with(self._findings())
        self._activated = activated = PerProcess(configuration.engine.module.PagesenseActivated)
        self._calls = Calls(
            decider, self._delivery, configuration.log, self._refusals.note, activated.get
        )

    def __repr__(self) -> str:
        snapshot, engine = self._current.snapshot, self._launch.engine.name
        project = None if snapshot is None else snapshot.settings.project_name
        return f"<sortition.pagesense.Client project={project!r} engine={engine}>"

    @call(nothing=None, sends=VISITOR)
    def activate_experiment(
        self,
        experiment_name: str,
        user_id: str,
        user_attributes: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Give a user their variation of an experiment, and count them as its visitor.

        The visitor is counted with every call, unless the experiment is in development mode.

        Args:
            experiment_name: The name of a running A/B test, as it stands in the settings.
            user_id: The user's id; any text that is not blank.
            user_attributes: What the experiment's audiences are compared with, by name. Sent along.

        Returns:
            The variation's name; None where the user gets none, where an argument is bad, and after
            `close`.

        Source: PageSense spec, "Our choices" and sections 3 to 6.2.
        """
        return self._calls.show(
            self._settings,
            Chosen(name_of("experiment_name", experiment_name)),
            self._asked("activate_experiment", user_id, user_attributes),
        )

    @call(nothing=None)
    def get_variation_name(
        self,
        experiment_name: str,
        user_id: str,
        user_attributes: Mapping[str, Any] | None = None,
    ) -> str | None:
        """The name of a user's variation, without counting them.

        Args:
            experiment_name: The name of a running A/B test, as it stands in the settings.
            user_id: The user's id; any text that is not blank.
            user_attributes: What the experiment's audiences are compared with, by name.

        Returns:
            The variation's name; None where the user gets none, where an argument is bad, and after
            `close`.

        Source: PageSense spec, "Our choices" and sections 3 to 5.
        """
        return self._calls.assign(
            self._settings,
            Chosen(name_of("experiment_name", experiment_name)),
            self._asked("get_variation_name", user_id, user_attributes),
        )

    @call(nothing=None, sends=VISITOR)
    def activate_experiment_by_identifier(
        self,
        experiment_link_name: str,
        user_id: str,
        user_attributes: Mapping[str, Any] | None = None,
    ) -> str | None:
        """The same as `activate_experiment`, by link names.

        Args:
            experiment_link_name: The link name of a running A/B test.
            user_id: As for `activate_experiment`.
            user_attributes: As for `activate_experiment`.

        Returns:
            The variation's link name; None in the cases of `activate_experiment`.

        Source: PageSense spec, "Our choices".
        """
        return self._calls.show(
            self._settings,
            Chosen(name_of("experiment_link_name", experiment_link_name), "link_name"),
            self._asked("activate_experiment_by_identifier", user_id, user_attributes),
        )

    @call(nothing=None)
    def get_variation_link_name_by_identifier(
        self,
        experiment_link_name: str,
        user_id: str,
        user_attributes: Mapping[str, Any] | None = None,
    ) -> str | None:
        """The same as `get_variation_name`, by link names.

        Args:
            experiment_link_name: The link name of a running A/B test.
            user_id: As for `get_variation_name`.
            user_attributes: As for `get_variation_name`.

        Returns:
            The variation's link name; None in the cases of `get_variation_name`.

        Source: PageSense spec, "Our choices".
        """
        return self._calls.assign(
            self._settings,
            Chosen(name_of("experiment_link_name", experiment_link_name), "link_name"),
            self._asked("get_variation_link_name_by_identifier", user_id, user_attributes),
        )

    @call(nothing=None, sends=CONVERSION)
    def track_goal(
        self,
        experiment_name: str,
        user_id: str,
        goal_name: str,
        user_attributes: Mapping[str, Any] | None = None,
        goal_properties: GoalProperties | None = None,
    ) -> None:
        """Report that a user of an experiment reached a goal.

        Nothing is sent for a user who is not in the experiment. Without attributes only those of an
        experiment for everyone are, and those for whom the user storage holds a variation. A goal
        that is tracked again is sent again.

        Args:
            experiment_name: The name of a running A/B test that counts the goal.
            user_id: The user's id, the same as for `activate_experiment`.
            goal_name: The goal's name, as it stands in the settings.
            user_attributes: What the experiment's audiences are compared with, by name. Sent along.
            goal_properties: What is known of the conversion, by the key of each property, or by
                `GoalProperty`. For a goal that counts revenue, ``revenue`` must be among them where
                any are given: a whole number from 0 as text, such as ``"1999"``.

        Returns:
            None, always.

        Source: Track Goal page; PageSense spec, "Our choices" and section 6.4.
        """
        self._calls.convert(
            self._settings,
            Chosen(name_of("experiment_name", experiment_name)),
            self._asked("track_goal", user_id, user_attributes),
            name_of("goal_name", goal_name),
            properties_of(goal_properties),
        )

    @call(nothing=None, sends=CONVERSION)
    def track_project_goal(
        self,
        goal_name: str,
        user_id: str,
        user_attributes: Mapping[str, Any] | None = None,
        goal_properties: GoalProperties | None = None,
    ) -> None:
        """Report that a user reached a goal, for every experiment that counts it.

        It is sent also for a user who is in none of them, as the platform's Python SDK does.

        Args:
            goal_name: The goal's name, as it stands in the settings.
            user_id: The user's id, the same as for `activate_experiment`.
            user_attributes: What the experiments' audiences are compared with, by name. Sent along.
            goal_properties: As for `track_goal`; a goal that counts revenue needs ``revenue``.

        Returns:
            None, always.

        Source: PageSense spec, "Our choices", sections 6.3 and 7.4.
        """
        self._calls.convert_in_project(
            self._settings,
            name_of("goal_name", goal_name),
            "name",
            self._asked("track_project_goal", user_id, user_attributes),
            properties_of(goal_properties),
        )

    @call(nothing=None, sends=CONVERSION)
    def track_project_goal_by_identifier(
        self,
        goal_link_name: str,
        user_id: str,
        user_attributes: Mapping[str, Any] | None = None,
        goal_properties: GoalProperties | None = None,
    ) -> None:
        """The same as `track_project_goal`, by the goal's link name.

        Args:
            goal_link_name: The goal's link name.
            user_id: As for `track_project_goal`.
            user_attributes: As for `track_project_goal`.
            goal_properties: As for `track_project_goal`.

        Returns:
            None, always.

        Source: PageSense spec, "Our choices"; section 10, D7.
        """
        self._calls.convert_in_project(
            self._settings,
            name_of("goal_link_name", goal_link_name),
            "link_name",
            self._asked("track_project_goal_by_identifier", user_id, user_attributes),
            properties_of(goal_properties),
        )

    @call(nothing=None)
    def explain(
        self,
        experiment: str,
        user_id: str,
        user_attributes: Mapping[str, Any] | None = None,
        *,
        goal_name: str | None = None,
        named_by: NamedBy | None = "name",
    ) -> Explanation | None:
        """Why a call would answer what it answers. Nothing is sent or saved.

        The user storage is asked as the call would ask it.

        Args:
            experiment: The experiment's name, or its link name.
            user_id: The user's id.
            user_attributes: As for the call.
            goal_name: The goal's name, to explain `track_goal`.
            named_by: ``name``, or ``link_name`` for the calls by identifier.

        Returns:
            The decision and every step on the way there, as data and as text. It holds what the
            user's attributes were compared with. None where an argument is bad, and after `close`.
        """
        if named_by is None:
            named_by = "name"
        named_by = cast("NamedBy", arguments.one_of("named_by", named_by, ("name", "link_name")))
        chosen = Chosen(name_of("experiment", experiment), named_by)
        asked = self._asked("explain", user_id, user_attributes)
        goal = None if goal_name is None else name_of("goal_name", goal_name)
        steps: list[Step] = []
        seen: list[Finding] = []
        decider = self._decider_with(self._findings(seen))
        decision = decider.consider(self._settings, chosen, asked, goal, steps)
        return Explanation.of(chosen.name, decision, steps, seen)

    @call(nothing=False)
    def get_and_update_project_settings(
        self,
        sdk_account_id: str | None = None,
        sdk_key: str | None = None,
        project_name: str | None = None,
    ) -> bool:
        """Fetch the project's settings, and use them from the next call on; stop polling.

        A call that is under way keeps the settings that it began with. Where no usable settings
        come, polling goes on.

        Args:
            sdk_account_id: The account's id with the data center of the client, such as
                ``12345-US``; by default the client's, like the other two.
            sdk_key: The project's key.
            project_name: The project's name.

        Returns:
            Whether usable settings came, also where they are the same as before. False, with the
            old ones still in use, where none came, which is logged; where an argument is bad, and
            after `close`.

        Source: PageSense spec, "Our choices" and section 2.4.
        """
        launch = self._launch
        credentials = self._credentials(sdk_account_id, sdk_key, project_name)
        if not launch.base_url:
            raise BadArgumentError("the client knows no data center to ask")
        outcome = self._live.ask(launch.platform.request_by(credentials), credentials)
        if outcome.is_success:
            self._live.stop_polling()
            return True
        why = outcome.error
        self._log.recurring_error(
            ("get_and_update_project_settings", why),
            lambda: f"get_and_update_project_settings: the old settings stay in use: {why}",
        )
        return False

    @call(nothing=UNAVAILABLE)
    def handle_webhook(
        self, headers: Headers, body: object, secret: str | bytes | Sequence[str | bytes]
    ) -> int:
        """Take a webhook by which the platform says that an experiment was relaunched.

        For the handler of an endpoint of the service, in any framework. The new settings are
        fetched soon after, by a thread of the client; however many webhooks come, once a second at
        most. Polling goes on.

        Args:
            headers: The request's headers. The secret is looked for in ``x-oauth-token``, where the
                platform puts it, in ``x-webhook-secret``, and in ``Authorization: Bearer``.
            body: The request's content. Nothing in it is believed, or even read.
            secret: The secret that was made for the webhook; or several, while one takes the
                other's place.

        Returns:
            The HTTP status to answer with: 202 where the settings will be fetched, 401 where the
            request does not know the secret, 503 where an argument is bad and after `close`.

        Source: PageSense spec, section 2.4.
        """
        del body
        return self._take_webhook(headers, secret, _WEBHOOK_HEADER)

    @call(nothing=False)
    async def flush(self, timeout_s: float | None = None) -> bool:
        """Send what waits to be sent, and wait for the answers.

        Args:
            timeout_s: How long to wait, in seconds; 30 by default.

        Returns:
            Whether the server accepted all events that waited. False where an argument is bad, and
            after `close`.
        """
        return bool(await self._flush(timeout_s))

    @ignores_wrong_arguments
    def status(self) -> Status:
        """What the client runs on, and how it is in this process."""
        snapshot, launch = self._current.snapshot, self._launch
        settings = None if snapshot is None else snapshot.settings
        return Status.of(
            self._live.status(),
            self._refuses_with,
            self._delivery.health(),
            verifies=self._launch.verifies,
            refused=self._most_refused(),
            storage=self._storage_health(),
            engine=launch.engine.name,
            problems=() if settings is None else settings.problems,
            problem_count=0 if settings is None else settings.problem_count,
            project_name=None if settings is None else settings.project_name,
            data_center=launch.data_center,
        )

    def _not_activated(self) -> dict[str, int]:
        others = self._activated.get().others
        return {CONVERSION: others} if others else {}

    def _decider_with(self, findings: Findings) -> Decider:
        """What decides, and notes here what is wrong with the user storage."""
        launch, storage = self._launch, self._launch.user_storage
        breaker = self._storage_breaker
        checked = None if storage is None else CheckedStorage(storage, findings, breaker)
        return Decider(launch.engine.module, checked)

    def _asked(self, name: str, user_id: object, user_attributes: object) -> Asked:
        """The arguments that calls have in common, checked."""
        return Asked(
            name,
            arguments.short_enough(filled("user_id", user_id)),
            arguments.mapping("user_attributes", user_attributes),
        )

    @property
    def _settings(self) -> Settings:
        return self._snapshot.settings

    def _credentials(
        self, sdk_account_id: object, sdk_key: object, project_name: object
    ) -> Credentials:
        """What to ask for settings with: what is given, and the client's own for the rest.

        Where the launch was given nothing, that is what the settings say.
        """
        known = self._launch.credentials
        if known is None:
            settings = self._settings
            account_id, _ = split_account(settings.sdk_account_id)
            known = Credentials(account_id, settings.sdk_key, settings.project_name)
        account_id, key, project = known.account_id, known.sdk_key, known.project_name
        try:
            if sdk_account_id is not None:
                account_id, named = account_of(sdk_account_id)
                if self._launch.data_center not in (None, named):
                    raise BadArgumentError(
                        "sdk_account_id names another data center than the client's"
                    )
            if sdk_key is not None:
                key = option_text("sdk_key", sdk_key)
            if project_name is not None:
                project = option_text("project_name", project_name)
        except OptionError as error:
            raise BadArgumentError(str(error)) from None
        return Credentials(account_id, key, project)
