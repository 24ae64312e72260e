//! Laws that hold for all inputs.

#![allow(
    clippy::unwrap_used,
    reason = "a case that is not as expected fails the test"
)]

use std::collections::HashMap;

use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};
use sortition_engine::hash::{Murmur3, murmur3_32};
use sortition_engine::trace::Silent;
use sortition_engine::vwo::allocation::{Allocation, rescaled};
use sortition_engine::vwo::attributes::Value as Attribute;
use sortition_engine::vwo::bucket::{Bucket, TrafficBucket};
use sortition_engine::vwo::decide_by_key;
use sortition_engine::vwo::decision::{
    Call, Decision, GoalRequest, GoalTypeToTrack, Record, Records, Request, Step, Stored,
};
use sortition_engine::vwo::reason::Reason;
use sortition_engine::vwo::settings::Settings;

type Attributes = HashMap<String, Attribute<'static>>;

/// The same record for every campaign.
struct Always(Stored<'static>);

impl Records for Always {
    fn find(&self, _campaign_key: &str) -> Stored<'_> {
        self.0.clone()
    }
}

fn attribute() -> impl Strategy<Value = Attribute<'static>> {
    prop_oneof![
        Just(Attribute::Missing),
        Just(Attribute::Unreadable),
        any::<bool>().prop_map(Attribute::Boolean),
        any::<i64>().prop_map(Attribute::Integer),
        any::<f64>().prop_map(Attribute::Number),
        any::<String>().prop_map(|text| Attribute::Text(text.into())),
        any::<String>().prop_map(|text| Attribute::Object(text.into())),
    ]
}

fn attributes() -> impl Strategy<Value = Attributes> {
    hash_map("[abc]", attribute(), 0..4)
}

fn stored() -> impl Strategy<Value = Stored<'static>> {
    let part = || proptest::option::of("[abc]".prop_map(Into::into));
    let record = (part(), part(), part()).prop_map(|(campaign_key, variation_name, goals)| {
        Stored::Record(Record {
            campaign_key,
            variation_name,
            goal_identifiers: goals,
        })
    });
    prop_oneof![
        Just(Stored::NotAsked),
        Just(Stored::Nothing),
        Just(Stored::Unusable),
        record
    ]
}

/// Any JSON, with names that settings use.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[a-z]{1,8}\\([^\\n]{0,6}\\)".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        let names = "(version|accountId|sdkKey|campaigns|groups|campaignGroups|id|key|name|type|status\
                     |percentTraffic|variations|goals|weight|segments|identifier|and|or|not|user\
                     |custom_variable|et|p|wt|variables|value|[abc])";
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            hash_map(names, inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A usable document with two campaigns that may be anything in their details.
fn document() -> impl Strategy<Value = Value> {
    let campaign = |id: u32, key: &'static str| {
        (
            prop_oneof![Just(0.0), Just(50.0), Just(100.0), 0.0..150.0_f64],
            vec((0.0..120.0_f64, any::<bool>(), any_json()), 0..4),
            prop_oneof![Just(json!({})), any_json()],
            prop_oneof![
                Just("VISUAL_AB"),
                Just("FEATURE_TEST"),
                Just("FEATURE_ROLLOUT")
            ],
            any::<[bool; 4]>(),
        )
            .prop_map(move |(percent, arms, segments, campaign_type, flags)| {
                let variations: Vec<Value> = arms
                    .into_iter()
                    .enumerate()
                    .map(|(index, (weight, is_on, segments))| {
                        let name = ["a", "b", "c", "d"][index];
                        json!({
                            "id": index + 1, "name": name,
                            "weight": weight, "isFeatureEnabled": is_on, "segments": segments,
                        })
                    })
                    .collect();
                json!({
                    "id": id, "key": key, "status": "RUNNING", "type": campaign_type,
                    "percentTraffic": percent, "variations": variations, "segments": segments,
                    "goals": [{"id": 1, "identifier": "a", "type": "REVENUE_TRACKING"}],
                    "isForcedVariationEnabled": flags[0], "isOB": flags[1],
                    "isBucketingSeedEnabled": flags[2], "isMAB": flags[3],
                })
            })
    };
    (campaign(1, "a"), campaign(2, "b"), any::<[bool; 3]>()).prop_map(|(one, other, flags)| {
        let groups = if flags[2] {
            json!({"1": 7, "2": 7})
        } else {
            json!({})
        };
        json!({
            "version": 1, "accountId": 604_812, "campaigns": [one, other],
            "isNB": flags[0], "isNBv2": flags[1],
            "groups": {"7": {"name": "g", "campaigns": [1, 2]}}, "campaignGroups": groups,
        })
    })
}

fn compile(document: &Value) -> Option<Settings> {
    Settings::compile(document.to_string().as_bytes()).ok()
}

fn decide(
    settings: &Settings,
    call: Call,
    user_id: &str,
    attributes: &Attributes,
    records: &Always,
) -> Decision {
    let request = Request {
        call,
        user_id,
        custom_variables: attributes,
        variation_targeting_variables: attributes,
        has_user_storage: records.0 != Stored::NotAsked,
        records,
        should_track_returning_user: false,
        goal: (call == Call::Track).then_some(GoalRequest {
            identifier: "a",
            type_to_track: GoalTypeToTrack::All,
            has_revenue: true,
            event_properties: attributes,
        }),
    };
    let silent = decide_by_key(settings, "a", &request, &mut Silent);
    let mut steps: Vec<Step> = Vec::new();
    let heard = decide_by_key(settings, "a", &request, &mut steps);
    assert_eq!(silent, heard, "a listener changes the decision");
    heard
}

