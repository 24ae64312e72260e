//! Why a decision came out as it did: a closed list.

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
