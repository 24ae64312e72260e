//! Mutually exclusive campaigns: who wins a user among those that are eligible.
//!
//! Source: VWO spec, section 6.

use std::sync::Arc;

use super::allocation::{Allocation, equal_weights};
use super::bucket::{Bucket, hash_user};
use super::wire::Identifier;
use crate::hash::Murmur3;

/// Campaigns of which a user takes part in at most one.
#[derive(Clone, Debug)]
pub struct Group {
    pub(super) id: Identifier,
    pub(super) name: Option<Arc<str>>,
    pub(super) algorithm: Algorithm,
    /// The running campaigns, as indices into the settings' campaigns, in the group's order.
    pub(super) members: Box<[usize]>,
    /// The hash of what every seed string of this group starts with.
    pub(super) seed_prefix: Murmur3,
}

/// How a group chooses among its eligible campaigns.
#[derive(Clone, Debug)]
pub(super) enum Algorithm {
    /// All have the same chance.
    Random,
    /// By priority, then by weight.
    Advanced {
        /// Campaigns in the order of their priority.
        priority: Box<[usize]>,
        /// The weight of each member that has one, in the members' order.
        weights: Box<[(usize, f64)]>,
    },
}

impl Group {
    /// The group's id, as in the settings.
    #[must_use]
    pub const fn id(&self) -> &Identifier {
        &self.id
    }

    /// The group's name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The number of the algorithm on the wire: 1 random, 2 advanced.
    #[must_use]
    pub const fn algorithm_number(&self) -> u8 {
        match self.algorithm {
            Algorithm::Random => 1,
            Algorithm::Advanced { .. } => 2,
        }
    }

    /// The eligible campaign that wins this user; `None` where none does.
    pub(super) fn winner(&self, eligible: &[usize], user_id: &str) -> Option<usize> {
        if let [only] = eligible {
            return Some(*only);
        }
        let bucket = Bucket::of(hash_user(&self.seed_prefix, user_id));
        match &self.algorithm {
            Algorithm::Random => {
                let allocation = Allocation::from_weights(equal_weights(eligible.len()));
                eligible.get(allocation.owner(bucket)?).copied()
            }
            Algorithm::Advanced { priority, weights } => {
                let first = priority.iter().find(|campaign| eligible.contains(campaign));
                if let Some(first) = first {
                    return Some(*first);
                }
                let (campaigns, weights): (Vec<usize>, Vec<f64>) = weights
                    .iter()
                    .copied()
                    .filter(|(campaign, _)| eligible.contains(campaign))
                    .unzip();
                let allocation = Allocation::from_weights(weights);
                campaigns.get(allocation.owner(bucket)?).copied()
            }
        }
    }
}