proptest! {
    #[test]
    fn any_bytes_compile_or_are_refused(bytes in vec(any::<u8>(), 0..200)) {
        if let Err(problems) = Settings::compile(&bytes) {
            prop_assert!(!problems.is_empty());
        }
    }

    #[test]
    fn any_json_compiles_or_is_refused(value in any_json()) {
        if let Err(problems) = Settings::compile(value.to_string().as_bytes()) {
            prop_assert!(!problems.is_empty());
        }
    }

    #[test]
    fn a_decision_never_panics_and_is_always_the_same(
        document in document(),
        user_id in "\\PC{1,8}",
        attributes in attributes(),
        stored in stored(),
    ) {
        let records = Always(stored);
        if let Some(settings) = compile(&document) {
            for call in Call::ALL {
                let decision = decide(&settings, call, &user_id, &attributes, &records);
                let again = compile(&document).unwrap();
                let same = decide(&again, call, &user_id, &attributes, &records);
                prop_assert_eq!(&decision, &same);
                let has_one = matches!(
                    decision.reason,
                    Reason::Whitelisted | Reason::Stored | Reason::Bucketed
                );
                prop_assert_eq!(decision.variation.is_some(), has_one);
            }
        }
    }

    #[test]
    fn raising_the_traffic_never_moves_a_user_who_is_in(
        document in document(),
        user_id in "\\PC{1,8}",
        low in 0.0..100.0_f64,
        more in 0.0..100.0_f64,
    ) {
        // The oldest algorithm moves users when the traffic changes, and whitelisting and groups
        // are other matters.
        let with_traffic = |percent: f64| {
            let mut document = document.clone();
            document["isNB"] = json!(true);
            document["isNBv2"] = json!(true);
            document["campaignGroups"] = json!({});
            let campaign = &mut document["campaigns"][0];
            campaign["isOB"] = json!(false);
            campaign["isForcedVariationEnabled"] = json!(false);
            campaign["isMAB"] = json!(false);
            campaign["type"] = json!("VISUAL_AB");
            campaign["segments"] = json!({});
            campaign["percentTraffic"] = json!(percent);
            for variation in campaign["variations"].as_array_mut().unwrap() {
                variation["segments"] = json!({});
            }
            let settings = compile(&document).unwrap();
            let nothing = Always(Stored::NotAsked);
            decide(&settings, Call::Activate, &user_id, &HashMap::new(), &nothing)
        };
        let (before, after) = (with_traffic(low), with_traffic(low + more));
        if before.variation.is_some() {
            prop_assert_eq!(before.variation, after.variation);
        }
        if before.reason == Reason::NoRange {
            prop_assert_eq!(after.reason, Reason::NoRange);
        }
    }

    #[test]
    fn ranges_follow_one_another_without_overlap(weights in vec(0.0..200.0_f64, 0..12)) {
        let allocation = Allocation::from_weights(weights.iter().copied());
        prop_assert_eq!(allocation.ranges().len(), weights.len());
        let mut end = 0;
        for (range, weight) in allocation.ranges().iter().zip(&weights) {
            match range {
                Some(range) => {
                    prop_assert_eq!(range.first, end + 1);
                    prop_assert!(range.last >= range.first);
                    end = range.last;
                }
                None => prop_assert!(*weight <= 0.0),
            }
        }
    }

    #[test]
    fn every_bucket_has_at_most_one_owner(
        weights in vec(0.0..120.0_f64, 0..8),
        hash in any::<u32>(),
    ) {
        let allocation = Allocation::from_weights(weights);
        let bucket = Bucket::of(hash).get();
        let owners: Vec<usize> = allocation
            .ranges()
            .iter()
            .enumerate()
            .filter(|(_, range)| range.is_some_and(|r| r.first <= bucket && bucket <= r.last))
            .map(|(index, _)| index)
            .collect();
        prop_assert!(owners.len() <= 1);
        prop_assert_eq!(allocation.owner(Bucket::of(hash)), owners.first().copied());
    }

    #[test]
    fn rescaled_weights_leave_nobody_out(
        weights in vec(0.0..200.0_f64, 1..10),
        hash in any::<u32>(),
    ) {
        let allocation = Allocation::from_weights(rescaled(&weights));
        prop_assert!(allocation.owner(Bucket::of(hash)).is_some());
    }

    #[test]
    fn buckets_stay_within_their_bounds_and_rise_with_the_hash(
        hash in any::<u32>(),
        step in any::<u32>(),
    ) {
        let next = hash.saturating_add(step);
        prop_assert!((1..=100).contains(&TrafficBucket::of(hash).get()));
        prop_assert!((1..=10_000).contains(&Bucket::of(hash).get()));
        prop_assert!(TrafficBucket::of(hash) <= TrafficBucket::of(next));
        prop_assert!(Bucket::of(hash) <= Bucket::of(next));
    }

    #[test]
    fn hashing_in_parts_is_hashing_at_once(parts in vec(vec(any::<u8>(), 0..9), 0..9), seed: u32) {
        let mut hash = Murmur3::with_seed(seed);
        for part in &parts {
            hash.write(part);
        }
        prop_assert_eq!(hash.finish(), murmur3_32(&parts.concat(), seed));
    }
}
