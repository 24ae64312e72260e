//! The whole outcome of a public call: a decision, and everything that follows from it.
//!
//! Each function takes a question and returns what to answer, which event to send, what to save
//! and how loudly to log the reason. Its caller reads the arguments and carries the outcome out.
//!
//! Source: `PageSense` spec, "Our choices" and sections 3 to 7.

use pythonic::integer;

use super::attributes::Attributes;
use super::decision::{Decision, Request};
use super::event::{self, Visitor};
use super::profile::Profile;
use super::reason::Reason;
use super::settings::{Experiment, Goal, MappedGoal, Settings, Variation};
use super::{ExperimentChoice, decide};
use crate::reason::Remark;
use crate::trace::Silent;

/// How a caller names a goal of the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoalChoice<'a> {
    /// By its name: the first of the document.
    Name(&'a str),
    /// By its link name.
    LinkName(&'a str),
}

/// The revenue in a conversion's properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revenue<'a> {
    /// Nothing.
    Missing,
    /// This text.
    Text(&'a str),
    /// A value that is not text, or text with a lone surrogate.
    Other,
}

/// Why a goal that counts revenue is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevenueFault {
    /// The properties hold no revenue.
    Missing,
    /// The revenue is not the text of a whole number from 0.
    Unreadable,
}

impl RevenueFault {
    /// The name both engines give it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unreadable => "unreadable",
        }
    }
}

/// An event to send.
#[derive(Clone, Debug)]
pub enum Event<'s> {
    /// A user saw a variation.
    Visit {
        /// The experiment.
        experiment: &'s Experiment,
        /// The variation.
        variation: &'s Variation,
    },
    /// A user reached a goal of an experiment.
    Goal {
        /// The experiment.
        experiment: &'s Experiment,
        /// The user's variation.
        variation: &'s Variation,
        /// The goal.
        mapped: MappedGoal,
    },
    /// A user reached a goal of the project.
    ProjectGoal {
        /// The goal.
        goal: &'s Goal,
        /// The variations that the user has of the experiments that count the goal.
        seen: Vec<(&'s Experiment, &'s Variation)>,
    },
}

impl Event<'_> {
    /// The event as the queue holds it.
    ///
    /// The properties of a conversion are a JSON list of fields; `None` where the call gives none.
    #[must_use]
    pub fn encode(
        &self,
        settings: &Settings,
        visitor: &Visitor<'_>,
        properties: Option<&str>,
    ) -> String {
        match self {
            Self::Visit {
                experiment,
                variation,
            } => event::visit(settings, experiment, variation, visitor),
            Self::Goal {
                experiment,
                variation,
                mapped,
            } => event::goal(
                settings,
                (experiment, variation),
                *mapped,
                visitor,
                properties,
            ),
            Self::ProjectGoal { goal, seen } => event::project_goal(
                settings,
                goal,
                seen,
                visitor,
                properties.unwrap_or(event::NO_FIELDS),
            ),
        }
    }
}

/// A variation that a user was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The experiment's index among the settings'.
    pub experiment: usize,
    /// The variation's index among the experiment's.
    pub variation: usize,
}

impl Assignment {
    /// The assignment that a decision saves.
    fn of(decision: &Decision) -> Option<Self> {
        Some(Self {
            experiment: decision.experiment?,
            variation: decision.variation.filter(|_| decision.saves_assignment)?,
        })
    }
}

/// The outcome of a call.
#[derive(Clone, Debug)]
pub struct Outcome<'s> {
    /// The decision; `None` for a goal of the project that exists, since each experiment that
    /// counts it has a decision of its own.
    pub decision: Option<Decision>,
    /// Whether nothing is decided yet: the call is to be asked again with the user's profile.
    pub needs_profile: bool,
    /// The call's result; `None` for none.
    pub answer: Option<&'s str>,
    /// The event to send.
    pub event: Option<Event<'s>>,
    /// The assignments to save in the user's profile.
    pub assignments: Vec<Assignment>,
    /// The level at which to log the reason.
    pub remark: Remark,
    /// Why the call sends no event; `None` if it sends one, or never sends any.
    pub refusal: Option<&'static str>,
    /// Why the goal's revenue cannot be used; nothing was decided then.
    pub revenue_fault: Option<RevenueFault>,
    /// Whether the event is of a user whom the user storage does not know, so that an earlier call
    /// should have activated them.
    pub presumes_activation: bool,
}

impl Outcome<'_> {
    /// The key of the experiment that was decided.
    #[must_use]
    pub fn experiment_key<'s>(&self, settings: &'s Settings) -> Option<&'s str> {
        let index = self.decision.as_ref()?.experiment?;
        settings.experiments().get(index).map(Experiment::key)
    }
}

/// The profile to save, as JSON text, in place of what the user storage holds now.
#[must_use]
pub fn profile_to_save(
    settings: &Settings,
    assignments: &[Assignment],
    user_id: &str,
    known: &Profile,
) -> String {
    let keys = assignments.iter().filter_map(|assignment| {
        let experiment = settings.experiments().get(assignment.experiment)?;
        let variation = experiment.variations().get(assignment.variation)?;
        Some((experiment.key(), variation.key()))
    });
    known.with_assignments(user_id, &keys.collect::<Vec<_>>())
}

