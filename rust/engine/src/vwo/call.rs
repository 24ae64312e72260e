//! The whole outcome of a public call: a decision, and everything that follows from it.
//!
//! Each function takes a question and returns the answer, the event to send, the record to
//! store, and the level at which to log the reason. The caller reads the arguments before and
//! acts on the outcome.
//!
//! Source: VWO spec, sections 3, 4 and 8.

use std::borrow::Cow;

use super::attributes::{Attributes, Value};
use super::decision::{Call, Decision, Records, Request};
use super::event::{self, Visitor};
use super::reason::Reason;
use super::settings::{Campaign, CampaignType, Goal, GoalType, Settings, Variable, Variation};
use super::{decide, decide_by_key};
use crate::reason::Remark;
use crate::trace::Silent;

/// The campaign that a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CampaignChoice<'a> {
    /// The running campaign of this key.
    Key(&'a str),
    /// The campaign of this index, running or not.
    Index(usize),
}

/// The campaigns that `track` is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CampaignSpecifier<'a> {
    /// One campaign, by its key.
    One(&'a str),
    /// Several campaigns, by their keys.
    Several(&'a [&'a str]),
    /// Every campaign that has the goal.
    All,
}

/// The result of a call.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'s> {
    /// The call's nothing: None, or False where it answers with a flag.
    Nothing,
    /// The variation's name.
    Name(&'s str),
    /// Whether the feature is on.
    Feature(bool),
    /// The feature's variable.
    Variable(&'s Variable),
    /// Whether the campaign credits the conversion.
    Credited(bool),
}

/// An event to send.
#[derive(Clone, Debug)]
pub enum Event<'s> {
    /// A user saw a variation.
    Impression {
        /// The campaign.
        campaign: &'s Campaign,
        /// The variation.
        variation: &'s Variation,
    },
    /// A user reached a goal.
    Conversion {
        /// The campaign.
        campaign: &'s Campaign,
        /// The user's variation.
        variation: &'s Variation,
        /// The goal.
        goal: &'s Goal,
        /// The event's revenue, as JSON.
        revenue: Option<Cow<'s, str>>,
    },
}

impl Event<'_> {
    /// The event as encoded for a batch.
    #[must_use]
    pub fn encode(&self, visitor: &Visitor<'_>) -> String {
        match self {
            Self::Impression {
                campaign,
                variation,
            } => event::impression(visitor, campaign, variation),
            Self::Conversion {
                campaign,
                variation,
                goal,
                revenue,
            } => event::conversion(visitor, campaign, variation, goal, revenue.as_deref()),
        }
    }
}

/// The outcome of a call.
#[derive(Clone, Debug)]
pub struct Outcome<'s> {
    /// The decision, with the record to store: after the event is accepted, or at once without one.
    pub decision: Decision,
    /// The call's result.
    pub answer: Answer<'s>,
    /// The event to send.
    pub event: Option<Event<'s>>,
    /// The level at which to log the reason.
    pub remark: Remark,
    /// Why the call sends no event; `None` if it sends one, or never sends any.
    pub refusal: Option<&'static str>,
}

/// The campaigns to credit. The caller calls `convert` for each.
///
/// A key without a running campaign stays a key, so that `convert` gives the reason.
#[must_use]
pub fn targets<'a>(
    settings: &Settings,
    specifier: CampaignSpecifier<'a>,
    goal_identifier: &str,
) -> Vec<CampaignChoice<'a>> {
    match specifier {
        CampaignSpecifier::One(key) => vec![CampaignChoice::Key(key)],
        CampaignSpecifier::Several(keys) => keys
            .iter()
            .map(|&key| {
                // If two campaigns have the same key, the platform's SDK credits the last one.
                let is_named = |campaign: &Campaign| campaign.is_running() && campaign.key() == key;
                let index = settings.campaigns().iter().rposition(is_named);
                index.map_or(CampaignChoice::Key(key), CampaignChoice::Index)
            })
            .collect(),
        CampaignSpecifier::All => settings
            .campaigns_with_goal(goal_identifier)
            .map(CampaignChoice::Index)
            .collect(),
    }
}

/// Decides without an event.
#[must_use]
pub fn assign<'s, A: Attributes, R: Records>(
    settings: &'s Settings,
    campaign: CampaignChoice<'_>,
    request: &Request<'_, A, R>,
) -> Outcome<'s> {
    let decision = choose(settings, campaign, request);
    let arm = arm_of(settings, &decision);
    Outcome {
        answer: arm.map_or(Answer::Nothing, |(_, variation)| {
            Answer::Name(variation.name())
        }),
        event: None,
        remark: decision.reason.remark(request.call),
        refusal: None,
        decision,
    }
}

/// Decides without an event, and looks up a variable of the feature.
///
/// With a variation and the answer [`Answer::Nothing`], the feature has no such variable.
#[must_use]
pub fn look_up<'s, A: Attributes, R: Records>(
    settings: &'s Settings,
    campaign: CampaignChoice<'_>,
    request: &Request<'_, A, R>,
    variable_key: &str,
) -> Outcome<'s> {
    let outcome = assign(settings, campaign, request);
    let variable = arm_of(settings, &outcome.decision).and_then(|(campaign, variation)| {
        variables_of(campaign, variation)
            .iter()
            .find(|variable| variable.key() == variable_key)
    });
    Outcome {
        answer: variable.map_or(Answer::Nothing, Answer::Variable),
        ..outcome
    }
}

