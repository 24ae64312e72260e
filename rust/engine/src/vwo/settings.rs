//! Compiled settings: immutable, and shared by every call that decides.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::allocation::Allocation;
use super::group::Group;
use super::segment::Segment;
use super::visitor::VisitorIds;
use super::wire::Identifier;
use crate::hash::Murmur3;
use crate::problem::Problems;

/// An account's settings, compiled once.
///
/// Source: VWO spec, section 1.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) version: Identifier,
    pub(super) account_id: Identifier,
    pub(super) sdk_key: Option<Box<str>>,
    pub(super) is_event_arch_enabled: bool,
    pub(super) collection_prefix: Option<Box<str>>,
    pub(super) visitor_ids: VisitorIds,
    pub(super) campaigns: Box<[Campaign]>,
    /// The first running campaign of each key.
    pub(super) by_key: HashMap<Arc<str>, usize>,
    /// The keys of the campaigns that were set aside.
    pub(super) set_aside: HashSet<Box<str>>,
    pub(super) groups: Box<[Group]>,
    /// The names of the variables that segments ask for, by their numbers.
    pub(super) variable_names: Box<[Arc<str>]>,
    pub(super) problems: Problems,
}

impl Settings {
    /// The settings' version.
    #[must_use]
    pub const fn version(&self) -> &Identifier {
        &self.version
    }

    /// The account's id.
    #[must_use]
    pub const fn account_id(&self) -> &Identifier {
        &self.account_id
    }

    /// The secret key of the environment; `None` if the document has none.
    #[must_use]
    pub fn sdk_key(&self) -> Option<&str> {
        self.sdk_key.as_deref()
    }

    /// Whether events are sent in the event-architecture format.
    #[must_use]
    pub const fn is_event_arch_enabled(&self) -> bool {
        self.is_event_arch_enabled
    }

    /// The path segment for the region of the account's data; `None` without one.
    #[must_use]
    pub fn collection_prefix(&self) -> Option<&str> {
        self.collection_prefix.as_deref()
    }

    /// Makes the visitor ids of the account's users.
    #[must_use]
    pub const fn visitor_ids(&self) -> &VisitorIds {
        &self.visitor_ids
    }

    /// The campaigns that could be compiled, in the document's order.
    #[must_use]
    pub fn campaigns(&self) -> &[Campaign] {
        &self.campaigns
    }

    /// The groups of mutually exclusive campaigns.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The names of the variables that segments ask for, by the numbers that the segments give to
    /// [`Attributes::get_numbered`](super::attributes::Attributes::get_numbered).
    #[must_use]
    pub fn variable_names(&self) -> &[Arc<str>] {
        &self.variable_names
    }

    /// The problems of the document.
    #[must_use]
    pub const fn problems(&self) -> &Problems {
        &self.problems
    }

    /// The index of the first running campaign of this key.
    #[must_use]
    pub fn running_campaign(&self, key: &str) -> Option<usize> {
        self.by_key.get(key).copied()
    }

    /// The indices of the campaigns that have this goal, stopped ones included.
    pub fn campaigns_with_goal(&self, goal_identifier: &str) -> impl Iterator<Item = usize> {
        self.campaigns
            .iter()
            .enumerate()
            .filter(|(_, campaign)| campaign.goal(goal_identifier).is_some())
            .map(|(index, _)| index)
    }
}

/// A campaign of the settings.
#[derive(Clone, Debug)]
pub struct Campaign {
    pub(super) id: Identifier,
    pub(super) key: Arc<str>,
    pub(super) name: Option<Arc<str>>,
    pub(super) campaign_type: Option<CampaignType>,
    pub(super) is_running: bool,
    pub(super) percent_traffic: f64,
    /// The users who match the campaign; `None` for all users.
    pub(super) segments: Option<Segment>,
    pub(super) is_forced_variation_enabled: Option<Arc<str>>,
    pub(super) has_whitelisting: bool,
    pub(super) listed_ids: ListedIds,
    pub(super) needs_user_storage: bool,
    /// The hash of what the seed string S starts with.
    pub(super) user_seed: Murmur3,
    pub(super) variation_seed: VariationSeed,
    pub(super) allocation: Allocation,
    pub(super) variations: Box<[Variation]>,
    pub(super) goals: Box<[Goal]>,
    pub(super) variables: Box<[Variable]>,
    /// The index of its group.
    pub(super) group: Option<usize>,
}

impl Campaign {
    /// The campaign's id.
    #[must_use]
    pub const fn id(&self) -> &Identifier {
        &self.id
    }

    /// The campaign's key, by which callers name it.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The campaign's name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The campaign's type; `None` where the document gives none.
    #[must_use]
    pub const fn campaign_type(&self) -> Option<&CampaignType> {
        self.campaign_type.as_ref()
    }

