"""The names of the platform's own Python SDK over sortition's client.

    from sortition.compat.pagesense import PageSenseClientBuilder, PageSenseUserContext

    client = PageSenseClientBuilder.create_new_pagesense_client(account_id, sdk_key, project_name)
    context = PageSenseUserContext(user_id, {"Browser": "Chrome"})
    variation = client.activate_experiment("New pricing", context)
    client.track_goal("Sign up", context)

Source: PageSense spec, section 7.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping, Sized
from typing import Any, Final, TypeVar, cast

from sortition import pagesense
from sortition._base import guard
from sortition._base.errors import SortitionError
from sortition._base.log import Log
from sortition._base.options import kind
from sortition._client.calling import complain_of_form, is_of_the_call_itself
from sortition._pagesense.goal_property import GoalProperty, GoalPropertyDataType
from sortition._pagesense.options import (
    DEFAULT_POLL_INTERVAL_S,
    LEAST_POLL_INTERVAL_S,
    MOST_POLL_INTERVAL_S,
)
from sortition._pagesense.storage import UserStorageService
from sortition._sending.ledger import ARGUMENT, CONVERSION, VISITOR
from sortition.storages.profile import UserProfile

__all__ = [
    "GoalProperty",
    "GoalPropertyDataType",
    "PageSenseClient",
    "PageSenseClientBuilder",
    "PageSenseLogger",
    "PageSenseSDKOptions",
    "PageSenseUserContext",
    "UserProfile",
    "UserStorageService",
]

_LEVELS: Final = {
    "TRACE": logging.DEBUG,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARNING": logging.WARNING,
    "ERROR": logging.ERROR,
    "FATAL": logging.CRITICAL,
}
_DEFAULT_LEVEL: Final = "INFO"
_CLASS_NAME: Final = "PageSenseClient"

Method = TypeVar("Method", bound=Callable[..., Any])


class PageSenseLogger:
    """Takes messages. Derive from it, and override the levels that are of interest.

    Source: PageSense spec, section 8.
    """

    def trace(self, class_name: str, message: str) -> None:
        """Take a message; nothing is logged at this level."""

    def debug(self, class_name: str, message: str) -> None:
        """Take what helps to follow a single decision."""

    def info(self, class_name: str, message: str) -> None:
        """Take a change of state that needs no attention."""

    def warning(self, class_name: str, message: str) -> None:
        """Take a change of state that needs attention."""

    def error(self, class_name: str, message: str) -> None:
        """Take a mistake."""

    def fatal(self, class_name: str, message: str) -> None:
        """Take what stops everything; nothing is logged at this level."""


class _Logger:
    """A `PageSenseLogger` as sortition's clients call it."""

    def __init__(self, logger: PageSenseLogger) -> None:
        self._logger = logger

    def log(self, level: int, message: str, /) -> None:
        logger = self._logger
        if level >= logging.ERROR:
            logger.error(_CLASS_NAME, message)
        elif level >= logging.WARNING:
            logger.warning(_CLASS_NAME, message)
        elif level >= logging.INFO:
            logger.info(_CLASS_NAME, message)
        else:
            logger.debug(_CLASS_NAME, message)


