//! From weights to ranges, and which range owns a bucket.
//!
//! Source: VWO spec, section 5; pinned by the vectors in `vwo/ranges.jsonl`.

use super::bucket::Bucket;

const MOST_BUCKETS_OF_ONE: f64 = 10_000.0;

/// The buckets of one variation or campaign, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first bucket, from 1.
    pub first: u64,
    /// The last bucket; beyond 10,000 where the weights before it add up to more than 100.
    pub last: u64,
}

/// The ranges of all variations of a campaign, or of all campaigns of a group, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allocation {
    /// The last bucket of each range, or of the one before it where the weight gets none.
    ends: Box<[u64]>,
}

impl Allocation {
    /// Gives each weight (percent, not negative) its buckets, from the one after the previous
    /// end: `ceil(weight · 100)`, at most 10,000. A weight of 0 gets no range.
    pub fn from_weights(weights: impl IntoIterator<Item = f64>) -> Self {
        let mut taken = 0;
        let ends = weights
            .into_iter()
            .map(|weight| {
                taken += buckets_of(weight);
                taken
            })
            .collect();
        Self { ends }
    }

    /// The ranges, in the order of the weights; `None` for a weight that gets none.
    #[must_use]
    pub fn ranges(&self) -> Vec<Option<Range>> {
        let mut taken = 0;
        self.ends
            .iter()
            .map(|&last| {
                let first = taken + 1;
                taken = last;
                (first <= last).then_some(Range { first, last })
            })
            .collect()
    }

    /// The index of the range that holds this bucket; `None` for a bucket outside every range.
    #[must_use]
    pub fn owner(&self, bucket: Bucket) -> Option<usize> {
        if bucket.get() == 0 {
            return None;
        }
        self.ends.iter().position(|&end| bucket.get() <= end)
    }
}

/// The same weights, rescaled so that they add up to 100; equal ones where all are 0.
#[must_use]
pub fn rescaled(weights: &[f64]) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    if total == 0.0 {
        return equal_weights(weights.len());
    }
    weights
        .iter()
        .map(|weight| (weight / total) * 100.0)
        .collect()
}

/// So many equal weights that add up to 100.
#[must_use]
pub fn equal_weights(count: usize) -> Vec<f64> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a count of variations is far below 2⁵³"
    )]
    let weight = 100.0 / count as f64;
    vec![weight; count]
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value lies between 0 and 10,000"
)]
fn buckets_of(weight: f64) -> u64 {
    (weight * 100.0).ceil().clamp(0.0, MOST_BUCKETS_OF_ONE) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(allocation: &Allocation) -> Vec<Option<(u64, u64)>> {
        allocation
            .ranges()
            .iter()
            .map(|range| range.map(|range| (range.first, range.last)))
            .collect()
    }

    #[test]
    fn weights_below_a_hundred_leave_the_rest_to_nobody() {
        let allocation = Allocation::from_weights([33.33, 33.33, 33.33]);
        assert_eq!(
            ends(&allocation),
            [Some((1, 3333)), Some((3334, 6666)), Some((6667, 9999))]
        );
        assert_eq!(allocation.owner(Bucket::of(u32::MAX)), None);
    }

    #[test]
    fn weights_above_a_hundred_reach_beyond_the_last_bucket() {
        let allocation = Allocation::from_weights([50.0, 50.01]);
        assert_eq!(ends(&allocation), [Some((1, 5000)), Some((5001, 10_001))]);
        assert_eq!(allocation.owner(Bucket::of(u32::MAX)), Some(1));
    }

    #[test]
    fn a_bucket_on_an_edge_belongs_to_its_own_range() {
        let allocation = Allocation::from_weights([50.0, 50.0]);
        // Bucket 5001 starts at exactly half of the hashes.
        assert_eq!(allocation.owner(Bucket::of((1 << 31) - 1)), Some(0));
        assert_eq!(allocation.owner(Bucket::of(1 << 31)), Some(1));
    }

    #[test]
    fn no_weight_owns_nothing() {
        let allocation = Allocation::from_weights([0.0, 100.0]);
        assert_eq!(ends(&allocation), [None, Some((1, 10_000))]);
        assert_eq!(Allocation::from_weights([]).owner(Bucket::of(0)), None);
        assert_eq!(allocation.owner(Bucket::stretched(0, 200.0)), None);
    }

    #[test]
    fn rescaled_weights_cover_every_bucket() {
        for weights in [
            vec![0.0, 0.0, 0.0],
            vec![1.0, 1.0, 1.0],
            vec![0.1, 0.7],
            vec![150.0; 7],
        ] {
            let allocation = Allocation::from_weights(rescaled(&weights));
            assert!(allocation.owner(Bucket::of(0)).is_some());
            assert!(allocation.owner(Bucket::of(u32::MAX)).is_some());
        }
    }
}
