//! The input and the result of a decision.

use super::condition::Clause;
use super::profile::{self, Profile};
use super::reason::Reason;

/// The known content of the user storage.
#[derive(Clone, Copy, Debug)]
pub enum Storage<'a> {
    /// There is no user storage.
    Absent,
    /// The storage was not asked.
    NotAsked,
    /// It holds this.
    Holds(&'a Profile),
}

/// Everything a decision depends on, besides the settings.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a, A> {
    /// The user's id; `None` for text with half of a surrogate pair, of which no hash can be made.
    pub user_id: Option<&'a str>,
    /// The user's attributes, for the audiences.
    pub attributes: &'a A,
    /// The known content of the user storage.
    pub storage: Storage<'a>,
    /// The name of the goal to track; `None` without one.
    pub goal_name: Option<&'a str>,
}

/// A decision and its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The reason.
    pub reason: Reason,
    /// The index of the experiment; `None` if no experiment has the name.
    pub experiment: Option<usize>,
    /// The index of the variation in the experiment; `None` without a variation.
    pub variation: Option<usize>,
    /// The index of the goal among the experiment's; `None` where none is tracked or mapped.
    pub goal: Option<usize>,
    /// Whether the assignment is to be saved.
    pub saves_assignment: bool,
}

impl Decision {
    /// A decision that gives no variation.
    #[must_use]
    pub const fn nothing(reason: Reason, experiment: Option<usize>, goal: Option<usize>) -> Self {
        Self {
            reason,
            experiment,
            variation: None,
            goal,
            saves_assignment: false,
        }
    }
}

/// How an audience came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The user is in it.
    Matched,
    /// The user is not.
    NotMatched,
    /// It cannot be evaluated, and lets the user in.
    LetIn,
}

impl Outcome {
    /// The name both engines give it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::NotMatched => "not_matched",
            Self::LetIn => "let_in",
        }
    }
}

/// A step of a decision, as a listener sees it.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The experiment was looked up.
    Experiment {
        /// Whether it is running.
        is_running: bool,
        /// Whether it is an A/B test.
        is_ab_test: bool,
    },
    /// The goal was looked up.
    Goal {
        /// Whether it is counted in the experiment.
        is_mapped: bool,
    },
    /// The user's profile was read.
    UserStorage {
        /// Whether it was read, and whether it decides.
        state: profile::State,
        /// The variation that is stored for the experiment, where it still has it.
        variation: Option<usize>,
    },
    /// The experiment is for everybody or not.
    Everyone {
        /// Whether it is.
        is_for_everyone: bool,
    },
    /// The attributes as a whole were checked.
    Attributes {
        /// Whether there are any, all with a name and a value.
        are_complete: bool,
    },
    /// A condition of an audience was evaluated.
    Clause {
        /// The audience's index among the settings'.
        audience: usize,
        /// The condition.
        clause: Clause,
    },
    /// An audience was evaluated.
    Audience {
        /// The audience's index among the settings'.
        audience: usize,
        /// How it came out.
        outcome: Outcome,
    },
    /// The user's place among the variations was looked up.
    Range {
        /// The hash; `None` if there is none.
        hash: Option<u32>,
        /// The bucket, `0..=9999`.
        bucket: u32,
        /// The permitted traffic, in percent.
        permitted_traffic: f64,
        /// Whether the experiment has no other variation, so that everybody gets it.
        is_only_variation: bool,
        /// The variation that the user gets.
        variation: Option<usize>,
    },
}