class PageSenseSDKOptions:
    """Options of a client. What is refused leaves the earlier value, and is told of.

    Attributes:
        polling_interval: How often settings are asked for, in whole seconds from 10 to 1800;
            anything else counts as 10.
        log_level: ``TRACE``, ``DEBUG``, ``INFO``, ``WARNING``, ``ERROR`` or ``FATAL``; anything
            else counts as ``INFO``.
        custom_logger: What takes the messages; None for the standard ``logging``.
        custom_storage: What keeps assignments; None for nothing.

    Source: PageSense spec, section 7.1.
    """

    def __init__(self) -> None:
        self.polling_interval: Any = DEFAULT_POLL_INTERVAL_S
        self.log_level: Any = _DEFAULT_LEVEL
        self.custom_logger: PageSenseLogger | None = None
        self.custom_storage: UserStorageService | None = None
        self._errors: list[str] = []

    def add_polling_interval(self, polling_interval: Any) -> PageSenseSDKOptions:
        """Set how often settings are asked for; a number of seconds above 0."""
        if isinstance(polling_interval, int | float) and polling_interval > 0:
            self.polling_interval = polling_interval
        else:
            shown = f'"{polling_interval}"'
            self._errors.append(f"Invalid pollingInterval: {shown}. Must be a positive integer.")
        return self

    def add_log_level(self, log_level: Any) -> PageSenseSDKOptions:
        """Set which messages are held back: a name of a level, in any case."""
        if not isinstance(log_level, str) or not log_level.strip():
            self._errors.append("Invalid logLevel: must be a non-empty string.")
        elif log_level.strip().upper() not in _LEVELS:
            self._errors.append(f'Invalid logLevel: "{log_level}" is not a recognized level.')
        else:
            self.log_level = log_level.strip().upper()
        return self

    def add_custom_logger(self, custom_logger: Any) -> PageSenseSDKOptions:
        """Set what takes the messages: an instance of a class derived from `PageSenseLogger`."""
        if isinstance(custom_logger, PageSenseLogger):
            self.custom_logger = custom_logger
        else:
            self._errors.append("Invalid customLogger: must be an instance of PageSenseLogger.")
        return self

    def add_custom_storage(self, custom_storage: Any) -> PageSenseSDKOptions:
        """Set what keeps assignments: an instance of a class derived from `UserStorageService`."""
        if isinstance(custom_storage, UserStorageService):
            self.custom_storage = custom_storage
        else:
            self._errors.append("Invalid customStorage: must be an instance of UserStorageService.")
        return self

    def get_validation_errors(self) -> list[str]:
        """The refused values, in words."""
        return list(self._errors)

    def is_valid(self) -> bool:
        """Whether nothing was refused."""
        return not self._errors


class PageSenseUserContext:
    """A user, and what is known of them.

    Attributes:
        user_id: The user's id.
        user_attributes: What audiences are compared with, by name; None or an empty dictionary
            becomes a new one.
        ip_address: Taken, never used and never sent.

    Source: PageSense spec, section 7.2.
    """

    def __init__(
        self,
        user_id: str,
        user_attributes: dict[str, Any] | None = None,
        ip_address: str | None = None,
    ) -> None:
        self._user_id = user_id
        self._user_attributes = user_attributes or {}
        self._ip_address = ip_address

    @property
    def user_id(self) -> str:
        """The user's id."""
        return self._user_id

    @user_id.setter
    def user_id(self, user_id: str) -> None:
        self._user_id = user_id

    @property
    def user_attributes(self) -> dict[str, Any]:
        """The user's attributes, by name."""
        return self._user_attributes

    @user_attributes.setter
    def user_attributes(self, user_attributes: dict[str, Any] | None) -> None:
        self._user_attributes = user_attributes or {}

    @property
    def ip_address(self) -> str | None:
        """The user's IP address, which is never used and never sent."""
        return self._ip_address

    @ip_address.setter
    def ip_address(self, ip_address: str | None) -> None:
        self._ip_address = ip_address

    def add_user_attribute(self, name: str, value: Any) -> None:
        """Set an attribute."""
        self._user_attributes[name] = value

    def get_user_attribute(self, name: str) -> Any:
        """The value of an attribute; None if there is none."""
        return self._user_attributes.get(name)

    def __repr__(self) -> str:
        # A user's id is in no repr.
        attributes: object = self._user_attributes
        count = len(attributes) if isinstance(attributes, Sized) else "unreadable"
        return f"<PageSenseUserContext with {count} attributes>"


def _call(nothing: object = None, sends: str | None = None) -> Callable[[Method], Method]:
    """Have a method give its nothing where it is called with arguments that it does not take."""

    def decorate(method: Method) -> Method:
        name = method.__name__

        @functools.wraps(method)
        def answer(self: PageSenseClient, /, *args: Any, **kwargs: Any) -> object:
            try:
                return method(self, *args, **kwargs)
            except TypeError as error:
                if not is_of_the_call_itself(error):
                    raise
                complain_of_form(self.client, name, sends, error)
            return nothing

        return cast("Method", answer)

    return decorate


