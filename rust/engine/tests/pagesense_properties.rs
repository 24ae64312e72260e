//! Laws of `PageSense` that hold for all inputs.

#![allow(
    clippy::unwrap_used,
    reason = "a case that is not as expected fails the test"
)]

use std::collections::HashMap;

use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};
use sortition_engine::pagesense::allocation::Allocation;
use sortition_engine::pagesense::attributes::Attribute;
use sortition_engine::pagesense::bucket::Bucket;
use sortition_engine::pagesense::decision::{Decision, Request, Step, Storage};
use sortition_engine::pagesense::profile::{Profile, State};
use sortition_engine::pagesense::reason::Reason;
use sortition_engine::pagesense::settings::Settings;
use sortition_engine::pagesense::{ExperimentChoice, decide};
use sortition_engine::trace::Silent;

type Attributes = HashMap<String, Attribute<'static>>;

fn attribute() -> impl Strategy<Value = Attribute<'static>> {
    prop_oneof![
        Just(Attribute::Missing),
        Just(Attribute::Unencodable),
        Just(Attribute::Other),
        "[abAB]{0,2}".prop_map(|text| Attribute::Text(text.into())),
        any::<String>().prop_map(|text| Attribute::Text(text.into())),
    ]
}

fn attributes() -> impl Strategy<Value = Attributes> {
    hash_map("[ab]", attribute(), 0..3)
}

