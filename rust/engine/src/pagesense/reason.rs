//! Why a decision came out as it did: a closed list.

use crate::reason::Remark;

crate::reason::reasons! {
    /// The user has the variation that was stored.
    Stored = "stored",
    /// The user has the variation whose range holds the bucket.
    Bucketed = "bucketed",
    /// The user has the only variation of the experiment, whatever the bucket and the traffic.
    OnlyVariation = "only_variation",
    /// The settings have no experiment of this name.
    ExperimentUnknown = "experiment_unknown",
    /// The experiment of this name is broken and was set aside when the settings were compiled.
    ExperimentSetAside = "experiment_set_aside",
    /// The experiment is not running.
    ExperimentNotRunning = "experiment_not_running",
    /// The experiment is no A/B test.
    WrongExperimentType = "wrong_experiment_type",
    /// The project has no goal of this name.
    GoalUnknown = "goal_unknown",
    /// The goal is not counted in this experiment.
    GoalNotMapped = "goal_not_mapped",
    /// No attributes were given, or one has an empty name or value: no audience is looked at.
    AttributesMissing = "attributes_missing",
    /// The user is not in every audience of the experiment.
    AudienceNotMatched = "audience_not_matched",
    /// The user's bucket lies outside the permitted traffic.
    OutsideTraffic = "outside_traffic",
    /// The user's bucket lies within the permitted traffic and in the range of no variation.
    NoRange = "no_range",
    /// Nothing is decided yet: what the user storage holds is needed first.
    ProfileNeeded = "profile_needed",
}

impl Reason {
    /// The level at which to log it, in a call that tracks a goal or in another.
    #[must_use]
    pub const fn remark(self, tracks_goal: bool) -> Remark {
        match self {
            Self::ProfileNeeded => Remark::Silent,
            Self::ExperimentUnknown
            | Self::ExperimentSetAside
            | Self::WrongExperimentType
            | Self::GoalUnknown
            | Self::GoalNotMapped => Remark::Mistake,
            // Pausing an experiment is no mistake; tracking its goal is, by the specification.
            Self::ExperimentNotRunning if tracks_goal => Remark::Mistake,
            Self::Stored
            | Self::Bucketed
            | Self::OnlyVariation
            | Self::ExperimentNotRunning
            | Self::AttributesMissing
            | Self::AudienceNotMatched
            | Self::OutsideTraffic
            | Self::NoRange => Remark::Ordinary,
        }
    }

    /// The name under which an event is counted that this reason refuses; `None` where it refuses
    /// none.
    #[must_use]
    pub const fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Stored | Self::Bucketed | Self::OnlyVariation | Self::ProfileNeeded => None,
            Self::ExperimentUnknown => Some("unknown_campaign"),
            Self::ExperimentSetAside => Some("broken_campaign"),
            Self::ExperimentNotRunning => Some("not_running"),
            Self::WrongExperimentType => Some("wrong_campaign_type"),
            Self::GoalUnknown => Some("unknown_goal"),
            Self::GoalNotMapped => Some("goal_not_in_campaign"),
            Self::AttributesMissing
            | Self::AudienceNotMatched
            | Self::OutsideTraffic
            | Self::NoRange => Some("not_in_campaign"),
        }
    }
}
