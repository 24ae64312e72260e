//! Why a decision came out as it did: a closed list.

use super::decision::Call;
use crate::reason::Remark;

crate::reason::reasons! {
    /// The user has the variation that a targeting rule chose.
    Whitelisted = "whitelisted",
    /// The user has the variation that was stored.
    Stored = "stored",
    /// The user has the variation whose range holds the bucket.
    Bucketed = "bucketed",
    /// The settings have no campaign of this key.
    CampaignUnknown = "campaign_unknown",
    /// The campaign of this key is broken and was set aside when the settings were compiled.
    CampaignSetAside = "campaign_set_aside",
    /// The campaign is not running.
    CampaignNotRunning = "campaign_not_running",
    /// The call is not meant for campaigns of this type.
    WrongCampaignType = "wrong_campaign_type",
    /// The campaign requires a user storage, but the client has none.
    UserStorageNeeded = "user_storage_needed",
    /// The campaign does not have this goal.
    GoalUnknown = "goal_unknown",
    /// The goal is of the type that is not to be tracked.
    GoalTypeNotTracked = "goal_type_not_tracked",
    /// The goal counts revenue, but the call gives no revenue.
    RevenueMissing = "revenue_missing",
    /// A user storage is configured and holds no record: the user was not activated before.
    NotActivated = "not_activated",
    /// The goal was already tracked for this user.
    GoalAlreadyTracked = "goal_already_tracked",
    /// The user does not match the campaign's segments.
    SegmentNotMatched = "segment_not_matched",
    /// The user's bucket lies outside the campaign's traffic.
    OutsideTraffic = "outside_traffic",
    /// Another campaign of the group has the user by whitelisting.
    GroupWhitelistedElsewhere = "group_whitelisted_elsewhere",
    /// Another campaign of the group has the user by a stored record.
    GroupStoredElsewhere = "group_stored_elsewhere",
    /// Another campaign of the group won the user, or no campaign did.
    GroupNotWon = "group_not_won",
    /// The user's bucket lies outside the ranges of all variations.
    NoRange = "no_range",
    /// Nothing is decided yet: records of the user storage are needed first.
    RecordsNeeded = "records_needed",
}

impl Reason {
    /// The level at which to log it.
    #[must_use]
    pub const fn remark(self, call: Call) -> Remark {
        match self {
            Self::RecordsNeeded => Remark::Silent,
            Self::CampaignUnknown
            | Self::CampaignSetAside
            | Self::CampaignNotRunning
            | Self::WrongCampaignType
            | Self::UserStorageNeeded
            | Self::GoalUnknown
            | Self::RevenueMissing => Remark::Mistake,
            // Not of the caller's making alone: a storage that lost its records answers so, too.
            Self::NotActivated if matches!(call, Call::Track) => Remark::Mistake,
            Self::Whitelisted
            | Self::Stored
            | Self::Bucketed
            | Self::GoalTypeNotTracked
            | Self::NotActivated
            | Self::GoalAlreadyTracked
            | Self::SegmentNotMatched
            | Self::OutsideTraffic
            | Self::GroupWhitelistedElsewhere
            | Self::GroupStoredElsewhere
            | Self::GroupNotWon
            | Self::NoRange => Remark::Ordinary,
        }
    }

    /// The name under which an event is counted that this reason refuses; `None` where it refuses
    /// none.
    #[must_use]
    pub const fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Whitelisted | Self::Stored | Self::Bucketed | Self::RecordsNeeded => None,
            Self::CampaignUnknown => Some("unknown_campaign"),
            Self::CampaignSetAside => Some("broken_campaign"),
            Self::CampaignNotRunning => Some("not_running"),
            Self::WrongCampaignType => Some("wrong_campaign_type"),
            Self::UserStorageNeeded => Some("no_user_storage"),
            Self::GoalUnknown => Some("unknown_goal"),
            Self::GoalTypeNotTracked => Some("goal_type_not_tracked"),
            Self::RevenueMissing => Some("no_revenue"),
            Self::NotActivated => Some("not_activated"),
            Self::GoalAlreadyTracked => Some("already_tracked"),
            Self::SegmentNotMatched
            | Self::OutsideTraffic
            | Self::GroupWhitelistedElsewhere
            | Self::GroupStoredElsewhere
            | Self::GroupNotWon
            | Self::NoRange => Some("not_in_campaign"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_plain() {
        let names: HashSet<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
        assert!(
            names
                .iter()
                .all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        );
    }
}
