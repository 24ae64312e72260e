//! Compiled settings: immutable, and shared by every call that decides.

use std::collections::{HashMap, HashSet};

use super::allocation::Allocation;
use super::audience::Audience;
use crate::hash::Murmur3;
use crate::problem::Problems;

/// The status of an experiment that is running.
const RUNNING: f64 = 2.0;
/// The type of an experiment that is an A/B test.
const AB_TEST: f64 = 14.0;
/// The type of a goal that counts revenue.
const REVENUE: f64 = 11.0;

/// A project's settings, compiled once.
///
/// Source: `PageSense` spec, section 1.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) project_key: Box<str>,
    pub(super) project_name: Box<str>,
    pub(super) portal_name: Box<str>,
    pub(super) sdk_account_id: Box<str>,
    pub(super) sdk_key: Box<str>,
    pub(super) audiences: Box<[Audience]>,
    pub(super) goals: Box<[Goal]>,
    pub(super) experiments: Box<[Experiment]>,
    /// The first experiment of each name.
    pub(super) by_name: HashMap<Box<str>, usize>,
    pub(super) by_link_name: HashMap<Box<str>, usize>,
    pub(super) set_aside: SetAside,
    pub(super) problems: Problems,
}

/// The names of the experiments that were set aside.
#[derive(Clone, Debug, Default)]
pub(super) struct SetAside {
    pub(super) names: HashSet<Box<str>>,
    pub(super) link_names: HashSet<Box<str>>,
}

impl Settings {
    /// The project's key.
    #[must_use]
    pub fn project_key(&self) -> &str {
        &self.project_key
    }

    /// The project's name.
    #[must_use]
    pub fn project_name(&self) -> &str {
        &self.project_name
    }

    /// The name of the portal that the project belongs to.
    #[must_use]
    pub fn portal_name(&self) -> &str {
        &self.portal_name
    }

    /// The account's id, without the data center.
    #[must_use]
    pub fn sdk_account_id(&self) -> &str {
        &self.sdk_account_id
    }

    /// The secret key of the project.
    #[must_use]
    pub fn sdk_key(&self) -> &str {
        &self.sdk_key
    }

    /// The audiences that could be compiled, in the document's order.
    #[must_use]
    pub fn audiences(&self) -> &[Audience] {
        &self.audiences
    }

    /// The goals that could be compiled, in the document's order.
    #[must_use]
    pub fn goals(&self) -> &[Goal] {
        &self.goals
    }

    /// The experiments that could be compiled, in the document's order.
    #[must_use]
    pub fn experiments(&self) -> &[Experiment] {
        &self.experiments
    }

    /// The problems of the document.
    #[must_use]
    pub const fn problems(&self) -> &Problems {
        &self.problems
    }

    /// The index of the first experiment of this name.
    #[must_use]
    pub fn experiment(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The index of the experiment of this link name.
    #[must_use]
    pub fn experiment_by_link_name(&self, link_name: &str) -> Option<usize> {
        self.by_link_name.get(link_name).copied()
    }

    /// The index of the first goal of this name.
    #[must_use]
    pub fn goal(&self, name: &str) -> Option<usize> {
        self.goals.iter().position(|goal| &*goal.name == name)
    }

    /// The index of the goal of this link name.
    #[must_use]
    pub fn goal_by_link_name(&self, link_name: &str) -> Option<usize> {
        self.goals
            .iter()
            .position(|goal| &*goal.link_name == link_name)
    }

    /// The indices of the experiments in which this goal is counted, stopped ones included.
    pub fn experiments_with_goal(&self, goal: usize) -> impl Iterator<Item = usize> {
        self.experiments
            .iter()
            .enumerate()
            .filter(move |(_, experiment)| experiment.goal(goal).is_some())
            .map(|(index, _)| index)
    }
}

/// An experiment of the settings.
#[derive(Clone, Debug)]
pub struct Experiment {
    pub(super) key: Box<str>,
    pub(super) name: Box<str>,
    pub(super) link_name: Box<str>,
    pub(super) experiment_type: f64,
    pub(super) status: f64,
    pub(super) permitted_traffic: f64,
    pub(super) is_development_mode: bool,
    pub(super) environment_key: Box<str>,
    pub(super) language_key: Box<str>,
    /// Its audiences, as indices into the settings'.
    pub(super) audiences: Box<[usize]>,
    pub(super) is_for_everyone: bool,
    pub(super) goals: Box<[MappedGoal]>,
    pub(super) variations: Box<[Variation]>,
    pub(super) allocation: Allocation,
    /// The hash of what every seed string of this experiment starts with.
    pub(super) seed_prefix: Murmur3,
}

impl Experiment {
    /// The experiment's key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The name by which callers find it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The identifier by which callers may find it instead.
    #[must_use]
    pub fn link_name(&self) -> &str {
        &self.link_name
    }