class PageSenseClient:
    """A client of the platform's names over a `sortition.pagesense.Client`.

    Calls never raise: a context of another type, a bad argument and a closed client give None.

    Attributes:
        client: The client itself, with all that sortition adds: ``stats``, ``explain``, ``flush``.

    Source: PageSense spec, section 7.3.
    """

    def __init__(self, client: pagesense.Client) -> None:
        """Use `PageSenseClientBuilder` instead."""
        self.client = client

    def __repr__(self) -> str:
        return f"<PageSenseClient over {self.client!r}>"

    @_call(sends=VISITOR)
    def activate_experiment(
        self, experiment_name: str, user_context: PageSenseUserContext | None = None
    ) -> str | None:
        """See `sortition.pagesense.Client.activate_experiment`."""
        user = self._user("activate_experiment", user_context, VISITOR)
        return user and self.client.activate_experiment(experiment_name, *user)

    @_call()
    def get_variation_name(
        self, experiment_name: str, user_context: PageSenseUserContext | None = None
    ) -> str | None:
        """See `sortition.pagesense.Client.get_variation_name`."""
        user = self._user("get_variation_name", user_context)
        return user and self.client.get_variation_name(experiment_name, *user)

    @_call(sends=VISITOR)
    def activate_experiment_by_identifier(
        self, experiment_link_name: str, user_context: PageSenseUserContext | None = None
    ) -> str | None:
        """See `sortition.pagesense.Client.activate_experiment_by_identifier`."""
        user = self._user("activate_experiment_by_identifier", user_context, VISITOR)
        return user and self.client.activate_experiment_by_identifier(experiment_link_name, *user)

    @_call()
    def get_variation_link_name_by_identifier(
        self, experiment_link_name: str, user_context: PageSenseUserContext | None = None
    ) -> str | None:
        """See `sortition.pagesense.Client.get_variation_link_name_by_identifier`."""
        user = self._user("get_variation_link_name_by_identifier", user_context)
        call = self.client.get_variation_link_name_by_identifier
        return user and call(experiment_link_name, *user)

    @_call(sends=CONVERSION)
    def track_goal(
        self,
        goal_name: str,
        user_context: PageSenseUserContext | None = None,
        goal_properties: Mapping[GoalProperty, Any] | None = None,
    ) -> None:
        """See `sortition.pagesense.Client.track_project_goal`.

        Properties whose key is no `GoalProperty` are left out.
        """
        user = self._user("track_goal", user_context, CONVERSION)
        if user is not None:
            self.client.track_project_goal(goal_name, *user, self._known(goal_properties))

    @_call(sends=CONVERSION)
    def track_goal_by_identifier(
        self,
        goal_link_name: str,
        user_context: PageSenseUserContext | None = None,
        goal_properties: Mapping[GoalProperty, Any] | None = None,
    ) -> None:
        """See `sortition.pagesense.Client.track_project_goal_by_identifier`.

        Properties whose key is no `GoalProperty` are left out.
        """
        user = self._user("track_goal_by_identifier", user_context, CONVERSION)
        if user is not None:
            call = self.client.track_project_goal_by_identifier
            call(goal_link_name, *user, self._known(goal_properties))

    @_call(nothing=False)
    def get_and_update_project_settings(
        self,
        sdk_account_id: str | None = None,
        sdk_key: str | None = None,
        project_name: str | None = None,
    ) -> bool:
        """See `sortition.pagesense.Client.get_and_update_project_settings`."""
        return self.client.get_and_update_project_settings(sdk_account_id, sdk_key, project_name)

    @_call()
    def close(self) -> None:
        """Send what waits, and free threads and connections. May be repeated."""
        self.client.close()

    def _user(
        self, call: str, user_context: object, sends: str | None = None
    ) -> tuple[Any, Any] | None:
        """The id and the attributes of a user; None, which is logged, where there are none."""
        words = f"must be a PageSenseUserContext, got {kind(user_context)}"
        if isinstance(user_context, PageSenseUserContext):
            try:
                return user_context.user_id, user_context.user_attributes
            except Exception as error:  # noqa: BLE001 -- the caller's class may raise anything
                words = f"cannot be read: {type(error).__name__}"
        client = self.client
        client._log.recurring_error(  # noqa: SLF001 -- two faces of one client
            (call, "user_context"), lambda: f"{call}: user_context {words}"
        )
        if sends is not None:
            client._delivery.ledger.refuse(sends, ARGUMENT)  # noqa: SLF001
        return None

    def _known(self, goal_properties: Any) -> Any:
        """The properties whose key is a `GoalProperty`; what cannot be read is left to be refused.

        The platform's SDK leaves the others out without a word.
        """
        if not isinstance(goal_properties, Mapping):
            return goal_properties
        try:
            pairs = list(goal_properties.items())
        except Exception:  # noqa: BLE001 -- the call itself says so
            return goal_properties
        known = {key: one for key, one in pairs if isinstance(key, GoalProperty)}
        if len(known) < len(pairs):
            self.client._log.recurring_error(  # noqa: SLF001
                ("goal_properties", "key"),
                lambda: "goal_properties: what has no GoalProperty as its key is left out",
            )
            for _ in range(len(pairs) - len(known)):
                self.client._delivery.ledger.leave_out(CONVERSION)  # noqa: SLF001
        return known


