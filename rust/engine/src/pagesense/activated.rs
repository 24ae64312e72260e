//! Which users this process activated, so that a goal of another user is noticed.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

/// How many users are remembered: a few megabytes.
const MOST: usize = 100_000;

/// The users that were activated, by experiment; each is a hash.
///
/// Once it is full, every user may have been activated.
#[derive(Clone, Debug, Default)]
pub struct Activated {
    hasher: RandomState,
    known: HashSet<u64>,
}

impl Activated {
    /// Remembers that a user was activated; the id is in UTF-8.
    pub fn add(&mut self, experiment_key: &str, user_id: &[u8]) {
        if self.known.len() < MOST {
            let user = self.hasher.hash_one((experiment_key, user_id));
            self.known.insert(user);
        }
    }

    /// Whether a user may have been activated in this process.
    #[must_use]
    pub fn may_hold(&self, experiment_key: &str, user_id: &[u8]) -> bool {
        let user = self.hasher.hash_one((experiment_key, user_id));
        self.known.len() >= MOST || self.known.contains(&user)
    }
}

#[cfg(test)]
mod tests {
    use super::{Activated, MOST};

    #[test]
    fn a_full_memory_may_hold_anybody() {
        let mut activated = Activated::default();
        for number in 0..MOST {
            assert!(!activated.may_hold("e", b"Ann"), "{number} users");
            activated.add("e", number.to_string().as_bytes());
        }
        assert!(activated.may_hold("e", b"Ann"));
    }

    #[test]
    fn a_user_is_of_one_experiment() {
        let mut activated = Activated::default();
        activated.add("e", b"Ann");
        assert!(activated.may_hold("e", b"Ann"));
        assert!(!activated.may_hold("o", b"Ann"));
    }
}
