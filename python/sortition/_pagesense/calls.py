"""Carries out the outcome of each call: sends its event, and logs its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sortition._pagesense.goal_property import error_of, revenue_of
from sortition._pagesense.remarks import Remarks
from sortition._pagesense.wire import fields_of
from sortition._sending.ledger import CONVERSION, VISITOR

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sortition._base.log import Log
    from sortition._engine.pagesense import Activated, NamedBy, Outcome, Settings
    from sortition._pagesense.deciding import Asked, Chosen, Decider
    from sortition._pagesense.delivery import Delivery


class Calls:
    """The calls of one client; each uses the settings of one document from beginning to end."""

    def __init__(
        self,
        decider: Decider,
        delivery: Delivery,
        log: Log,
        note_refusal: Callable[[str], object],
        activated: Callable[[], Activated],
    ) -> None:
        self._note_refusal = note_refusal
        self._activated = activated
        self._decider = decider
        self._delivery = delivery
        self._log = log
        self._remarks = Remarks(log)

    async def assign(self, settings: Settings, chosen: Chosen, asked: Asked) -> str | None:
        """Decide without an event."""
        question = (
            chosen.name,
            chosen.named_by,
            asked.user_id,
            asked.attributes,
            self._decider.has_storage,
        )
        outcome = await self._decider.ask(settings.assign, question, asked)
        if outcome.remark == "mistake" or self._log.takes_debug:
            self._remarks.note(settings, outcome, chosen, asked.call)
        return outcome.answer

    async def show(self, settings: Settings, chosen: Chosen, asked: Asked) -> str | None:
        """Decide, and count the visitor."""
        attributes_json, left_out = fields_of(asked.attributes)
        question = (
            chosen.name,
            chosen.named_by,
            asked.user_id,
            asked.attributes,
            attributes_json,
            self._decider.has_storage,
        )
        outcome = await self._decider.ask(settings.show, question, asked)
        if outcome.remark == "mistake" or self._log.takes_debug:
            self._remarks.note(settings, outcome, chosen, asked.call)
        self._refuse(VISITOR, outcome)
        answer, experiment_key = outcome.answer, outcome.experiment_key
        if answer is not None and experiment_key is not None:
            self._activated().add(experiment_key, asked.user_id)
        if outcome.event is not None:
            self._note_left_out("user_attributes", left_out, VISITOR)
            self._delivery.accept(VISITOR, asked.user_id, outcome.event)
        return answer

    async def convert(
        self,
        settings: Settings,
        chosen: Chosen,
        asked: Asked,
        goal_name: str,
        properties: Mapping[object, object] | None,
    ) -> None:
        """Report a goal of a user of an experiment, unless the user is not in it."""
        attributes_json, left_out = fields_of(asked.attributes)
        properties_json, properties_left_out = fields_of(properties)
        question = (
            chosen.name,
            chosen.named_by,
            asked.user_id,
            goal_name,
            asked.attributes,
            attributes_json,
            None if properties is None else properties_json,
            revenue_of(properties),
            self._decider.has_storage,
        )
        outcome = await self._decider.ask(settings.convert, question, asked)
        if outcome.revenue_fault is not None:
            raise error_of(outcome.revenue_fault, properties)
        if outcome.remark == "mistake" or self._log.takes_debug:
            self._remarks.note(settings, outcome, chosen, asked.call, goal_name)
        self._refuse(CONVERSION, outcome)
        if outcome.presumes_activation:
            self._note_activation(outcome, asked)
        self._send_goal(outcome, asked, left_out, properties_left_out)

    async def convert_in_project(
        self,
        settings: Settings,
        goal_name: str,
        named_by: NamedBy,
        asked: Asked,
        properties: Mapping[object, object] | None,
    ) -> None:
        """Report a goal of the project, even for a user who is in no experiment."""
        attributes_json, left_out = fields_of(asked.attributes)
        properties_json, properties_left_out = fields_of(properties)
        question = (
            goal_name,
            named_by,
            asked.user_id,
            asked.attributes,
            attributes_json,
            properties_json,
            revenue_of(properties),
            self._decider.has_storage,
        )
        outcome = await self._decider.ask(settings.convert_in_project, question, asked)
        if outcome.revenue_fault is not None:
            raise error_of(outcome.revenue_fault, properties)
        if outcome.remark == "mistake":
            self._remarks.note_unknown_goal(settings, goal_name, named_by, asked.call)
        self._refuse(CONVERSION, outcome)
        self._send_goal(outcome, asked, left_out, properties_left_out)

    def _send_goal(
        self, outcome: Outcome, asked: Asked, left_out: list[str], properties_left_out: list[str]
    ) -> None:
        if outcome.event is not None:
            self._note_left_out("user_attributes", left_out, CONVERSION)
            self._note_left_out("goal_properties", properties_left_out, CONVERSION)
            self._delivery.accept(CONVERSION, asked.user_id, outcome.event)

    def _note_activation(self, outcome: Outcome, asked: Asked) -> None:
        """Count and log a goal of a user whom this process did not activate."""
        activated, experiment_key = self._activated(), outcome.experiment_key
        if experiment_key is None or activated.may_hold(experiment_key, asked.user_id):
            return
        activated.count_other()
        self._remarks.note_not_activated(outcome, asked.call)

    def _refuse(self, kind: str, outcome: Outcome) -> None:
        """Count a refused event."""
        if outcome.refusal is None:
            return
        self._delivery.ledger.refuse(kind, outcome.refusal)
        if outcome.remark == "mistake":
            self._note_refusal(outcome.refusal)

    def _note_left_out(self, name: str, left_out: list[str], event_kind: str) -> None:
        """Count and log the values that an event cannot contain."""
        for what in left_out:
            self._delivery.ledger.leave_out(event_kind)
            self._remarks.note_left_out(name, what)
