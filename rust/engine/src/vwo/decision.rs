//! What goes into a decision and what comes out of it.

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

/// Which goals a `track` call is to credit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoalTypeToTrack {
    /// Goals of every type.
    All,
    /// All but those that count revenue.
    Custom,
    /// All but those that count conversions.
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

/// What a `track` call adds to a request.
#[derive(Clone, Copy, Debug)]
pub struct GoalRequest<'a, P> {
    /// The goal's identifier.
    pub identifier: &'a str,
    /// Which goals to credit.
    pub type_to_track: GoalTypeToTrack,
    /// Whether a revenue was given that Python calls true.
    pub has_revenue: bool,
    /// The event's properties, of which only the names matter here.
    pub event_properties: &'a P,
}

/// What the user storage holds for a user and a campaign.
#[derive(Clone, Debug, PartialEq)]
pub enum Stored<'a> {
    /// It was not asked.
    NotAsked,
    /// Nothing.
    Nothing,
    /// Something that is no record.
    Unusable,
    /// A record.
    Record(Record<'a>),
}

/// A record of the user storage, as far as it can be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record<'a> {
    /// `campaignKey`
    pub campaign_key: Option<Cow<'a, str>>,
    /// `variationName`
    pub variation_name: Option<Cow<'a, str>>,
    /// `goalIdentifiers`: identifiers joined by `_vwo_`.
    pub goal_identifiers: Option<Cow<'a, str>>,
}

/// Where a decision looks up what is stored for the user.
pub trait Records {
    /// What is stored for the campaign of this key.
    fn find(&self, campaign_key: &str) -> Stored<'_>;
}

/// Everything a decision depends on, besides the settings.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a, A, R> {
    /// The call that asks.
    pub call: Call,
    /// The user's id.
    pub user_id: &'a str,
    /// What the campaign's segments are compared with.
    pub custom_variables: &'a A,
    /// What whitelisting compares.
    pub variation_targeting_variables: &'a A,
    /// Whether a user storage is configured.
    pub has_user_storage: bool,
    /// What is known of the user storage's content.
    pub records: &'a R,
    /// Whether a conversion that is already recorded is tracked again.
    pub should_track_returning_user: bool,
    /// What to track; `None` for every call but `track`.
    pub goal: Option<GoalRequest<'a, A>>,
}

/// What was decided, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Why it came out so.
    pub reason: Reason,
    /// The index of the campaign; `None` if no campaign has the key.
    pub campaign: Option<usize>,
    /// The index of the variation among the campaign's; `None` where the user gets none.
    pub variation: Option<usize>,
    /// The index of the goal among the campaign's; `None` outside `track`, or if the campaign lacks the goal.
    pub goal: Option<usize>,
    /// Whether the user storage holds a record of this user and campaign, a usable one or not.
    pub has_record: bool,
    /// What to store once the event was accepted.
    pub write: Option<Write>,
    /// The campaigns, as indices, whose records are needed first; ask again with them.
    pub records_needed: Vec<usize>,
    /// Whether the search for a pattern was given up on the way, and counted as finding nothing.
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

/// What to store.
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
    /// A clause of the campaign's segments was looked at.
    SegmentClause(Clause),
    /// The campaign's segments were evaluated.
    Segments {
        /// Whether the user matches.
        is_matched: bool,
    },
    /// A clause of a variation's targeting was looked at.
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
    /// The user storage's record was looked at.
    UserStorage {
        /// Whether there is a record of this campaign.
        has_record: bool,
        /// The variation it names, where the campaign has it.
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
    /// The campaign's group was looked at.
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
