//! From shares of the traffic to ranges, and which range owns a bucket.
//!
//! The ranges start at 1, so that bucket 0 is in none, and a fractional share leaves a gap: both
//! are the platform's, and users of two clients of one project must agree.
//!
//! Source: `PageSense` spec, section 4.2; pinned by the vectors in `pagesense/decisions.json`.

use super::bucket::Bucket;

const BUCKETS: f64 = 10_000.0;

/// The buckets of one variation, both ends included; empty where it ends before it starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The first bucket, from 1; it may be fractional.
    pub first: f64,
    /// The last bucket; it may be fractional.
    pub last: f64,
}

impl Range {
    fn contains(self, bucket: Bucket) -> bool {
        let bucket = f64::from(bucket.get());
        self.first <= bucket && bucket <= self.last
    }
}

/// The ranges of all variations of an experiment, in the order of their keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Allocation {
    permitted: f64,
    ranges: Box<[Range]>,
}

impl Allocation {
    /// Gives each share (percent of the permitted traffic) its buckets. The last one reaches to
    /// the end of the permitted traffic (percent), whatever its share.
    #[must_use]
    pub fn new(permitted_traffic: f64, shares: &[f64]) -> Self {
        let permitted = BUCKETS * permitted_traffic / 100.0;
        let mut taken = 0.0;
        let ranges = shares
            .iter()
            .enumerate()
            .map(|(index, share)| {
                let first = taken + 1.0;
                taken += permitted * share / 100.0;
                let is_last = index + 1 == shares.len();
                let last = if is_last { permitted } else { taken };
                Range { first, last }
            })
            .collect();
        Self { permitted, ranges }
    }

    /// The ranges, in the order of the shares.
    #[must_use]
    pub fn ranges(&self) -> &[Range] {
        &self.ranges
    }

    /// Whether this bucket lies within the permitted traffic.
    #[must_use]
    pub fn permits(&self, bucket: Bucket) -> bool {
        f64::from(bucket.get()) <= self.permitted
    }

    /// The index of the first range that holds this bucket; `None` for a bucket outside every
    /// range.
    #[must_use]
    pub fn owner(&self, bucket: Bucket) -> Option<usize> {
        self.ranges.iter().position(|range| range.contains(bucket))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(permitted_traffic: f64, shares: &[f64], bucket: u32) -> Option<usize> {
        Allocation::new(permitted_traffic, shares).owner(Bucket::of(bucket))
    }

    #[test]
    fn the_first_bucket_is_in_no_range() {
        assert_eq!(owner(100.0, &[50.0, 50.0], 0), None);
        assert_eq!(owner(100.0, &[50.0, 50.0], 1), Some(0));
    }

    #[test]
    fn neighbours_of_an_edge_fall_on_its_two_sides() {
        assert_eq!(owner(100.0, &[50.0, 50.0], 5_000), Some(0));
        assert_eq!(owner(100.0, &[50.0, 50.0], 5_001), Some(1));
        assert_eq!(owner(50.0, &[50.0, 50.0], 5_000), Some(1));
        assert_eq!(owner(50.0, &[50.0, 50.0], 5_001), None);
    }

    #[test]
    fn a_fractional_share_leaves_a_gap() {
        let shares = [12.345, 87.655];
        assert_eq!(owner(100.0, &shares, 1_234), Some(0));
        assert_eq!(owner(100.0, &shares, 1_235), None);
        assert_eq!(owner(100.0, &shares, 1_236), Some(1));
        assert!(Allocation::new(100.0, &shares).permits(Bucket::of(1_235)));
    }

    #[test]
    fn the_last_share_reaches_to_the_end() {
        assert_eq!(owner(100.0, &[10.0, 10.0], 9_999), Some(1));
        assert_eq!(owner(100.0, &[80.0, 80.0, 80.0], 9_999), Some(1));
        assert_eq!(owner(0.0, &[50.0, 50.0], 1), None);
    }
}