/// Any JSON, with names that settings use.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..5_i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ab]".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(Value::from("{\"conditions\": [[]]}")),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        let names = "(projectsettings|project_key|audiences|goals|experiments|condition_type\
                     |conditions|attribute_name|operator|values|user_id|experiment_key\
                     |variation_key|[ab])";
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            hash_map(names, inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A usable document with one experiment, whose audience may be anything.
fn document() -> impl Strategy<Value = Value> {
    let leaf = (1..5_u8, "[ab]", vec("[abAB]{0,2}", 0..3)).prop_map(|(operator, name, values)| {
        json!({"attribute_name": name, "operator": operator, "values": values})
    });
    let leaves = vec(leaf, 0..3);
    let group = (1..3_u8, leaves)
        .prop_map(|(kind, leaves)| json!({"condition_type": kind, "conditions": leaves}));
    let tree = (1..3_u8, vec(group, 0..3))
        .prop_map(|(kind, groups)| json!({"condition_type": kind, "conditions": groups}));
    let tree = prop_oneof![
        tree,
        any_json().prop_filter("not null", |tree| !tree.is_null())
    ];
    let traffic = prop_oneof![Just(0.0), Just(100.0), 0.0..100.0_f64];
    let shares = vec(0.0..=100.0_f64, 1..5);
    (
        tree,
        traffic,
        shares,
        prop_oneof![Just("all"), Just("some")],
    )
        .prop_map(|(tree, traffic, shares, link_name)| {
            let variations: Vec<Value> = shares
                .into_iter()
                .zip(["c", "a", "d", "b"])
                .map(|(share, key)| {
                    json!({
                        "variation_key": key, "variation_name": key, "variation_link_name": key,
                        "traffic_distribution": share, "is_original": false,
                    })
                })
                .collect();
            json!({"projectsettings": [{
                "project_key": "p", "project_name": "p", "project_link_name": "p",
                "portal_name": "p", "sdk_account_id": "a", "sdk_key": "k", "sdk_version": "1",
                "sdk_language": "Rust", "sdk_environment": "Production",
                "audiences": [{
                    "audience_name": "x", "audience_link_name": link_name,
                    "audience_condition_json": tree,
                }],
                "goals": [{"goal_name": "g", "goal_link_name": "g", "goal_type": 10}],
                "experiments": [{
                    "experiment_key": "e", "experiment_name": "e", "experiment_link_name": "e",
                    "experiment_type": 14, "experiment_status": 2, "permitted_traffic": traffic,
                    "is_development_mode": false, "environment_key": "env",
                    "environment_name": "Production", "language_key": "5",
                    "language_name": "Rust", "audiences": [{"audience_link_name": link_name}],
                    "goals": [], "variations": variations,
                }],
            }]})
        })
}

fn profile() -> impl Strategy<Value = String> {
    let entry = ("[ef]", "[abcz]")
        .prop_map(|(experiment, variation)| {
            json!({"experiment_key": experiment, "variation_key": variation, "extra": [1.5]})
        });
    let entries = vec(prop_oneof![4 => entry, 1 => any_json()], 0..4);
    prop_oneof![
        1 => any::<String>(),
        1 => any_json().prop_map(|value| value.to_string()),
        6 => entries.prop_map(|entries| {
            json!({"user_id": "Ann", "experiments": entries}).to_string()
        }),
    ]
}

fn decided(
    document: &Value,
    user_id: &str,
    attributes: &Attributes,
    storage: Storage<'_>,
) -> Decision {
    let settings = Settings::compile(document.to_string().as_bytes()).unwrap();
    let request = Request {
        user_id: Some(user_id),
        attributes,
        storage,
        goal_name: None,
    };
    let name = ExperimentChoice::Name("e");
    let silent = decide(&settings, name, &request, &mut Silent);
    let mut steps: Vec<Step> = Vec::new();
    let heard = decide(&settings, name, &request, &mut steps);
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
        let value = json!({"projectsettings": [value]});
        if let Err(problems) = Settings::compile(value.to_string().as_bytes()) {
            prop_assert!(!problems.is_empty());
        }
    }

    #[test]
    fn a_decision_never_panics_and_is_always_the_same(
        document in document(),
        user_id in "\\PC{1,8}",
        attributes in attributes(),
        stored in profile(),
    ) {
        let profile = Profile::read(&stored);
        for storage in [Storage::Absent, Storage::NotAsked, Storage::Holds(&profile)] {
            let decision = decided(&document, &user_id, &attributes, storage);
            prop_assert_eq!(&decision, &decided(&document, &user_id, &attributes, storage));
            let is_new = matches!(decision.reason, Reason::Bucketed | Reason::OnlyVariation);
            let has_one = is_new || decision.reason == Reason::Stored;
            prop_assert_eq!(decision.variation.is_some(), has_one);
            let saves = is_new && !matches!(storage, Storage::Absent);
            prop_assert_eq!(decision.saves_assignment, saves);
        }
    }

    #[test]
    fn what_is_saved_is_what_is_found_again(
        document in document(),
        user_id in "\\PC{1,8}",
        attributes in attributes(),
        stored in profile(),
    ) {
        let before = Profile::read(&stored);
        let decision = decided(&document, &user_id, &attributes, Storage::Holds(&before));
        let settings = Settings::compile(document.to_string().as_bytes()).unwrap();
        let experiment = &settings.experiments()[0];
        if let (true, Some(variation)) = (decision.saves_assignment, decision.variation) {
            let key = experiment.variations()[variation].key();
            let saved = before.with_assignment(&user_id, experiment.key(), key);
            let after = Profile::read(&saved);
            // A user id that is blank is no user's, but the law of it is another.
            if user_id.chars().any(|character| !character.is_whitespace()) {
                prop_assert_eq!(after.state(), State::Valid);
                let again = decided(&document, &user_id, &attributes, Storage::Holds(&after));
                prop_assert_eq!(again.reason, Reason::Stored);
                prop_assert_eq!(again.variation, decision.variation);
                // What is kept stays as it is.
                prop_assert_eq!(after.with_assignment(&user_id, experiment.key(), key), saved);
            }
        }
    }

    #[test]
    fn any_text_is_a_profile_or_is_replaced(text in any::<String>()) {
        let saved = Profile::read(&text).with_assignment("Ann", "e", "v");
        prop_assert!(serde_json::from_str::<Value>(&saved).is_ok());
    }

    #[test]
    fn buckets_are_within_bounds(hash: u32) {
        prop_assert!(Bucket::of(hash).get() <= 9_999);
    }

    #[test]
    fn ranges_do_not_overlap(
        permitted_traffic in 0.0..=100.0_f64,
        shares in vec(0.0..=100.0_f64, 1..12),
    ) {
        let allocation = Allocation::new(permitted_traffic, &shares);
        prop_assert_eq!(allocation.ranges().len(), shares.len());
        // The last one ends with the traffic, even where those before it go beyond.
        for pair in allocation.ranges().windows(2) {
            prop_assert!(pair[0].last < pair[1].first);
        }
        for range in allocation.ranges() {
            prop_assert!(range.first >= 1.0);
        }
    }

    #[test]
    fn every_bucket_has_at_most_one_owner(
        permitted_traffic in 0.0..=100.0_f64,
        shares in vec(0.0..=100.0_f64, 1..8),
        hash: u32,
    ) {
        let allocation = Allocation::new(permitted_traffic, &shares);
        let bucket = Bucket::of(hash);
        let place = f64::from(bucket.get());
        let ranges = allocation.ranges();
        let owners = (0..ranges.len())
            .filter(|&index| ranges[index].first <= place && place <= ranges[index].last)
            .collect::<Vec<_>>();
        prop_assert!(owners.len() <= 1);
        prop_assert_eq!(allocation.owner(bucket), owners.first().copied());
        if bucket == Bucket::FIRST {
            prop_assert!(owners.is_empty());
        }
    }
}
