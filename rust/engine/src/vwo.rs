//! VWO FullStack: the order of a decision.
//!
//! Source: VWO spec, sections 3, 4, 6 and 8.

pub mod allocation;
pub mod attributes;
pub mod bucket;
pub mod call;
mod compile;
pub mod decision;
pub mod event;
pub mod group;
pub mod operand;
pub mod reason;
pub mod segment;
pub mod settings;
pub mod visitor;
pub mod wire;

use std::cell::OnceCell;

use allocation::{Allocation, rescaled};
use attributes::{Attributes, WithIds, WithText};
use bucket::{Bucket, TrafficBucket, hash_user};
use decision::{
    Call, Decision, GoalRequest, GoalTypeToTrack, Record, Records, Request, Step, Stored, Write,
};
use reason::Reason;
use segment::{Searches, Segment, USER_ID_ATTRIBUTE};
use settings::{Campaign, CampaignType, GoalType, ListedIds, Settings, VariationSeed};
use visitor::VisitorIds;

use crate::trace::Trace;

/// Joins the identifiers of the goals in a record.
const GOAL_SEPARATOR: &str = "_vwo_";

/// Decides for the running campaign of this key.
pub fn decide_by_key<A: Attributes, R: Records>(
    settings: &Settings,
    campaign_key: &str,
    request: &Request<'_, A, R>,
    trace: &mut impl Trace<Step>,
) -> Decision {
    if let Some(campaign) = settings.running_campaign(campaign_key) {
        return decide(settings, campaign, request, trace);
    }
    let stopped = settings
        .campaigns
        .iter()
        .position(|campaign| &*campaign.key == campaign_key);
    let reason = if stopped.is_some() {
        trace.note(|| Step::Campaign { is_running: false });
        Reason::CampaignNotRunning
    } else if settings.set_aside.contains(campaign_key) {
        Reason::CampaignSetAside
    } else {
        Reason::CampaignUnknown
    };
    Decision::nothing(reason, stopped, None)
}

/// Decides for the campaign with this index, which may be stopped.
///
/// The same inputs give the same answer: it uses no clock, random numbers or state.
pub fn decide<A: Attributes, R: Records>(
    settings: &Settings,
    index: usize,
    request: &Request<'_, A, R>,
    trace: &mut impl Trace<Step>,
) -> Decision {
    let user = User::of(settings, request);
    let decision = decide_for(&user, settings, index, request, trace);
    Decision {
        gave_up_on_pattern: user.searches.given_up.get(),
        pattern_steps: user.searches.budget.spent(),
        ..decision
    }
}

/// The order of a decision.
fn decide_for<A: Attributes, R: Records>(
    user: &User<'_, A>,
    settings: &Settings,
    index: usize,
    request: &Request<'_, A, R>,
    trace: &mut impl Trace<Step>,
) -> Decision {
    let Some(campaign) = settings.campaigns.get(index) else {
        return Decision::nothing(Reason::CampaignUnknown, None, None);
    };
    trace.note(|| Step::Campaign {
        is_running: campaign.is_running,
    });
    let goal = match admit(settings, campaign, request) {
        Ok(goal) => goal,
        Err(reason) => {
            let wanted = request.goal.as_ref();
            let goal = wanted.and_then(|goal| campaign.goal(goal.identifier));
            return Decision::nothing(reason, Some(index), goal);
        }
    };
    let nothing = |reason| Decision::nothing(reason, Some(index), goal);
    if let Some(variation) = user.whitelisted(campaign, trace) {
        return Decision {
            variation: Some(variation),
            ..nothing(Reason::Whitelisted)
        };
    }

    let record = match usable(request.records.find(&campaign.key), campaign) {
        Stored::NotAsked if request.has_user_storage => {
            return Decision {
                records_needed: vec![index],
                ..nothing(Reason::RecordsNeeded)
            };
        }
        Stored::Record(record) => Some(record),
        Stored::NotAsked | Stored::Nothing | Stored::Unusable => None,
    };
    let has_record = record.is_some();
    if let Some(decision) = from_record(campaign, record, request, goal, &nothing, trace) {
        return Decision {
            has_record,
            ..decision
        };
    }
    let nothing = |reason| Decision {
        has_record,
        ..nothing(reason)
    };

    if let Err(reason) = user.take_part(campaign, trace) {
        return nothing(reason);
    }
    match user.wins_group(settings, index, request, trace) {
        Ok(None) => {}
        Ok(Some(reason)) => return nothing(reason),
        Err(records_needed) => {
            return Decision {
                records_needed,
                ..nothing(Reason::RecordsNeeded)
            };
        }
    }
    let Some(variation) = user.bucketed(campaign, trace) else {
        return nothing(Reason::NoRange);
    };
    Decision {
        variation: Some(variation),
        write: request.has_user_storage.then_some(Write::NewRecord),
        ..nothing(Reason::Bucketed)
    }
}

