//! How long the engine alone takes: what a call from Python has on top of it is in `benches`.
//!
//! Every answer is checked before it is timed.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion};
use serde_json::{Value as Json, json};
use sortition_engine::hash::murmur3_32;
use sortition_engine::trace::Silent;
use sortition_engine::vwo::attributes::Value;
use sortition_engine::vwo::bucket::{Bucket, HASH_SEED, hash_user, seed_prefix};
use sortition_engine::vwo::decide_by_key;
use sortition_engine::vwo::decision::{Call, Records, Request, Stored};
use sortition_engine::vwo::event::{self, Visitor};
use sortition_engine::vwo::settings::Settings;
use sortition_engine::vwo::visitor::VisitorIds;

const KEY: &str = "checkout";
const USER: &str = "user-000000000042";
const SEED_STRING: &[u8] = b"228_user-00000000042";

/// No user storage is configured.
struct NoRecords;

impl Records for NoRecords {
    fn find(&self, _campaign_key: &str) -> Stored<'_> {
        Stored::NotAsked
    }
}

/// The campaign of `benches/subjects/experiments.py`.
fn campaign(id: usize, key: &str, segments: &Json) -> Json {
    json!({
        "id": id, "key": key, "type": "VISUAL_AB", "status": "RUNNING", "percentTraffic": 100,
        "segments": segments,
        "goals": [{"id": 7, "identifier": "purchase", "type": "CUSTOM_GOAL"}],
        "variations": [
            {"id": 1, "name": "Control", "weight": 50},
            {"id": 2, "name": "One page", "weight": 50}
        ]
    })
}

fn document(count: usize, segments: &Json) -> Vec<u8> {
    let mut campaigns = vec![campaign(228, KEY, segments)];
    campaigns.extend(
        (1..count).map(|index| campaign(1000 + index, &format!("campaign-{index}"), segments)),
    );
    json!({"version": 1, "accountId": 604_812, "campaigns": campaigns})
        .to_string()
        .into_bytes()
}

fn five_conditions() -> Json {
    json!({"and": [
        {"custom_variable": {"country": "lower(de)"}},
        {"custom_variable": {"basket": "gte(20)"}},
        {"not": {"custom_variable": {"browser": "wildcard(*bot*)"}}},
        {"custom_variable": {"visits": "gt(10)"}},
        {"custom_variable": {"is_member": "true"}}
    ]})
}

fn attributes() -> HashMap<String, Value<'static>> {
    [
        ("country", Value::Text("DE".into())),
        ("basket", Value::Number(49.9)),
        ("browser", Value::Text("Firefox 144".into())),
        ("visits", Value::Integer(12)),
        ("is_member", Value::Boolean(true)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn compiled(document: &[u8]) -> Settings {
    match Settings::compile(document) {
        Ok(settings) => settings,
        Err(problems) => panic!("{problems:?}"),
    }
}

fn decided(settings: &Settings, attributes: &HashMap<String, Value<'_>>) -> Option<usize> {
    let request = Request {
        call: Call::Activate,
        user_id: black_box(USER),
        custom_variables: attributes,
        variation_targeting_variables: &HashMap::new(),
        has_user_storage: false,
        records: &NoRecords,
        should_track_returning_user: false,
        goal: None,
    };
    decide_by_key(settings, black_box(KEY), &request, &mut Silent).variation
}

fn expect<T: PartialEq + Debug>(wanted: &T, got: &T) {
    assert_eq!(wanted, got, "a wrong answer is not timed");
}

fn hashes(criterion: &mut Criterion) {
    expect(&murmur3_32(b"", HASH_SEED), &0x514e_28b7);
    criterion.bench_function("the hash of 20 bytes", |bencher| {
        bencher.iter(|| murmur3_32(black_box(SEED_STRING), HASH_SEED));
    });
    let prefix = seed_prefix(&["228"]);
    expect(
        &hash_user(&prefix, USER),
        &murmur3_32(format!("228_{USER}").as_bytes(), HASH_SEED),
    );
    criterion.bench_function("the bucket of a user", |bencher| {
        bencher.iter(|| Bucket::of(hash_user(black_box(&prefix), black_box(USER))));
    });
}

fn decisions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a decision");
    let nothing = HashMap::new();
    for count in [1, 100, 1_000, 10_000] {
        let settings = compiled(&document(count, &json!({})));
        expect(&decided(&settings, &nothing).is_some(), &true);
        group.bench_function(BenchmarkId::new("among campaigns", count), |bencher| {
            bencher.iter(|| decided(&settings, &nothing));
        });
    }
    let settings = compiled(&document(1, &five_conditions()));
    let known = attributes();
    expect(&decided(&settings, &nothing), &None);
    expect(&decided(&settings, &known).is_some(), &true);
    group.bench_function("five conditions over five attributes", |bencher| {
        bencher.iter(|| decided(&settings, &known));
    });
    group.finish();
}

fn events(criterion: &mut Criterion) {
    let settings = compiled(&document(1, &json!({})));
    let ids = VisitorIds::for_account("604812");
    criterion.bench_function("the visitor id of a user", |bencher| {
        bencher.iter(|| ids.of(black_box(USER)));
    });
    let id = ids.of(USER);
    let visitor = Visitor {
        id: &id,
        at_s: 1_750_000_000,
        user_agent: "",
        ip_address: "",
    };
    let campaign = &settings.campaigns()[0];
    let variation = &campaign.variations()[0];
    let conversion = || {
        event::conversion(
            black_box(&visitor),
            campaign,
            variation,
            &campaign.goals()[0],
            None,
        )
    };
    expect(&conversion().contains(r#""eT": 2"#), &true);
    criterion.bench_function("the encoding of an event", |bencher| {
        bencher.iter(conversion);
    });
    let batch = vec![conversion(); 5_000];
    expect(
        &event::batch(&batch).len(),
        &(10 + batch.len() * (batch[0].len() + 2) - 2),
    );
    criterion.bench_function("a batch of 5,000 events", |bencher| {
        bencher.iter(|| event::batch(black_box(&batch)));
    });
}

fn settings(criterion: &mut Criterion) {
    let text = document(1_000, &five_conditions());
    expect(&compiled(&text).campaigns().len(), &1_000);
    criterion.bench_function("compiling 1,000 campaigns", |bencher| {
        bencher.iter(|| compiled(black_box(&text)));
    });
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    hashes(&mut criterion);
    decisions(&mut criterion);
    events(&mut criterion);
    settings(&mut criterion);
    criterion.final_summary();
}
