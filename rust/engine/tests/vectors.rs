//! The conformance files that need no client, through this crate.

#![allow(
    clippy::unwrap_used,
    reason = "a file that is not as expected fails the test"
)]

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use serde_json::Value;
use sortition_engine::document::Document;
use sortition_engine::hash::murmur3_32;
use sortition_engine::pagesense;
use sortition_engine::problem::{Consequence, Place, Problems};
use sortition_engine::vwo::allocation::Allocation;
use sortition_engine::vwo::attributes;
use sortition_engine::vwo::bucket::{Bucket, HASH_SEED, TrafficBucket};
use sortition_engine::vwo::segment::Segment;
use sortition_engine::vwo::visitor::VisitorIds;

/// A document of `PageSense` vectors, which says itself what produced it.
fn pagesense_document(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/vectors/pagesense")
        .join(format!("{name}.json.gz"));
    let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    assert!(document.get("generated_by").is_some(), "{name} has none");
    document
}

/// The cases of one file; its first line says what produced them.
fn cases(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/vectors/vwo")
        .join(format!("{name}.jsonl.gz"));
    let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut lines = BufReader::new(GzDecoder::new(file)).lines();
    let header: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert!(header.get("generated_by").is_some(), "{name} has no header");
    lines
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect()
}

#[test]
fn hash() {
    let cases = cases("hash");
    assert_eq!(cases.len(), 600);
    for case in cases {
        let hash = murmur3_32(case["seed"].as_str().unwrap().as_bytes(), HASH_SEED);
        assert_eq!(u64::from(hash), case["hash"].as_u64().unwrap(), "{case}");
        assert_eq!(
            u64::from(TrafficBucket::of(hash).get()),
            case["bucket_100"].as_u64().unwrap(),
            "{case}"
        );
        assert_eq!(
            Bucket::of(hash).get(),
            case["bucket_10000"].as_u64().unwrap(),
            "{case}"
        );
        for (percent, bucket) in case["bucket_10000_at_percent"].as_object().unwrap() {
            assert_eq!(
                Bucket::stretched(hash, percent.parse().unwrap()).get(),
                bucket.as_u64().unwrap(),
                "{case} at {percent} percent"
            );
        }
    }
}

#[test]
fn ranges() {
    let cases = cases("ranges");
    assert_eq!(cases.len(), 81);
    for case in cases {
        let weights = case["weights"].as_array().unwrap();
        let allocation =
            Allocation::from_weights(weights.iter().map(|weight| weight.as_f64().unwrap()));
        let wanted: Vec<Option<(u64, u64)>> = case["ranges"]
            .as_array()
            .unwrap()
            .iter()
            .map(|range| Some((range[0].as_u64()?, range[1].as_u64()?)))
            .collect();
        let got: Vec<Option<(u64, u64)>> = allocation
            .ranges()
            .iter()
            .map(|range| range.map(|range| (range.first, range.last)))
            .collect();
        assert_eq!(got, wanted, "{case}");
    }
}

#[test]
fn uuid() {
    let cases = cases("uuid");
    assert_eq!(cases.len(), 400);
    for case in cases {
        let account_id = match &case["account_id"] {
            Value::String(text) => text.clone(),
            number => number.to_string(),
        };
        assert_eq!(
            VisitorIds::for_account(&account_id).of(case["user_id"].as_str().unwrap()),
            case["uuid"].as_str().unwrap(),
            "{case}"
        );
    }
}

/// A value of a vector, as Python's dictionary would hold it.
fn attribute(value: &Value) -> attributes::Value<'_> {
    match value {
        Value::Null => attributes::Value::Missing,
        Value::Bool(boolean) => attributes::Value::Boolean(*boolean),
        Value::String(text) => attributes::Value::Text(Cow::Borrowed(text)),
        Value::Number(number) if number.as_str().contains(['.', 'e', 'E']) => {
            attributes::Value::Number(number.as_f64().unwrap())
        }
        Value::Number(number) => attributes::Value::Object(number.as_str().to_owned().into()),
        // No operand of the vectors looks at these closely enough to see that it is not Python's.
        list_or_object => attributes::Value::Object(list_or_object.to_string().into()),
    }
}

#[test]
fn segments() {
    let cases = cases("segments");
    assert_eq!(cases.len(), 6000);
    for case in cases {
        let mut problems = Problems::default();
        let text = case["segments"].to_string();
        let document = Document::parse(text.as_bytes()).unwrap();
        let expression = document.value().as_object().unwrap();
        let segment = Segment::compile(&Place::Document, expression, &mut problems);
        assert!(
            problems.first().iter().all(|problem| {
                // Only operands are wrong.
                problem.path.contains("custom_variable")
                    || problem.consequence == Consequence::ClauseFalse
            }),
            "{case}: {problems:?}"
        );
        let variables: HashMap<String, attributes::Value<'_>> = case["variables"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), attribute(value)))
            .collect();
        assert_eq!(
            segment.is_true_of(&variables),
            case["result"].as_bool().unwrap(),
            "{case}"
        );
    }
}

#[test]
fn pagesense_buckets() {
    let document = pagesense_document("hash-buckets");
    let cases = document["vectors"].as_array().unwrap();
    assert_eq!(cases.len(), 227);
    let mut without_text = 0;
    for case in cases {
        let user_id = match (&case["user_id"], &case["user_id_repeat"]) {
            (Value::String(user_id), _) => user_id.clone(),
            (_, Value::Object(repeat)) => {
                let count = repeat["count"].as_u64().unwrap();
                let count = usize::try_from(count).unwrap();
                repeat["unit"].as_str().unwrap().repeat(count)
            }
            // Halves of surrogate pairs are no text of Rust.
            _ => {
                assert_eq!(case["bucket"], pagesense::bucket::Bucket::FIRST.get());
                without_text += 1;
                continue;
            }
        };
        let prefix = pagesense::bucket::seed_prefix(case["experiment_key"].as_str().unwrap());
        let hash = pagesense::bucket::hash_user(&prefix, &user_id);
        assert_eq!(case["murmur3_x86_32_seed0"], hash, "{}", case["id"]);
        let bucket = pagesense::bucket::Bucket::of(hash).get();
        assert_eq!(case["bucket"], bucket, "{}", case["id"]);
    }
    assert_eq!(without_text, 2);
}

#[test]
fn pagesense_ranges() {
    let document = pagesense_document("decisions");
    let settings = document["settings"]["traffic"].to_string();
    let settings = pagesense::settings::Settings::compile(settings.as_bytes()).unwrap();
    assert_eq!(settings.experiments().len(), 23);
    for experiment in settings.experiments() {
        let cases = &document["variation_ranges"][experiment.name()];
        let cases = cases.as_array().unwrap();
        assert_eq!(cases.len(), experiment.variations().len());
        let ranges = experiment.allocation().ranges();
        for ((case, variation), range) in cases.iter().zip(experiment.variations()).zip(ranges) {
            assert_eq!(case["variation_key"], variation.key());
            let ends = (case["start"].as_f64(), case["end"].as_f64());
            assert_eq!(ends, (Some(range.first), Some(range.last)), "{case}");
        }
    }
}