/// Whether this call may decide on this campaign; for `track`, the index of the goal.
fn admit<A: Attributes, R: Records>(
    settings: &Settings,
    campaign: &Campaign,
    request: &Request<'_, A, R>,
) -> Result<Option<usize>, Reason> {
    let goal = match &request.goal {
        Some(goal) => Some(campaign.goal(goal.identifier).ok_or(Reason::GoalUnknown)?),
        None => None,
    };
    let is_read_only = matches!(
        request.call,
        Call::GetVariationName | Call::GetFeatureVariableValue
    );
    if campaign.needs_user_storage && !request.has_user_storage && !is_read_only {
        return Err(Reason::UserStorageNeeded);
    }
    if !is_meant_for(request.call, campaign.campaign_type.as_ref()) {
        return Err(Reason::WrongCampaignType);
    }
    if let (Some(request), Some(index)) = (&request.goal, goal) {
        admit_goal(settings, campaign, index, request)?;
    }
    Ok(goal)
}

fn is_meant_for(call: Call, campaign_type: Option<&CampaignType>) -> bool {
    match call {
        Call::Activate => campaign_type == Some(&CampaignType::VisualAb),
        Call::GetVariationName | Call::Track => {
            campaign_type != Some(&CampaignType::FeatureRollout)
        }
        Call::IsFeatureEnabled | Call::GetFeatureVariableValue => {
            campaign_type != Some(&CampaignType::VisualAb)
        }
    }
}

fn admit_goal<P: Attributes>(
    settings: &Settings,
    campaign: &Campaign,
    index: usize,
    request: &GoalRequest<'_, P>,
) -> Result<(), Reason> {
    let Some(goal) = campaign.goals.get(index) else {
        return Err(Reason::GoalUnknown);
    };
    match (request.type_to_track, &goal.goal_type) {
        (GoalTypeToTrack::Custom, GoalType::Revenue)
        | (GoalTypeToTrack::Revenue, GoalType::Custom) => return Err(Reason::GoalTypeNotTracked),
        _ => {}
    }
    if goal.goal_type != GoalType::Revenue || request.has_revenue {
        return Ok(());
    }
    // Without a revenue of the call, an event-architecture account takes it from the event's
    // properties, or counts how often the event happens.
    let in_properties = |name: &str| request.event_properties.contains(name);
    let has_what_it_counts = settings.is_event_arch_enabled
        && match goal.revenue_prop.as_deref() {
            Some(name) => in_properties(name),
            None => goal.counts_every_time,
        };
    if has_what_it_counts {
        Ok(())
    } else {
        Err(Reason::RevenueMissing)
    }
}

/// The user's record of this campaign. Ignores a record of another campaign.
fn usable<'r>(stored: Stored<'r>, campaign: &Campaign) -> Stored<'r> {
    match stored {
        Stored::Record(record) if record.campaign_key.as_deref() != Some(&*campaign.key) => {
            Stored::Unusable
        }
        other => other,
    }
}

