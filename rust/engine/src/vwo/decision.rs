//! The input and the result of a decision.

use std::borrow::Cow;

use super::reason::Reason;
use super::segment::Clause;

/// The public call that asks for a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// `activate`
    Activate,
    /// `get_variation_name`
    GetVariationName,
    /// `track`
    Track,
    /// `is_feature_enabled`
    IsFeatureEnabled,
    /// `get_feature_variable_value`
    GetFeatureVariableValue,
}

impl Call {
    /// Every call.
    pub const ALL: [Self; 5] = [
        Self::Activate,
        Self::GetVariationName,
        Self::Track,
        Self::IsFeatureEnabled,
        Self::GetFeatureVariableValue,
    ];

    /// The call's public name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Activate => "activate",
            Self::GetVariationName => "get_variation_name",
            Self::Track => "track",
            Self::IsFeatureEnabled => "is_feature_enabled",
            Self::GetFeatureVariableValue => "get_feature_variable_value",
        }
    }

    /// The call of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|call| call.name() == name)
    }
}

/// The goals that a `track` call credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoalTypeToTrack {
    /// Goals of every type.
    All,
    /// All goals except those that count revenue.
    Custom,
    /// All goals except those that count conversions.
    Revenue,
}

impl GoalTypeToTrack {
    /// The choice of this name, as in the platform's constants.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "ALL" => Some(Self::All),
            "CUSTOM_GOAL" => Some(Self::Custom),
            "REVENUE_TRACKING" => Some(Self::Revenue),
            _ => None,
        }
    }
}

/// The part of a request that only `track` has.
#[derive(Clone, Copy, Debug)]
pub struct GoalRequest<'a, P> {
    /// The goal's identifier.
    pub identifier: &'a str,
    /// Which goals to credit.
    pub type_to_track: GoalTypeToTrack,
    /// Whether the call gives a revenue that is true in Python.
    pub has_revenue: bool,
    /// The event's properties. Only their names matter here.
    pub event_properties: &'a P,
}

/// The user storage's answer for a user and a campaign.
#[derive(Clone, Debug, PartialEq)]
pub enum Stored<'a> {
    /// The storage was not asked.
    NotAsked,
    /// Nothing.
    Nothing,
    /// A value that is not a record.
    Unusable,
    /// A record.
    Record(Record<'a>),
}

/// The readable part of a record of the user storage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record<'a> {
    /// `campaignKey`
    pub campaign_key: Option<Cow<'a, str>>,
    /// `variationName`
    pub variation_name: Option<Cow<'a, str>>,
    /// `goalIdentifiers`: identifiers joined by `_vwo_`.
    pub goal_identifiers: Option<Cow<'a, str>>,
}

/// Looks up the user's stored records for a decision.
pub trait Records {
    /// The user's record of the campaign with this key.
    fn find(&self, campaign_key: &str) -> Stored<'_>;
}

/// Everything a decision depends on, besides the settings.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a, A, R> {
    /// The call that asks.
    pub call: Call,
    /// The user's id.
    pub user_id: &'a str,
    /// The attributes that the campaign's segments compare.
    pub custom_variables: &'a A,
    /// The attributes that whitelisting compares.
    pub variation_targeting_variables: &'a A,
    /// Whether the client has a user storage.
    pub has_user_storage: bool,
    /// The known content of the user storage.
    pub records: &'a R,
    /// Whether to track a conversion that is already recorded.
    pub should_track_returning_user: bool,
    /// The goal to track; `None` for every call but `track`.
    pub goal: Option<GoalRequest<'a, A>>,
}

/// A decision and its reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The reason.
    pub reason: Reason,
    /// The index of the campaign; `None` if no campaign has the key.
    pub campaign: Option<usize>,
    /// The index of the variation in the campaign; `None` without a variation.
    pub variation: Option<usize>,
    /// The index of the goal among the campaign's; `None` outside `track`, or if the campaign lacks the goal.
    pub goal: Option<usize>,
    /// Whether the user storage has a record of this user and campaign, even an unusable one.
    pub has_record: bool,
    /// The record to store once the event is accepted.
    pub write: Option<Write>,
    /// The campaigns, as indices, whose records the engine needs first: repeat the call with them.
    pub records_needed: Vec<usize>,
    /// Whether the engine gave up the search for a pattern, which then counts as no match.
    pub gave_up_on_pattern: bool,
    /// How many steps the searches for patterns took together.
    pub pattern_steps: usize,
}

impl Decision {
    /// A decision that gives no variation.
    #[must_use]
    pub const fn nothing(reason: Reason, campaign: Option<usize>, goal: Option<usize>) -> Self {
        Self {
            reason,
            campaign,
            variation: None,
            goal,
            has_record: false,
            write: None,
            records_needed: Vec::new(),
            gave_up_on_pattern: false,
            pattern_steps: 0,
        }
    }
}

/// A record to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// A new record of the variation, with the goal if there is one.
    NewRecord,
    /// The record as it is, with these goal identifiers.
    GoalIdentifiers(String),
}

/// A step of a decision, as a listener sees it.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The campaign was looked up.
    Campaign {
        /// Whether it is running.
        is_running: bool,
    },
    /// A clause of the campaign's segments was evaluated.
    SegmentClause(Clause),
    /// The campaign's segments were evaluated.
    Segments {
        /// Whether the user matches.
        is_matched: bool,
    },
    /// A clause of a variation's targeting was evaluated.
    WhitelistingClause {
        /// The variation's index.
        variation: usize,
        /// The clause.
        clause: Clause,
    },
    /// Whitelisting was tried.
    Whitelisting {
        /// Whether the campaign has it on.
        is_enabled: bool,
        /// The variations whose targeting matched, as indices.
        matched: Vec<usize>,
        /// The variation that it gives.
        variation: Option<usize>,
    },
    /// The user storage's record was read.
    UserStorage {
        /// Whether there is a record of this campaign.
        has_record: bool,
        /// The variation it names, if the campaign has it.
        variation: Option<usize>,
        /// Whether the record has the goal.
        has_goal: bool,
    },
    /// The user's place in the traffic was looked up.
    Traffic {
        /// The hash.
        hash: u32,
        /// The bucket, `1..=100`.
        bucket: u32,
        /// The campaign's traffic, in percent.
        percent_traffic: f64,
        /// Whether the user is within it.
        is_within: bool,
    },
    /// The campaign's group was evaluated.
    Group {
        /// The group's index.
        group: usize,
        /// Another campaign that has the user by whitelisting.
        whitelisted: Option<usize>,
        /// Another campaign that has the user by a stored record.
        stored: Option<usize>,
        /// The eligible campaigns, as indices.
        eligible: Vec<usize>,
        /// The campaign that wins.
        winner: Option<usize>,
    },
    /// The user's place among the variations was looked up.
    Range {
        /// The hash.
        hash: u32,
        /// The bucket.
        bucket: u64,
        /// The variation whose range holds it.
        variation: Option<usize>,
    },
}
