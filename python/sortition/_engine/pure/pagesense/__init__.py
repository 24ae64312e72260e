"""Zoho PageSense FullStack: decides which variation a user gets.

Source: PageSense spec, sections 3 to 5.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sortition._engine.pure.pagesense import reason
from sortition._engine.pure.pagesense.allocation import owner, permitted_buckets
from sortition._engine.pure.pagesense.attributes import are_complete
from sortition._engine.pure.pagesense.audience import LetsInError, evaluate
from sortition._engine.pure.pagesense.bucket import bucket_of, hash_user
from sortition._engine.pure.pagesense.decision import Decision

if TYPE_CHECKING:
    from collections.abc import Callable

    from sortition._engine.pagesense import NamedBy, Step
    from sortition._engine.pure.pagesense.audience import Audience
    from sortition._engine.pure.pagesense.decision import Request
    from sortition._engine.pure.pagesense.settings import (
        Experiment,
        MappedGoal,
        Settings,
        Variation,
    )
    from sortition._engine.pure.trace import Trace


def decide(
    settings: Settings, choice: str | int, named_by: NamedBy, request: Request, trace: Trace
) -> Decision:
    """Decide for one user and one experiment, which has this name, link name or index.

    The same inputs give the same answer: the decision uses no clock, random numbers or state.
    """
    index: int | None
    if isinstance(choice, int):
        index = choice if 0 <= choice < len(settings.experiments) else None
        is_set_aside = False
    elif named_by == "name":
        index = settings.by_name.get(choice)
        is_set_aside = choice in settings.names_set_aside
    else:
        index = settings.by_link_name.get(choice)
        is_set_aside = choice in settings.link_names_set_aside
    if index is not None:
        return _decide_for(settings, settings.experiments[index], request, trace)
    why = reason.EXPERIMENT_SET_ASIDE if is_set_aside else reason.EXPERIMENT_UNKNOWN
    return Decision(why, tracks_goal=request.goal_name is not None)


def _decide_for(
    settings: Settings, experiment: Experiment, request: Request, trace: Trace
) -> Decision:
    """The order of a decision."""
    refusal, goal = _admit(settings, experiment, request, trace)
    conclude = partial(
        Decision,
        experiment=experiment.shown,
        goal=goal.shown if goal else None,
        tracks_goal=request.goal_name is not None,
    )
    if refusal is not None:
        return conclude(refusal)

    if request.has_user_storage:
        profile = request.profile
        if profile is None:
            return conclude(reason.PROFILE_NEEDED)
        stored = profile.variation(experiment)
        trace(
            lambda: {
                "step": "user_storage",
                "profile": profile.state,
                "variation": stored.shown.name if stored else None,
            }
        )
        if stored is not None:
            return conclude(reason.STORED, variation=stored.shown)

    refusal = _refusal(experiment, request, trace)
    if refusal is not None:
        return conclude(refusal)
    hash_ = hash_user(experiment.shown.key, request.user_id)
    why, variation = _bucketed(experiment, hash_, trace)
    if variation is None:
        return conclude(why)
    return conclude(
        why,
        variation=variation.shown,
        # A user id that cannot be encoded cannot be stored in a profile either.
        saves_assignment=request.has_user_storage and hash_ is not None,
    )


def _admit(
    settings: Settings, experiment: Experiment, request: Request, trace: Trace
) -> tuple[str | None, MappedGoal | None]:
    """Why no user gets a variation of this experiment; None if users may.

    The second value is the goal to track, if any.
    """
    is_running, is_ab_test = experiment.is_running, experiment.is_ab_test
    trace(lambda: {"step": "experiment", "is_running": is_running, "is_ab_test": is_ab_test})
    if not is_running:
        return reason.EXPERIMENT_NOT_RUNNING, None
    if not is_ab_test:
        return reason.WRONG_EXPERIMENT_TYPE, None
    if request.goal_name is None:
        return None, None
    goal = settings.goal(request.goal_name)
    if goal is None:
        return reason.GOAL_UNKNOWN, None
    mapped = experiment.goal(goal)
    trace(lambda: {"step": "goal", "is_mapped": mapped is not None})
    return (reason.GOAL_NOT_MAPPED if mapped is None else None), mapped


def _refusal(experiment: Experiment, request: Request, trace: Trace) -> str | None:
    """Why the user is not in every audience of the experiment; None if the user is."""
    is_for_everyone = experiment.is_for_everyone
    trace(lambda: {"step": "everyone", "is_for_everyone": is_for_everyone})
    if is_for_everyone:
        return None
    is_complete = are_complete(request.attributes)
    trace(lambda: {"step": "attributes", "are_complete": is_complete})
    if not is_complete:
        return reason.ATTRIBUTES_MISSING
    for audience in experiment.audiences:
        outcome = _outcome(audience, request, trace)
        if outcome == "not_matched":
            return reason.AUDIENCE_NOT_MATCHED
        if outcome == "let_in":
            # Later audiences are not evaluated.
            break
    return None


def _outcome(audience: Audience, request: Request, trace: Trace) -> str:
    """The outcome of an audience: ``matched``, ``not_matched`` or ``let_in``."""
    link_name = audience.link_name

    def listen(clause: Callable[[], Step]) -> None:
        trace(lambda: {"step": "clause", "audience": link_name, **clause()})

    try:
        is_matched = evaluate(audience.tree, request.attributes, listen)
        outcome = "matched" if is_matched else "not_matched"
    except LetsInError:
        outcome = "let_in"
    trace(lambda: {"step": "audience", "audience": link_name, "outcome": outcome})
    return outcome


def _bucketed(
    experiment: Experiment, hash_: int | None, trace: Trace
) -> tuple[str, Variation | None]:
    """The variation whose range contains the user's bucket, or the only one; and the reason."""
    bucket = bucket_of(hash_)
    is_only_variation = len(experiment.variations) == 1
    index = 0 if is_only_variation else owner(experiment.allocation, bucket)
    variation = None if index is None else experiment.variations[index]
    permitted_traffic = experiment.shown.permitted_traffic
    trace(
        lambda: {
            "step": "range",
            "hash": hash_,
            "bucket": bucket,
            "permitted_traffic": permitted_traffic,
            "is_only_variation": is_only_variation,
            "variation": variation.shown.name if variation else None,
        }
    )
    if variation is not None:
        return (reason.ONLY_VARIATION if is_only_variation else reason.BUCKETED), variation
    if bucket <= permitted_buckets(permitted_traffic):
        return reason.NO_RANGE, None
    return reason.OUTSIDE_TRAFFIC, None