/// The decision from the user's stored record; `None` if the record decides nothing.
fn from_record<A, R>(
    campaign: &Campaign,
    record: Option<Record<'_>>,
    request: &Request<'_, A, R>,
    goal: Option<usize>,
    nothing: &impl Fn(Reason) -> Decision,
    trace: &mut impl Trace<Step>,
) -> Option<Decision> {
    let Some(record) = record else {
        if !request.has_user_storage {
            return None;
        }
        trace.note(|| Step::UserStorage {
            has_record: false,
            variation: None,
            has_goal: false,
        });
        let decides_without = matches!(request.call, Call::Activate | Call::IsFeatureEnabled);
        return (!decides_without).then(|| nothing(Reason::NotActivated));
    };
    let variation = record
        .variation_name
        .as_deref()
        .and_then(|name| campaign.variation(name));
    let goals = record.goal_identifiers.as_deref().unwrap_or("");
    let wanted = request.goal.as_ref().map(|goal| goal.identifier);
    let has_goal = wanted.is_some_and(|wanted| {
        !goals.is_empty() && goals.split(GOAL_SEPARATOR).any(|known| known == wanted)
    });
    trace.note(|| Step::UserStorage {
        has_record: true,
        variation,
        has_goal,
    });
    let may_repeat = request.should_track_returning_user
        || goal
            .and_then(|goal| campaign.goals.get(goal))
            .is_some_and(settings::Goal::may_repeat);
    if has_goal && !may_repeat {
        return Some(nothing(Reason::GoalAlreadyTracked));
    }
    let variation = variation?;
    let write = match wanted {
        Some(wanted) if request.has_user_storage && !has_goal => {
            Some(Write::GoalIdentifiers(if goals.is_empty() {
                wanted.to_owned()
            } else {
                format!("{goals}{GOAL_SEPARATOR}{wanted}")
            }))
        }
        _ => None,
    };
    Some(Decision {
        variation: Some(variation),
        write,
        ..nothing(Reason::Stored)
    })
}

/// The attributes and ids of a call's user.
struct User<'a, A> {
    id: &'a str,
    custom_variables: &'a A,
    targeting: WithText<'a, A>,
    visitor_ids: &'a VisitorIds,
    /// Made for the first campaign that has lists of them.
    visitor_id: OnceCell<String>,
    searches: Searches,
}

impl<'a, A: Attributes> User<'a, A> {
    fn of<R>(settings: &'a Settings, request: &Request<'a, A, R>) -> Self {
        Self {
            id: request.user_id,
            custom_variables: request.custom_variables,
            targeting: WithText {
                others: request.variation_targeting_variables,
                name: USER_ID_ATTRIBUTE,
                text: request.user_id,
            },
            visitor_ids: &settings.visitor_ids,
            visitor_id: OnceCell::new(),
            searches: Searches::default(),
        }
    }

    /// The variation that a targeting rule gives the user.
    fn whitelisted(&self, campaign: &Campaign, trace: &mut impl Trace<Step>) -> Option<usize> {
        if !campaign.has_whitelisting() {
            trace.note(|| Step::Whitelisting {
                is_enabled: false,
                matched: Vec::new(),
                variation: None,
            });
            return None;
        }
        let mut matched = Vec::new();
        for (index, variation) in campaign.variations.iter().enumerate() {
            let is_matched = variation.segments.as_ref().is_some_and(|segments| {
                self.matches(campaign, segments, &self.targeting, &mut |clause| {
                    trace.note(|| Step::WhitelistingClause {
                        variation: index,
                        clause: clause(),
                    });
                })
            });
            if is_matched {
                matched.push(index);
            }
        }
        let variation = match matched.as_slice() {
            [] => None,
            [only] => Some(*only),
            several => {
                let weights: Vec<f64> = several
                    .iter()
                    .filter_map(|&index| campaign.variations.get(index))
                    .map(|variation| variation.weight)
                    .collect();
                let bucket = Bucket::of(hash_user(&campaign.user_seed, self.id));
                Allocation::from_weights(rescaled(&weights))
                    .owner(bucket)
                    .and_then(|owner| several.get(owner).copied())
            }
        };
        trace.note(|| Step::Whitelisting {
            is_enabled: true,
            matched,
            variation,
        });
        variation
    }

    /// Whether the user matches the segments and is within the traffic.
    fn take_part(&self, campaign: &Campaign, trace: &mut impl Trace<Step>) -> Result<(), Reason> {
        if let Some(segments) = &campaign.segments {
            let is_matched =
                self.matches(campaign, segments, self.custom_variables, &mut |clause| {
                    trace.note(|| Step::SegmentClause(clause()));
                });
            trace.note(|| Step::Segments { is_matched });
            if !is_matched {
                return Err(Reason::SegmentNotMatched);
            }
        }
        let hash = hash_user(&campaign.user_seed, self.id);
        let bucket = TrafficBucket::of(hash);
        let is_within = bucket.is_within(campaign.percent_traffic);
        trace.note(|| Step::Traffic {
            hash,
            bucket: bucket.get(),
            percent_traffic: campaign.percent_traffic,
            is_within,
        });
        if is_within {
            Ok(())
        } else {
            Err(Reason::OutsideTraffic)
        }
    }