/// Decides without an event.
#[must_use]
pub fn assign<'s, A: Attributes>(
    settings: &'s Settings,
    experiment: ExperimentChoice<'_>,
    request: &Request<'_, A>,
) -> Outcome<'s> {
    let decision = decide(settings, experiment, request, &mut Silent);
    let arm = arm_of(settings, &decision);
    let answer = arm.map(|(_, variation)| match experiment {
        ExperimentChoice::LinkName(_) => variation.link_name(),
        ExperimentChoice::Name(_) | ExperimentChoice::Index(_) => variation.name(),
    });
    Outcome {
        needs_profile: decision.reason == Reason::ProfileNeeded,
        answer,
        event: None,
        assignments: Assignment::of(&decision).into_iter().collect(),
        remark: decision.reason.remark(request.goal_name.is_some()),
        refusal: None,
        revenue_fault: None,
        presumes_activation: false,
        decision: Some(decision),
    }
}

/// Decides, and counts the user as a visitor, unless the experiment is in development mode.
#[must_use]
pub fn show<'s, A: Attributes>(
    settings: &'s Settings,
    experiment: ExperimentChoice<'_>,
    request: &Request<'_, A>,
) -> Outcome<'s> {
    let mut outcome = assign(settings, experiment, request);
    let Some(decision) = &outcome.decision else {
        return outcome;
    };
    outcome.event = arm_of(settings, decision)
        .filter(|(experiment, _)| !experiment.is_development_mode())
        .map(|(experiment, variation)| Event::Visit {
            experiment,
            variation,
        });
    // Most users outside an experiment are outside on purpose: no visitor is missing.
    if outcome.remark == Remark::Mistake {
        outcome.refusal = decision.reason.refusal();
    }
    outcome
}

/// Decides, and reports the goal of `request` if the user is in the experiment.
///
/// `revenue` is `None` if the call gives no properties.
#[must_use]
pub fn convert<'s, A: Attributes>(
    settings: &'s Settings,
    experiment: ExperimentChoice<'_>,
    request: &Request<'_, A>,
    revenue: Option<Revenue<'_>>,
) -> Outcome<'s> {
    let goal = request.goal_name.and_then(|name| settings.goal(name));
    let goal = goal.and_then(|goal| settings.goals().get(goal));
    if let Some((goal, revenue)) = goal.zip(revenue)
        && let Some(fault) = fault_of(goal, revenue)
    {
        return refused(fault);
    }
    let mut outcome = assign(settings, experiment, request);
    outcome.answer = None;
    let Some(decision) = &outcome.decision else {
        return outcome;
    };
    outcome.event = arm_of(settings, decision).and_then(|(experiment, variation)| {
        Some(Event::Goal {
            experiment,
            variation,
            mapped: *experiment.goals().get(decision.goal?)?,
        })
    });
    if outcome.event.is_none() {
        outcome.refusal = decision.reason.refusal();
    } else {
        outcome.presumes_activation = decision.reason != Reason::Stored;
    }
    outcome
}

/// Decides for every experiment that counts a goal of the project, and reports the goal, also where
/// the user is in none of them.
///
/// Source: `PageSense` spec, section 7.4.
#[must_use]
pub fn convert_in_project<'s, A: Attributes>(
    settings: &'s Settings,
    goal: GoalChoice<'_>,
    request: &Request<'_, A>,
    revenue: Revenue<'_>,
) -> Outcome<'s> {
    let index = match goal {
        GoalChoice::Name(name) => settings.goal(name),
        GoalChoice::LinkName(name) => settings.goal_by_link_name(name),
    };
    let found = index.and_then(|index| Some((index, settings.goals().get(index)?)));
    let Some((index, goal)) = found else {
        let reason = Reason::GoalUnknown;
        return Outcome {
            decision: Some(Decision::nothing(reason, None, None)),
            remark: Remark::Mistake,
            refusal: reason.refusal(),
            ..nothing()
        };
    };
    if let Some(fault) = fault_of(goal, revenue) {
        return refused(fault);
    }
    let mut seen = Vec::new();
    let mut assignments = Vec::new();
    for experiment in settings.experiments_with_goal(index) {
        let choice = ExperimentChoice::Index(experiment);
        let decision = decide(settings, choice, request, &mut Silent);
        if decision.reason == Reason::ProfileNeeded {
            return Outcome {
                needs_profile: true,
                ..nothing()
            };
        }
        seen.extend(arm_of(settings, &decision));
        assignments.extend(Assignment::of(&decision));
    }
    Outcome {
        event: Some(Event::ProjectGoal { goal, seen }),
        assignments,
        ..nothing()
    }
}

/// An outcome of which nobody needs to hear.
const fn nothing<'s>() -> Outcome<'s> {
    Outcome {
        decision: None,
        needs_profile: false,
        answer: None,
        event: None,
        assignments: Vec::new(),
        remark: Remark::Silent,
        refusal: None,
        revenue_fault: None,
        presumes_activation: false,
    }
}

fn refused<'s>(fault: RevenueFault) -> Outcome<'s> {
    Outcome {
        revenue_fault: Some(fault),
        ..nothing()
    }
}

/// The experiment and the variation that a decision assigned.
fn arm_of<'s>(
    settings: &'s Settings,
    decision: &Decision,
) -> Option<(&'s Experiment, &'s Variation)> {
    let experiment = settings.experiments().get(decision.experiment?)?;
    let variation = experiment.variations().get(decision.variation?)?;
    Some((experiment, variation))
}

/// The fault of a goal's revenue; `None` for a goal that does not count revenue.
fn fault_of(goal: &Goal, revenue: Revenue<'_>) -> Option<RevenueFault> {
    if !goal.counts_revenue() {
        return None;
    }
    match revenue {
        Revenue::Missing => Some(RevenueFault::Missing),
        Revenue::Text(text) if integer::parse(text).is_some_and(|number| number >= 0) => None,
        Revenue::Text(_) | Revenue::Other => Some(RevenueFault::Unreadable),
    }
}