    /// Whether the campaign is running.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.is_running
    }

    /// `isForcedVariationEnabled` as it stands in the document, as JSON.
    #[must_use]
    pub fn is_forced_variation_enabled(&self) -> Option<&str> {
        self.is_forced_variation_enabled.as_deref()
    }

    /// Whether targeting rules may choose a variation before anything else does.
    #[must_use]
    pub const fn has_whitelisting(&self) -> bool {
        self.has_whitelisting
    }

    /// The variations, in the document's order.
    #[must_use]
    pub fn variations(&self) -> &[Variation] {
        &self.variations
    }

    /// The goals, in the document's order.
    #[must_use]
    pub fn goals(&self) -> &[Goal] {
        &self.goals
    }

    /// The variables of a feature rollout.
    #[must_use]
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// The index of its group among the settings' groups.
    #[must_use]
    pub const fn group(&self) -> Option<usize> {
        self.group
    }

    /// The index of the first goal with this identifier.
    #[must_use]
    pub fn goal(&self, identifier: &str) -> Option<usize> {
        self.goals
            .iter()
            .position(|goal| &*goal.identifier == identifier)
    }

    /// The index of the first variation of this name.
    #[must_use]
    pub fn variation(&self, name: &str) -> Option<usize> {
        self.variations
            .iter()
            .position(|variation| &*variation.name == name)
    }
}

/// By which ids the lists of users in segments name a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListedIds {
    /// By the user's own id.
    Raw,
    /// By the user's own id or the visitor id.
    All,
}

/// How a user's place among the variations is hashed.
#[derive(Clone, Copy, Debug)]
pub(super) enum VariationSeed {
    /// The seed string S, stretched by the traffic: the oldest algorithm.
    Stretched,
    /// A seed string that starts so.
    Unstretched(Murmur3),
}

/// The type of a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CampaignType {
    /// An A/B test.
    VisualAb,
    /// A feature that is on in some variations.
    FeatureTest,
    /// A feature that is on for every user who gets in.
    FeatureRollout,
    /// A type that this version does not know.
    Other(Box<str>),
}

impl CampaignType {
    pub(super) fn from_wire(name: &str) -> Self {
        match name {
            "VISUAL_AB" => Self::VisualAb,
            "FEATURE_TEST" => Self::FeatureTest,
            "FEATURE_ROLLOUT" => Self::FeatureRollout,
            other => Self::Other(other.into()),
        }
    }

    /// The type as it stands in the document.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::VisualAb => "VISUAL_AB",
            Self::FeatureTest => "FEATURE_TEST",
            Self::FeatureRollout => "FEATURE_ROLLOUT",
            Self::Other(name) => name,
        }
    }
}

/// One arm of a campaign.
#[derive(Clone, Debug)]
pub struct Variation {
    pub(super) id: Identifier,
    pub(super) name: Arc<str>,
    pub(super) weight: f64,
    pub(super) is_feature_enabled: Option<bool>,
    /// The users who get this variation by whitelisting; `None` for no users.
    pub(super) segments: Option<Segment>,
    pub(super) variables: Box<[Variable]>,
}

impl Variation {
    /// The variation's id.
    #[must_use]
    pub const fn id(&self) -> &Identifier {
        &self.id
    }

    /// The variation's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the feature is on in this variation; `None` where the document does not say.
    #[must_use]
    pub const fn is_feature_enabled(&self) -> Option<bool> {
        self.is_feature_enabled
    }

    /// The variables of this variation.
    #[must_use]
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }
}

/// A goal of a campaign.
#[derive(Clone, Debug)]
pub struct Goal {
    pub(super) id: Identifier,
    pub(super) identifier: Arc<str>,
    pub(super) goal_type: GoalType,
    pub(super) revenue_prop: Option<Arc<str>>,
    /// `mca` is -1: a conversion counts as often as it happens.
    pub(super) counts_every_time: bool,
    pub(super) has_props: bool,
}

impl Goal {
    /// The goal's id.
    #[must_use]
    pub const fn id(&self) -> &Identifier {
        &self.id
    }

    /// The identifier by which callers name it.
    #[must_use]
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// The type of the goal.
    #[must_use]
    pub const fn goal_type(&self) -> &GoalType {
        &self.goal_type
    }

    /// The event property that carries its revenue.
    #[must_use]
    pub fn revenue_prop(&self) -> Option<&str> {
        self.revenue_prop.as_deref()
    }

    /// Whether several conversions of the same user count.
    #[must_use]
    pub const fn may_repeat(&self) -> bool {
        self.counts_every_time || self.has_props
    }
}

/// The type of a goal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GoalType {
    /// Conversions.
    Custom,
    /// The money they brought.
    Revenue,
    /// A type that this version does not know.
    Other(Box<str>),
}

impl GoalType {
    pub(super) fn from_wire(name: &str) -> Self {
        match name {
            "CUSTOM_GOAL" => Self::Custom,
            "REVENUE_TRACKING" => Self::Revenue,
            other => Self::Other(other.into()),
        }
    }

    /// The type as it stands in the document.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Custom => "CUSTOM_GOAL",
            Self::Revenue => "REVENUE_TRACKING",
            Self::Other(name) => name,
        }
    }
}

/// A feature's variable.
#[derive(Clone, Debug)]
pub struct Variable {
    pub(super) id: Identifier,
    pub(super) key: Arc<str>,
    pub(super) variable_type: Arc<str>,
    pub(super) value: Arc<str>,
}

impl Variable {
    /// The variable's id.
    #[must_use]
    pub const fn id(&self) -> &Identifier {
        &self.id
    }

    /// The key by which callers name it.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The type its value is to have: string, integer, double, boolean or json.
    #[must_use]
    pub fn variable_type(&self) -> &str {
        &self.variable_type
    }

    /// The value as it stands in the document, as JSON.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}