    /// Whether the campaign wins the user within its group: the reason why not, or the records
    /// that are needed to tell.
    fn wins_group<R: Records>(
        &self,
        settings: &Settings,
        index: usize,
        request: &Request<'_, A, R>,
        trace: &mut impl Trace<Step>,
    ) -> Result<Option<Reason>, Vec<usize>> {
        let campaigns = &settings.campaigns;
        let Some(group_index) = campaigns.get(index).and_then(Campaign::group) else {
            return Ok(None);
        };
        let Some(group) = settings.groups.get(group_index) else {
            return Ok(None);
        };
        let silent = &mut crate::trace::Silent;
        let others = || {
            group
                .members
                .iter()
                .copied()
                .filter(|&member| member != index)
                .filter_map(|member| Some((member, campaigns.get(member)?)))
        };

        let whitelisted = others()
            .find(|(_, other)| self.whitelisted(other, silent).is_some())
            .map(|(member, _)| member);
        if whitelisted.is_some() {
            trace.note(|| Step::Group {
                group: group_index,
                whitelisted,
                stored: None,
                eligible: Vec::new(),
                winner: None,
            });
            return Ok(Some(Reason::GroupWhitelistedElsewhere));
        }

        if request.has_user_storage {
            let unknown: Vec<usize> = others()
                .filter(|(_, other)| request.records.find(&other.key) == Stored::NotAsked)
                .map(|(member, _)| member)
                .collect();
            if !unknown.is_empty() {
                return Err(unknown);
            }
            let stored = others()
                .find(|(_, other)| {
                    let stored = usable(request.records.find(&other.key), other);
                    matches!(stored, Stored::Record(_))
                })
                .map(|(member, _)| member);
            if stored.is_some() {
                trace.note(|| Step::Group {
                    group: group_index,
                    whitelisted: None,
                    stored,
                    eligible: Vec::new(),
                    winner: None,
                });
                return Ok(Some(Reason::GroupStoredElsewhere));
            }
        }

        let eligible: Vec<usize> = group
            .members
            .iter()
            .copied()
            .filter(|&member| {
                member == index
                    || campaigns
                        .get(member)
                        .is_some_and(|other| self.take_part(other, silent).is_ok())
            })
            .collect();
        let winner = group.winner(&eligible, self.id);
        trace.note(|| Step::Group {
            group: group_index,
            whitelisted: None,
            stored: None,
            eligible,
            winner,
        });
        Ok((winner != Some(index)).then_some(Reason::GroupNotWon))
    }

    /// The variation whose range holds the user's bucket.
    fn bucketed(&self, campaign: &Campaign, trace: &mut impl Trace<Step>) -> Option<usize> {
        let (hash, bucket) = match &campaign.variation_seed {
            VariationSeed::Stretched => {
                let hash = hash_user(&campaign.user_seed, self.id);
                (hash, Bucket::stretched(hash, campaign.percent_traffic))
            }
            VariationSeed::Unstretched(prefix) => {
                let hash = hash_user(prefix, self.id);
                (hash, Bucket::of(hash))
            }
        };
        let variation = campaign.allocation.owner(bucket);
        trace.note(|| Step::Range {
            hash,
            bucket: bucket.get(),
            variation,
        });
        variation
    }

    /// Whether the attributes satisfy the segments; false on errors.
    fn matches(
        &self,
        campaign: &Campaign,
        segments: &Segment,
        attributes: &impl Attributes,
        listen: &mut impl FnMut(&dyn Fn() -> segment::Clause),
    ) -> bool {
        let answer = if campaign.listed_ids == ListedIds::All {
            let make = || self.visitor_ids.of(self.id);
            let attributes = WithIds {
                others: attributes,
                ids: [self.id, self.visitor_id.get_or_init(make)],
            };
            segments.evaluate(&attributes, &self.searches, listen)
        } else {
            segments.evaluate(attributes, &self.searches, listen)
        };
        answer.unwrap_or(false)
    }
}
