//! The engine's first steps on their own, for the conformance vectors and benchmarks.

use pyo3::prelude::*;
use pyo3::types::PyString;
use sortition_engine::hash;
use sortition_engine::pagesense;
use sortition_engine::vwo::allocation::Allocation;
use sortition_engine::vwo::bucket::{Bucket, TrafficBucket};

/// The hash of these bytes.
#[pyfunction]
pub(crate) fn murmur3_32(data: &[u8], hash_seed: u32) -> u32 {
    hash::murmur3_32(data, hash_seed)
}

/// The traffic bucket of this hash.
#[pyfunction]
pub(crate) fn traffic_bucket(hash: u32) -> u32 {
    TrafficBucket::of(hash).get()
}

/// The variation bucket of this hash.
#[pyfunction]
pub(crate) fn variation_bucket(hash: u32) -> u64 {
    Bucket::of(hash).get()
}

/// The variation bucket of this hash, stretched by the traffic.
#[pyfunction]
pub(crate) fn stretched_bucket(hash: u32, percent_traffic: f64) -> u64 {
    Bucket::stretched(hash, percent_traffic).get()
}

/// The ranges of these weights.
#[pyfunction]
pub(crate) fn allocation_ranges(weights: Vec<f64>) -> Vec<Option<(u64, u64)>> {
    Allocation::from_weights(weights)
        .ranges()
        .iter()
        .map(|range| range.map(|range| (range.first, range.last)))
        .collect()
}

/// The bucket of this user in this experiment of `PageSense`.
#[pyfunction]
pub(crate) fn pagesense_bucket(experiment_key: &str, user_id: &Bound<'_, PyString>) -> u32 {
    let prefix = pagesense::bucket::seed_prefix(experiment_key);
    let hash = user_id
        .to_str()
        .map(|user_id| pagesense::bucket::hash_user(&prefix, user_id));
    hash.map_or(
        pagesense::bucket::Bucket::FIRST,
        pagesense::bucket::Bucket::of,
    )
    .get()
}

/// The ranges of these shares of the permitted traffic of `PageSense`.
#[pyfunction]
#[expect(
    clippy::needless_pass_by_value,
    reason = "a list of Python objects comes by value"
)]
pub(crate) fn pagesense_ranges(permitted_traffic: f64, shares: Vec<f64>) -> Vec<(f64, f64)> {
    pagesense::allocation::Allocation::new(permitted_traffic, &shares)
        .ranges()
        .iter()
        .map(|range| (range.first, range.last))
        .collect()
}
