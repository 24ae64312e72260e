//! The budget of searches.

use std::cell::Cell;

/// How many steps all searches of a budget may take together: 10 to 50 milliseconds.
///
/// A step is a place of the text at which an instruction of the pattern is looked at, or a place that
/// is kept to come back to. So memory is bounded, too: a search holds less than 20 MB at its worst, and
/// gives it back at its end.
const MOST_STEPS: usize = 2_000_000;
/// So many bytes of a text are decoded in the time of a step.
const BYTES_PER_STEP: usize = 8;
/// So many words of memory are cleared in the time of a step.
const WORDS_PER_STEP: usize = 16;

/// The budget of searches that belong together, such as those of one decision.
///
/// Each search takes from what the ones before it left. Once nothing is left, every further one is
/// given up at once.
///
/// # Examples
///
/// ```
/// use pythonic::pattern::{Budget, Pattern, Search};
///
/// let hostile = Pattern::compile(r"(a*)*\1b").unwrap();
/// let budget = Budget::default();
/// assert_eq!(hostile.search(&"a".repeat(5000), &budget), Search::GivenUp);
/// assert!(budget.spent() > 0);
/// ```
#[derive(Debug)]
pub struct Budget {
    left: Cell<usize>,
}

/// It would cost more than is left.
#[derive(Clone, Copy, Debug)]
pub(super) struct TooLong;

impl Default for Budget {
    fn default() -> Self {
        Self {
            left: Cell::new(MOST_STEPS),
        }
    }
}

impl Budget {
    /// How many steps the searches took so far.
    #[must_use]
    pub fn spent(&self) -> usize {
        MOST_STEPS - self.left.get()
    }

    pub(super) fn spend(&self, steps: usize) -> Result<(), TooLong> {
        if let Some(left) = self.left.get().checked_sub(steps) {
            self.left.set(left);
            return Ok(());
        }
        self.left.set(0);
        Err(TooLong)
    }

    pub(super) fn spend_on_bytes(&self, bytes: usize) -> Result<(), TooLong> {
        self.spend(1 + bytes / BYTES_PER_STEP)
    }

    pub(super) fn spend_on_words(&self, words: usize) -> Result<(), TooLong> {
        self.spend(words / WORDS_PER_STEP)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Pattern, Search};
    use super::*;

    #[test]
    fn searches_share_what_they_may_cost() {
        let hostile = Pattern::compile(r"^(a*)(a*)(a*)\1\2\3b$").unwrap();
        let harmless = Pattern::compile("a").unwrap();
        let (text, budget) = ("a".repeat(2000), Budget::default());
        let mut searches = 0;
        while budget.spent() < MOST_STEPS {
            assert_eq!(hostile.search(&text, &budget), Search::GivenUp);
            searches += 1;
            assert!(searches < 100);
        }
        assert!(searches > 1);
        assert_eq!(harmless.search("a", &budget), Search::GivenUp);
        assert_eq!(budget.spent(), MOST_STEPS);
        assert_eq!(harmless.search("a", &Budget::default()), Search::Found);
    }

    #[test]
    fn a_search_of_little_text_costs_little() {
        let pattern = Pattern::compile(r"^(?i:chrome|firefox)\b").unwrap();
        let budget = Budget::default();
        for _ in 0..1000 {
            assert_eq!(pattern.search("Firefox 144", &budget), Search::Found);
        }
        assert!(budget.spent() < 100_000);
    }

    #[test]
    fn too_much_text_is_given_up_before_it_is_copied() {
        let pattern = Pattern::compile("^b").unwrap();
        let budget = Budget::default();
        assert_eq!(
            pattern.search(&"a".repeat(1 << 20), &budget),
            Search::NotFound
        );
        assert_eq!(
            pattern.search(&"a".repeat((1 << 20) + 1), &budget),
            Search::GivenUp
        );
        assert!(budget.spent() < MOST_STEPS / 8);
    }

    #[test]
    fn too_many_places_are_given_up_before_any_is_marked() {
        let pattern = Pattern::compile("(?:ab){4000}c").unwrap();
        let budget = Budget::default();
        assert_eq!(
            pattern.search(&"a".repeat(100_000), &budget),
            Search::GivenUp
        );
        assert!(budget.spent() < MOST_STEPS / 8);
    }
}