    /// The number of its type: 14 A/B test, 15 feature flag, 16 feature rollout.
    #[must_use]
    pub const fn experiment_type(&self) -> f64 {
        self.experiment_type
    }

    /// The number of its status: 1 draft, 2 running, 3 paused, 4 completed, 5 archived, 6
    /// scheduled.
    #[must_use]
    pub const fn status(&self) -> f64 {
        self.status
    }

    /// Whether it is an A/B test; no other experiment is served.
    #[must_use]
    pub fn is_ab_test(&self) -> bool {
        self.experiment_type == AB_TEST
    }

    /// Whether it is running; no other experiment is served.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.status == RUNNING
    }

    /// The share of users who are let in, in percent.
    #[must_use]
    pub const fn permitted_traffic(&self) -> f64 {
        self.permitted_traffic
    }

    /// Whether visitors are not reported.
    #[must_use]
    pub const fn is_development_mode(&self) -> bool {
        self.is_development_mode
    }

    /// The key of its environment.
    #[must_use]
    pub fn environment_key(&self) -> &str {
        &self.environment_key
    }

    /// The key of its language, as text.
    #[must_use]
    pub fn language_key(&self) -> &str {
        &self.language_key
    }

    /// Its audiences, as indices into the settings'.
    #[must_use]
    pub fn audiences(&self) -> &[usize] {
        &self.audiences
    }

    /// The goals that are counted in it, in the document's order.
    #[must_use]
    pub fn goals(&self) -> &[MappedGoal] {
        &self.goals
    }

    /// The variations, in the order of their keys.
    #[must_use]
    pub fn variations(&self) -> &[Variation] {
        &self.variations
    }

    /// The ranges of the variations, in their order.
    #[must_use]
    pub const fn allocation(&self) -> &Allocation {
        &self.allocation
    }

    /// The index, among the experiment's, of this goal of the settings.
    #[must_use]
    pub fn goal(&self, goal: usize) -> Option<usize> {
        self.goals.iter().position(|mapped| mapped.goal == goal)
    }

    /// The index of the first variation of this key.
    #[must_use]
    pub fn variation(&self, key: &str) -> Option<usize> {
        self.variations
            .iter()
            .position(|variation| &*variation.key == key)
    }
}

/// One arm of an experiment.
#[derive(Clone, Debug)]
pub struct Variation {
    pub(super) key: Box<str>,
    pub(super) name: Box<str>,
    pub(super) link_name: Box<str>,
    pub(super) traffic_distribution: f64,
    pub(super) is_original: bool,
}

impl Variation {
    /// The variation's key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The variation's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The variation's identifier.
    #[must_use]
    pub fn link_name(&self) -> &str {
        &self.link_name
    }

    /// Its share of the permitted traffic, in percent.
    #[must_use]
    pub const fn traffic_distribution(&self) -> f64 {
        self.traffic_distribution
    }

    /// Whether it is the control.
    #[must_use]
    pub const fn is_original(&self) -> bool {
        self.is_original
    }
}

/// A goal of a project.
#[derive(Clone, Debug)]
pub struct Goal {
    pub(super) name: Box<str>,
    pub(super) link_name: Box<str>,
    pub(super) goal_type: f64,
}

impl Goal {
    /// The name by which callers find it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The goal's identifier.
    #[must_use]
    pub fn link_name(&self) -> &str {
        &self.link_name
    }

    /// The number of its type: 10 custom event, 11 revenue.
    #[must_use]
    pub const fn goal_type(&self) -> f64 {
        self.goal_type
    }

    /// Whether it counts revenue.
    #[must_use]
    pub fn counts_revenue(&self) -> bool {
        self.goal_type == REVENUE
    }
}

/// A goal that is counted in an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MappedGoal {
    pub(super) goal: usize,
    pub(super) is_primary: bool,
}

impl MappedGoal {
    /// The goal's index among the settings'.
    #[must_use]
    pub const fn goal(self) -> usize {
        self.goal
    }

    /// Whether it is what the experiment is about.
    #[must_use]
    pub const fn is_primary(self) -> bool {
        self.is_primary
    }
}
