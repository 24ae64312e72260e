"""The PageSense client: its calls check their arguments and resolve their options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from sortition._base import arguments
from sortition._base.arguments import BadArgumentError
from sortition._base.errors import OptionError
from sortition._client.base import LivingClient
from sortition._client.calling import call, ignores_wrong_arguments
from sortition._client.direct import directly
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
    from logging import Logger

    from sortition._client.direct import DirectOf
    from sortition._core import PagesenseActivated, PagesenseDirect, PagesenseSettings, Queue
    from sortition._engine.pagesense import NamedBy, Settings, Step
    from sortition._pagesense.goal_property import GoalProperties
    from sortition._pagesense.launching import Configuration
    from sortition._settings.live import LiveSettings
    from sortition._settings.webhook import Headers
    from sortition.storages.findings import Finding, Findings

_WEBHOOK_HEADER: Final = "x-oauth-token"
"""The platform's header with a webhook's secret."""


class Client(LivingClient[Snapshot, Delivery]):
    """Decides for one project, and reports what users see and do.

    Create one with `sortition.pagesense.launch`. Safe to use from any number of threads. Calls
    never raise: if an argument is invalid, the call logs that and returns its documented empty
    result. Events wait in a queue, and background threads send each as a request of its own.

    As a context manager, the client closes itself at the end of the block.
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

    @directly("pagesense")
    @call(nothing=None, sends=VISITOR)
    async def activate_experiment(
        self,
        experiment_name: str,
        user_id: str,
        user_attributes: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Return a user's variation of an experiment, and count the user as a visitor.

        Every call counts the user, unless the experiment is in development mode.

        Args:
            experiment_name: The name of a running A/B test, as it stands in the settings.
            user_id: The user's id; any text that is not blank.
            user_attributes: The user's attributes, by name, for the experiment's audiences. They
                are sent along.

        Returns:
            The variation's name; None if the user gets none, if an argument is invalid, and after
            `close`.

        Source: PageSense spec, "Our choices" and sections 3 to 6.2.
        """
        return await self._calls.show(
            self._settings,
            Chosen(name_of("experiment_name", experiment_name)),
            self._asked("activate_experiment", user_id, user_attributes),
        )

    @directly("pagesense")
    @call(nothing=None)
    async def get_variation_name(
        self,
        experiment_name: str,
        user_id: str,
        user_attributes: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Return the name of a user's variation without counting the user.

        Args:
            experiment_name: The name of a running A/B test, as it stands in the settings.
            user_id: The user's id; any text that is not blank.
            user_attributes: The user's attributes, by name, for the experiment's audiences.

        Returns:
            The variation's name; None if the user gets none, if an argument is invalid, and after
            `close`.

        Source: PageSense spec, "Our choices" and sections 3 to 5.
        """
        return await self._calls.assign(
            self._settings,
            Chosen(name_of("experiment_name", experiment_name)),
            self._asked("get_variation_name", user_id, user_attributes),
        )

    @directly("pagesense")
    @call(nothing=None, sends=VISITOR)
    async def activate_experiment_by_identifier(
        self,
        experiment_link_name: str,
        user_id: str,
        user_attributes: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Like `activate_experiment`, with link names.

        Args:
            experiment_link_name: The link name of a running A/B test.
            user_id: As for `activate_experiment`.
            user_attributes: As for `activate_experiment`.

        Returns:
            The variation's link name; None in the cases of `activate_experiment`.

        Source: PageSense spec, "Our choices".
        """
        return await self._calls.show(
            self._settings,
            Chosen(name_of("experiment_link_name", experiment_link_name), "link_name"),
            self._asked("activate_experiment_by_identifier", user_id, user_attributes),
        )

    @directly("pagesense")
    @call(nothing=None)
    async def get_variation_link_name_by_identifier(
        self,
        experiment_link_name: str,
        user_id: str,
        user_attributes: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Like `get_variation_name`, with link names.

        Args:
            experiment_link_name: The link name of a running A/B test.
            user_id: As for `get_variation_name`.
            user_attributes: As for `get_variation_name`.

        Returns:
            The variation's link name; None in the cases of `get_variation_name`.

        Source: PageSense spec, "Our choices".
        """
        return await self._calls.assign(
            self._settings,
            Chosen(name_of("experiment_link_name", experiment_link_name), "link_name"),
            self._asked("get_variation_link_name_by_identifier", user_id, user_attributes),
        )

    @directly("pagesense")
    @call(nothing=None, sends=CONVERSION)
    async def track_goal(
        self,
        experiment_name: str,
        user_id: str,
        goal_name: str,
        user_attributes: Mapping[str, Any] | None = None,
        goal_properties: GoalProperties | None = None,
    ) -> None:
        """Report that a user of an experiment reached a goal.

        The client sends nothing for a user who is not in the experiment. Without attributes, a user
        is only in an experiment for everyone, or if the user storage has a variation for them. A
        goal that is tracked again is sent again.

        Args:
            experiment_name: The name of a running A/B test that counts the goal.
            user_id: The user's id, the same as for `activate_experiment`.
            goal_name: The goal's name, as it stands in the settings.
            user_attributes: The user's attributes, by name, for the experiment's audiences. They
                are sent along.
            goal_properties: Properties of the conversion, by key or by `GoalProperty`. If any are
                given for a goal that counts revenue, they must include ``revenue``: a whole number
                from 0 as text, such as ``"1999"``.

        Returns:
            None, always.

        Source: Track Goal page; PageSense spec, "Our choices" and section 6.4.
        """
        await self._calls.convert(
            self._settings,
            Chosen(name_of("experiment_name", experiment_name)),
            self._asked("track_goal", user_id, user_attributes),
            name_of("goal_name", goal_name),
            properties_of(goal_properties),
        )

    @directly("pagesense")
    @call(nothing=None, sends=CONVERSION)
    async def track_project_goal(
        self,
        goal_name: str,
        user_id: str,
        user_attributes: Mapping[str, Any] | None = None,
        goal_properties: GoalProperties | None = None,
    ) -> None:
        """Report that a user reached a goal, for every experiment that counts it.

        Like the platform's Python SDK, it is also sent for a user who is in none of them.

        Args:
            goal_name: The goal's name, as it stands in the settings.
            user_id: The user's id, the same as for `activate_experiment`.
            user_attributes: The user's attributes, by name, for the experiments' audiences. They
                are sent along.
            goal_properties: As for `track_goal`; a goal that counts revenue requires ``revenue``.

        Returns:
            None, always.

        Source: PageSense spec, "Our choices", sections 6.3 and 7.4.
        """
        await self._calls.convert_in_project(
            self._settings,
            name_of("goal_name", goal_name),
            "name",
            self._asked("track_project_goal", user_id, user_attributes),
            properties_of(goal_properties),
        )

    @directly("pagesense")
    @call(nothing=None, sends=CONVERSION)
    async def track_project_goal_by_identifier(
        self,
        goal_link_name: str,
        user_id: str,
        user_attributes: Mapping[str, Any] | None = None,
        goal_properties: GoalProperties | None = None,
    ) -> None:
        """Like `track_project_goal`, with the goal's link name.

        Args:
            goal_link_name: The goal's link name.
            user_id: As for `track_project_goal`.
            user_attributes: As for `track_project_goal`.
            goal_properties: As for `track_project_goal`.

        Returns:
            None, always.

        Source: PageSense spec, "Our choices"; section 10, D7.
        """
        await self._calls.convert_in_project(
            self._settings,
            name_of("goal_link_name", goal_link_name),
            "link_name",
            self._asked("track_project_goal_by_identifier", user_id, user_attributes),
            properties_of(goal_properties),
        )

    @call(nothing=None)
    async def explain(
        self,
        experiment: str,
        user_id: str,
        user_attributes: Mapping[str, Any] | None = None,
        *,
        goal_name: str | None = None,
        named_by: NamedBy | None = "name",
    ) -> Explanation | None:
        """Explain the result of a call. Nothing is sent or saved.

        The user storage is asked as the call would ask it.

        Args:
            experiment: The experiment's name, or its link name.
            user_id: The user's id.
            user_attributes: As for the call.
            goal_name: The goal's name, to explain `track_goal`.
            named_by: ``name``, or ``link_name`` for the calls by identifier.

        Returns:
            The decision and every step towards it, as data and as text. It contains values of the
            user's attributes. None if an argument is invalid, and after `close`.
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
        decision = await decider.consider(self._settings, chosen, asked, goal, steps)
        return Explanation.of(chosen.name, decision, steps, seen)

    @call(nothing=False)
    async def get_and_update_project_settings(
        self,
        sdk_account_id: str | None = None,
        sdk_key: str | None = None,
        project_name: str | None = None,
    ) -> bool:
        """Fetch the project's settings, and use them from the next call on; stop polling.

        Calls in progress keep their settings. If the answer is not usable, polling continues.

        Args:
            sdk_account_id: The account's id with the data center of the client, such as
                ``12345-US``. This and the other two default to the client's own.
            sdk_key: The project's key.
            project_name: The project's name.

        Returns:
            Whether usable settings arrived, even if they are the same as before. Otherwise the
            client logs why, keeps the old ones, and returns False; also for an invalid argument and
            after `close`.

        Source: PageSense spec, "Our choices" and section 2.4.
        """
        credentials = self._credentials(sdk_account_id, sdk_key, project_name)
        if not self._launch.base_url:
            raise BadArgumentError("the client knows no data center to ask")
        return await self._executor.run("waiting", lambda: self._updated_settings(credentials))

    def _updated_settings(self, credentials: Credentials) -> bool:
        """Fetch settings and use them; whether usable ones came."""
        request = self._launch.platform.request_by(credentials)
        outcome = self._live.ask(request, credentials)
        if outcome.is_success:
            self._live.stop_polling()
            return True
        why = outcome.error
        self._log.recurring_error(
            ("get_and_update_project_settings", outcome.kind or why),
            lambda: f"get_and_update_project_settings: the old settings stay in use: {why}",
        )
        return False

    @call(nothing=UNAVAILABLE)
    def handle_webhook(
        self, headers: Headers, body: object, secret: str | bytes | Sequence[str | bytes]
    ) -> int:
        """Handle a webhook of the platform that announces a relaunched experiment.

        Call it from an endpoint of the service, in any framework. A background thread fetches the
        new settings soon, at most once a second however many webhooks arrive. Polling continues.

        Args:
            headers: The request's headers. The secret may be in ``x-oauth-token``, the platform's
                header, in ``x-webhook-secret``, or in ``Authorization: Bearer``.
            body: The request's content, which is ignored.
            secret: The secret of the webhook, or several secrets while you rotate it.

        Returns:
            The HTTP status to answer with: 202 if the settings will be fetched, 401 if the request
            does not have the secret, 503 if an argument is invalid and after `close`.

        Source: PageSense spec, section 2.4.
        """
        del body
        return self._take_webhook(headers, secret, _WEBHOOK_HEADER)

    @call(nothing=False)
    async def flush(self, timeout_s: float | None = None) -> bool:
        """Send waiting events, and wait for the answers.

        Args:
            timeout_s: How long to wait, in seconds; 30 by default.

        Returns:
            Whether the server accepted all waiting events. False if an argument is invalid, and
            after `close`.
        """
        return bool(await self._flush(timeout_s))

    @ignores_wrong_arguments(
        lambda self: Status.unknown(
            engine=self._launch.engine.name, project_name=None, data_center=None
        )
    )
    def status(self) -> Status:
        """Return the state of the client in this process."""
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

    def _direct_of(self) -> DirectOf[Snapshot] | None:
        queue = self._delivery.queue() if self._refuses_with is None else None
        activated = self._activated.get()

        def direct_of(
            snapshot: Snapshot, levels: dict[int, bool] | None, logger: Logger | None
        ) -> PagesenseDirect:
            from sortition._core import PagesenseDirect  # noqa: PLC0415 -- the engine in use

            settings = cast("PagesenseSettings", snapshot.settings)
            plain = cast("Queue | None", queue)
            known = cast("PagesenseActivated", activated)
            return PagesenseDirect(settings, levels, logger, plain, known)

        return direct_of

    def _not_activated(self) -> dict[str, int]:
        others = self._activated.get().others
        return {CONVERSION: others} if others else {}

    def _decider_with(self, findings: Findings) -> Decider:
        """The decider, which reports faults of the user storage here."""
        launch, storage = self._launch, self._launch.user_storage
        checked = None
        if storage is not None:
            checked = CheckedStorage(storage, findings, self._storage_breaker, self._executor)
        return Decider(launch.engine.module, checked)

    def _asked(self, name: str, user_id: object, user_attributes: object) -> Asked:
        """The checked arguments that calls have in common."""
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
        """The credentials for settings: the given ones, and the client's own for the rest.

        If `launch` received none, the client's own are those in the settings.
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
