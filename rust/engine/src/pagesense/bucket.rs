//! From an experiment and a user to a bucket.
//!
//! `bucket = murmur3_x86_32(experiment_key + "_" + user_id, seed 0) mod 10000`
//!
//! Source: `PageSense` spec, section 4.1; pinned by the vectors in `pagesense/hash-buckets.json`.

use crate::hash::Murmur3;

/// The hash seed of every seed string.
pub const HASH_SEED: u32 = 0;

const BUCKETS: u32 = 10_000;

/// A user's place in an experiment, `0..=9999`, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bucket(u32);

impl Bucket {
    /// The bucket of whom no hash can be made for. No range holds it.
    pub const FIRST: Self = Self(0);

    /// The bucket of this hash.
    #[must_use]
    pub const fn of(hash: u32) -> Self {
        Self(hash % BUCKETS)
    }

    /// The bucket as a number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// The start of an experiment's seed strings.
#[must_use]
pub fn seed_prefix(experiment_key: &str) -> Murmur3 {
    let mut prefix = Murmur3::with_seed(HASH_SEED);
    prefix.write(experiment_key.as_bytes());
    prefix.write(b"_");
    prefix
}

/// The hash of `prefix` followed by the user's id.
#[must_use]
pub fn hash_user(prefix: &Murmur3, user_id: &str) -> u32 {
    let mut hash = *prefix;
    hash.write(user_id.as_bytes());
    hash.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_is_the_rest() {
        assert_eq!(Bucket::of(0), Bucket::FIRST);
        assert_eq!(Bucket::of(9_999).get(), 9_999);
        assert_eq!(Bucket::of(10_000), Bucket::FIRST);
        assert_eq!(Bucket::of(u32::MAX).get(), 7_295);
    }

    #[test]
    fn the_user_id_is_hashed_as_it_is() {
        let prefix = seed_prefix("exp1");
        assert_eq!(hash_user(&prefix, "user1"), 4_240_848_264);
        assert_ne!(hash_user(&prefix, "user1"), hash_user(&prefix, " user1"));
    }
}
