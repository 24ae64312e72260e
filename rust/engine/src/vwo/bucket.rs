//! From a hash to a bucket: the formula, in its order, and its edges.
//!
//! `bucket(max, multiplier) = floor((max · hash / 2³² + 1) · multiplier)`, in binary64.
//!
//! Source: VWO spec, section 5; pinned by the vectors in `vwo/hash.jsonl`.

use crate::hash::Murmur3;

/// The hash seed of every seed string.
pub const HASH_SEED: u32 = 1;

const HASHES: f64 = 4_294_967_296.0;
const TRAFFIC_BUCKETS: f64 = 100.0;
const VARIATION_BUCKETS: f64 = 10_000.0;

/// A user's place among a campaign's traffic, `1..=100`, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrafficBucket(u32);

impl TrafficBucket {
    /// The bucket of this hash.
    #[must_use]
    pub fn of(hash: u32) -> Self {
        let bucket = whole(raw_bucket(hash, TRAFFIC_BUCKETS, 1.0));
        Self(u32::try_from(bucket).unwrap_or(u32::MAX))
    }

    /// The bucket as a number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }

    /// Whether the user takes part at this traffic, in percent. It may be fractional or lie
    /// outside 0 to 100.
    #[must_use]
    pub fn is_within(self, percent_traffic: f64) -> bool {
        f64::from(self.0) <= percent_traffic
    }
}

/// A user's place among the ranges of variations: from 1, and up to 10,000 where it was not
/// stretched by the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bucket(u64);

impl Bucket {
    /// The bucket of this hash, `1..=10000`.
    #[must_use]
    pub fn of(hash: u32) -> Self {
        Self(whole(raw_bucket(hash, VARIATION_BUCKETS, 1.0)))
    }

    /// The bucket of this hash in the oldest algorithm, which stretches the buckets of the users
    /// within the traffic over the whole width. It lies beyond 10,000 for whom the traffic leaves
    /// out, and may be 0 where the traffic is above 100.
    #[must_use]
    pub fn stretched(hash: u32, percent_traffic: f64) -> Self {
        let multiplier = (VARIATION_BUCKETS / percent_traffic) / 100.0;
        Self(whole(raw_bucket(hash, VARIATION_BUCKETS, multiplier)))
    }

    /// The bucket as a number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

/// The hash of `prefix` followed by the user's id.
#[must_use]
pub fn hash_user(prefix: &Murmur3, user_id: &str) -> u32 {
    let mut hash = *prefix;
    hash.write(user_id.as_bytes());
    hash.finish()
}

/// The start of a campaign's or group's seed strings: these parts, each followed by `_`.
#[must_use]
pub fn seed_prefix(parts: &[&str]) -> Murmur3 {
    let mut prefix = Murmur3::with_seed(HASH_SEED);
    for part in parts {
        prefix.write(part.as_bytes());
        prefix.write(b"_");
    }
    prefix
}

fn raw_bucket(hash: u32, buckets: f64, multiplier: f64) -> f64 {
    let ratio = f64::from(hash) / HASHES;
    (buckets * ratio + 1.0) * multiplier
}

/// The number without its fraction; 0 for NaN and negative numbers.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates: a traffic near 0 stretches a bucket beyond every range, whatever its size"
)]
fn whole(bucket: f64) -> u64 {
    bucket as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_hash_is_in_the_first_bucket() {
        assert_eq!(TrafficBucket::of(0).get(), 1);
        assert_eq!(Bucket::of(0).get(), 1);
        assert_eq!(Bucket::stretched(0, 100.0).get(), 1);
    }

    #[test]
    fn the_highest_hash_is_in_the_last_bucket() {
        assert_eq!(TrafficBucket::of(u32::MAX).get(), 100);
        assert_eq!(Bucket::of(u32::MAX).get(), 10_000);
        assert_eq!(Bucket::stretched(u32::MAX, 100.0).get(), 10_000);
        assert_eq!(Bucket::stretched(u32::MAX, 1.0).get(), 1_000_099);
    }

    #[test]
    fn neighbours_of_an_edge_fall_on_its_two_sides() {
        // 2³² / 100 = 42949672.96: the first hash of the second traffic bucket is the next one.
        assert_eq!(TrafficBucket::of(42_949_672).get(), 1);
        assert_eq!(TrafficBucket::of(42_949_673).get(), 2);
        // 2³² / 10000 = 429496.7296.
        assert_eq!(Bucket::of(429_496).get(), 1);
        assert_eq!(Bucket::of(429_497).get(), 2);
    }

    #[test]
    fn no_traffic_takes_nobody_and_full_traffic_everybody() {
        for hash in [0, 1, 42_949_672, u32::MAX / 2, u32::MAX] {
            assert!(!TrafficBucket::of(hash).is_within(0.0));
            assert!(!TrafficBucket::of(hash).is_within(-1.0));
            assert!(!TrafficBucket::of(hash).is_within(0.99));
            assert!(TrafficBucket::of(hash).is_within(100.0));
        }
    }

    #[test]
    fn a_traffic_of_zero_stretches_beyond_every_range() {
        assert_eq!(Bucket::stretched(5, 0.0).get(), u64::MAX);
        assert_eq!(Bucket::stretched(5, -1.0).get(), 0);
    }
}