/// Decides, and counts the user as a visitor.
///
/// A user with a stored record was counted before.
#[must_use]
pub fn show<'s, A: Attributes, R: Records>(
    settings: &'s Settings,
    campaign: CampaignChoice<'_>,
    request: &Request<'_, A, R>,
) -> Outcome<'s> {
    let decision = choose(settings, campaign, request);
    let arm = arm_of(settings, &decision);
    let is_counted_already = decision.has_record && !request.should_track_returning_user;
    let answer = match (request.call, arm) {
        (Call::IsFeatureEnabled, arm) => Answer::Feature(
            arm.is_some_and(|(campaign, variation)| has_feature(campaign, variation)),
        ),
        (_, Some((_, variation))) => Answer::Name(variation.name()),
        (_, None) => Answer::Nothing,
    };
    let remark = decision.reason.remark(request.call);
    Outcome {
        answer,
        event: arm
            .filter(|_| !is_counted_already)
            .map(|(campaign, variation)| Event::Impression {
                campaign,
                variation,
            }),
        remark,
        // Most users outside a campaign are outside on purpose: no visitor is missing.
        refusal: decision
            .reason
            .refusal()
            .filter(|_| remark == Remark::Mistake),
        decision,
    }
}

/// Decides, and credits the user's conversion.
///
/// The values of `request.goal.event_properties` are JSON, and so is the revenue: `None` if the
/// call gives no value that is true in Python.
#[must_use]
pub fn convert<'s, A: Attributes, R: Records>(
    settings: &'s Settings,
    campaign: CampaignChoice<'_>,
    request: &Request<'_, A, R>,
    revenue: Option<&'s str>,
) -> Outcome<'s> {
    let decision = choose(settings, campaign, request);
    let event = arm_of(settings, &decision).and_then(|(campaign, variation)| {
        let goal = campaign.goals().get(decision.goal?)?;
        let properties = request.goal.as_ref().map(|goal| goal.event_properties);
        Some(Event::Conversion {
            campaign,
            variation,
            goal,
            revenue: revenue_of(settings, goal, revenue, properties),
        })
    });
    let is_of_no_campaign = matches!(
        decision.reason,
        Reason::CampaignUnknown
            | Reason::CampaignSetAside
            | Reason::CampaignNotRunning
            | Reason::GoalUnknown
    );
    Outcome {
        answer: match campaign {
            CampaignChoice::Key(_) if is_of_no_campaign => Answer::Nothing,
            _ => Answer::Credited(event.is_some()),
        },
        refusal: if event.is_some() {
            None
        } else {
            decision.reason.refusal()
        },
        event,
        remark: decision.reason.remark(request.call),
        decision,
    }
}

fn choose<A: Attributes, R: Records>(
    settings: &Settings,
    campaign: CampaignChoice<'_>,
    request: &Request<'_, A, R>,
) -> Decision {
    match campaign {
        CampaignChoice::Key(key) => decide_by_key(settings, key, request, &mut Silent),
        CampaignChoice::Index(index) => decide(settings, index, request, &mut Silent),
    }
}

/// The campaign and the variation that a decision assigned.
fn arm_of<'s>(
    settings: &'s Settings,
    decision: &Decision,
) -> Option<(&'s Campaign, &'s Variation)> {
    let campaign = settings.campaigns().get(decision.campaign?)?;
    Some((campaign, campaign.variations().get(decision.variation?)?))
}

/// Whether the feature is on: in a rollout always, in a test if the variation enables it.
fn has_feature(campaign: &Campaign, variation: &Variation) -> bool {
    campaign.campaign_type() != Some(&CampaignType::FeatureTest)
        || variation.is_feature_enabled() == Some(true)
}

/// The feature's variables for a user of this variation.
///
/// A rollout has its own variables. In a test they are the variation's, or the control's if the
/// feature is off in the variation.
#[must_use]
pub fn variables_of<'s>(campaign: &'s Campaign, variation: &'s Variation) -> &'s [Variable] {
    if campaign.campaign_type() == Some(&CampaignType::FeatureRollout) {
        return campaign.variables();
    }
    if variation.is_feature_enabled() != Some(false) {
        return variation.variables();
    }
    let mut variations = campaign.variations().iter();
    variations
        .find(|variation| variation.id().as_str() == "1")
        .map_or(&[], Variation::variables)
}

/// The revenue of a conversion, as JSON.
///
/// Source: VWO spec, section 8, 'Which revenue is sent'.
fn revenue_of<'s, A: Attributes>(
    settings: &Settings,
    goal: &Goal,
    given: Option<&'s str>,
    properties: Option<&A>,
) -> Option<Cow<'s, str>> {
    if let Some(given) = given
        && *goal.goal_type() == GoalType::Revenue
    {
        return Some(Cow::Borrowed(given));
    }
    let name = goal
        .revenue_prop()
        .filter(|_| settings.is_event_arch_enabled())?;
    match properties?.get(name) {
        Value::Text(json) if json != "null" => Some(Cow::Owned(json.into_owned())),
        _ => None,
    }
}