class PageSenseClientBuilder:
    """Makes clients."""

    @staticmethod
    def create_new_pagesense_client(
        sdk_account_id: str,
        sdk_key: str,
        project_name: str,
        sdk_options: PageSenseSDKOptions | None = None,
        **options: Any,
    ) -> PageSenseClient | None:
        """Make a client with the project's settings as the platform has them now.

        Args:
            sdk_account_id: The account's id and its data center, such as ``12345-US``.
            sdk_key: The project's secret key.
            project_name: The project's name.
            sdk_options: Options under the platform's names.
            **options: Any other option of `sortition.pagesense.launch`.

        Returns:
            The client; None if an argument cannot be used or no usable settings came, which is
            logged.
        """
        given = sdk_options if isinstance(sdk_options, PageSenseSDKOptions) else None
        known = given or PageSenseSDKOptions()
        level: str = known.log_level if known.log_level in [*_LEVELS] else _DEFAULT_LEVEL
        logger = None if known.custom_logger is None else _Logger(known.custom_logger)
        log = Log("pagesense", logger, _LEVELS[level])
        if given is None and sdk_options is not None:
            log.warning("sdk_options is no PageSenseSDKOptions: the defaults are used")
        interval_s = known.polling_interval
        if not _is_interval(interval_s):
            log.warning(
                "the polling interval must be a whole number of seconds from %d to %d: %d is used",
                *(LEAST_POLL_INTERVAL_S, MOST_POLL_INTERVAL_S, DEFAULT_POLL_INTERVAL_S),
            )
            interval_s = DEFAULT_POLL_INTERVAL_S
        launched: dict[str, Any] = {
            "sdk_account_id": sdk_account_id,
            "sdk_key": sdk_key,
            "project_name": project_name,
            "poll_interval_s": interval_s,
            "log_level": _LEVELS[level],
            "logger": logger,
            "user_storage": known.custom_storage,
            **options,
        }
        try:
            return PageSenseClient(pagesense.launch(**launched))
        except SortitionError as error:
            log.error("no client could be made: %s", error)  # noqa: TRY400 -- no bug, no traceback
        except Exception as error:  # noqa: BLE001 -- the outer edge
            guard.report(log, "create_new_pagesense_client", error)
        return None


def _is_interval(value: object) -> bool:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return is_whole and LEAST_POLL_INTERVAL_S <= value <= MOST_POLL_INTERVAL_S  # type: ignore[operator]
