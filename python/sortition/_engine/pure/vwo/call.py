"""The whole outcome of a public call: a decision, and everything that follows from it.

Each function takes a question and returns the answer, the event to send, the record to store, and
the level at which to log the reason. The caller reads the arguments before and acts on the outcome.

Source: VWO spec, sections 3, 4 and 8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sortition._engine.pure.trace import silent
from sortition._engine.pure.vwo import decide, decide_by_key, event, reason
from sortition._engine.pure.vwo.reason import refusal_of, remark_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sortition._engine import vwo as model
    from sortition._engine.pure.vwo.decision import Decision, Request
    from sortition._engine.pure.vwo.settings import Settings

_NO_CAMPAIGN = frozenset(
    {
        reason.CAMPAIGN_UNKNOWN,
        reason.CAMPAIGN_SET_ASIDE,
        reason.CAMPAIGN_NOT_RUNNING,
        reason.GOAL_UNKNOWN,
    }
)


@dataclass(slots=True)
class Impression:
    """A user saw a variation."""

    campaign: model.Campaign
    variation: model.Variation

    def encode(self, visitor: event.Visitor) -> str:
        """The event as it stands in a batch."""
        return event.impression(visitor, self.campaign, self.variation)


@dataclass(slots=True)
class Conversion:
    """A user reached a goal; the revenue is JSON."""

    campaign: model.Campaign
    variation: model.Variation
    goal: model.Goal
    revenue: str | None

    def encode(self, visitor: event.Visitor) -> str:
        """The event as it stands in a batch."""
        return event.conversion(visitor, self.campaign, self.variation, self.goal, self.revenue)


@dataclass(slots=True)
class Outcome:
    """The outcome of a call.

    Attributes:
        decision: The decision, with the record to store: after the event is accepted, or at once
            if there is no event.
        answer: The call's result; None for none.
        event: The event to send.
        remark: The level at which to log the reason.
        refusal: Why the call sends no event; None if it sends one, or never sends any.
    """

    decision: Decision
    answer: model.Answer
    event: Impression | Conversion | None
    remark: model.Remark
    refusal: str | None


def targets(
    settings: Settings, specifier: str | Sequence[str] | None, goal_identifier: str
) -> list[str | int]:
    """The campaigns to credit, by key or by index. The caller calls `convert` for each.

    A key without a running campaign stays a key, so that `convert` gives the reason.
    """
    if isinstance(specifier, str):
        return [specifier]
    if specifier is None:
        return [
            index
            for index, campaign in enumerate(settings.campaigns)
            if campaign.goal(goal_identifier) is not None
        ]
    # If two campaigns have the same key, the platform's SDK credits the last one.
    running = {
        campaign.shown.key: index
        for index, campaign in enumerate(settings.campaigns)
        if campaign.shown.is_running
    }
    return [running.get(key, key) for key in specifier]


def assign(settings: Settings, campaign: str | int, request: Request) -> Outcome:
    """Decide without an event."""
    decision = _choose(settings, campaign, request)
    return Outcome(
        decision,
        None if decision.variation is None else decision.variation.name,
        None,
        remark_of(decision.reason, request.call),
        None,
    )


def look_up(
    settings: Settings, campaign: str | int, request: Request, variable_key: str
) -> Outcome:
    """Decide without an event, and look up a variable of the feature.

    With a variation and no answer, the feature has no such variable.
    """
    outcome = assign(settings, campaign, request)
    decision = outcome.decision
    variable = None
    if decision.campaign is not None and decision.variation is not None:
        variables = _variables_of(decision.campaign, decision.variation)
        variable = next((one for one in variables if one.key == variable_key), None)
    outcome.answer = variable
    return outcome


def show(settings: Settings, campaign: str | int, request: Request) -> Outcome:
    """Decide, and count the user as a visitor.

    A user with a stored record was counted before.
    """
    decision = _choose(settings, campaign, request)
    is_counted_already = decision.has_record and not request.should_track_returning_user
    impression = None
    answer: model.Answer = None
    if decision.campaign is not None and decision.variation is not None:
        answer = decision.variation.name
        if not is_counted_already:
            impression = Impression(decision.campaign, decision.variation)
    if request.call == "is_feature_enabled":
        answer = _has_feature(decision)
    remark = remark_of(decision.reason, request.call)
    # Most users outside a campaign are outside on purpose: no visitor is missing.
    refusal = refusal_of(decision.reason) if remark == "mistake" else None
    return Outcome(decision, answer, impression, remark, refusal)


def convert(
    settings: Settings, campaign: str | int, request: Request, revenue: str | None
) -> Outcome:
    """Decide, and credit the user's conversion.

    The values of the request's event properties are JSON, and so is the revenue. The revenue is
    None if the call gives no value that is true in Python.
    """
    decision = _choose(settings, campaign, request)
    conversion = None
    if decision.campaign is not None and decision.variation is not None and decision.goal:
        properties = request.goal.event_properties if request.goal else {}
        carried = _revenue_of(settings, decision.goal, revenue, properties)
        conversion = Conversion(decision.campaign, decision.variation, decision.goal, carried)
    is_of_no_campaign = isinstance(campaign, str) and decision.reason in _NO_CAMPAIGN
    return Outcome(
        decision,
        None if is_of_no_campaign else conversion is not None,
        conversion,
        remark_of(decision.reason, request.call),
        refusal_of(decision.reason) if conversion is None else None,
    )


def _choose(settings: Settings, campaign: str | int, request: Request) -> Decision:
    if isinstance(campaign, str):
        return decide_by_key(settings, campaign, request, silent)
    return decide(settings, campaign, request, silent)


def _has_feature(decision: Decision) -> bool:
    """Whether the feature is on: in a rollout always, in a test if the variation enables it."""
    if decision.campaign is None or decision.variation is None:
        return False
    return decision.campaign.type != "FEATURE_TEST" or decision.variation.is_feature_enabled is True


def _variables_of(
    campaign: model.Campaign, variation: model.Variation
) -> tuple[model.Variable, ...]:
    """The feature's variables for a user of this variation.

    A rollout has its own variables. In a test they are the variation's, or the control's if the
    feature is off in the variation.
    """
    if campaign.type == "FEATURE_ROLLOUT":
        return campaign.variables
    source: model.Variation | None = variation
    if variation.is_feature_enabled is False:
        source = next((one for one in campaign.variations if str(one.id) == "1"), None)
    return source.variables if source is not None else ()


def _revenue_of(
    settings: Settings, goal: model.Goal, given: str | None, properties: Mapping[str, object]
) -> str | None:
    """The revenue of a conversion, as JSON.

    Source: VWO spec, section 8, 'Which revenue is sent'.
    """
    if given is not None and goal.type == "REVENUE_TRACKING":
        return given
    if not settings.is_event_arch_enabled or goal.revenue_prop is None:
        return None
    json = properties.get(goal.revenue_prop)
    return json if isinstance(json, str) and json != "null" else None
