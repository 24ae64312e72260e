//! The engine's first steps on their own, for the conformance vectors and benchmarks.

use pyo3::prelude::*;
use sortition_engine::hash;
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
