//! Python's regular expressions: whether `re.search(pattern, text)` finds anything.
//!
//! Python and the `regex` crates differ in what a word character is, so in `\b`, `\w` and `\d`
//! for thousands of characters; in comparing without regard to case; in `$`, `\Z`, octal escapes,
//! repetitions and inline flags. Here a pattern is read as Python 3.11 reads it, and searched for
//! in time that is bounded: a search that keeps no groups visits every place of the text at most
//! once for every place of the pattern, and again only where a look or an atomic group matched;
//! one that refers to groups goes back a limited number of times. Both take their steps from a
//! [`Budget`], which the searches of one decision share.

mod budget;
mod class;
mod flags;
mod node;
mod parse;
mod program;
mod search;
mod set;
mod simplify;

pub use budget::Budget;
use program::Program;

/// Less stack than this is not enough for the most deeply nested pattern.
const ENOUGH_STACK: usize = 512 * 1024;
const NEW_STACK: usize = 2 * 1024 * 1024;

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// `re.search` finds a match.
    Found,
    /// It finds none.
    NotFound,
    /// It was given up before that was known: it would take too long, or too much memory.
    GivenUp,
}

/// Why a pattern cannot be searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// Python does not compile it either.
    Invalid,
    /// Python compiles it, and this version cannot say what it means.
    Unsupported(&'static str),
}

/// A pattern, ready to be searched for.
///
/// # Examples
///
/// ```
/// use pythonic::pattern::{Budget, Pattern, Search};
///
/// let pattern = Pattern::compile(r"^(?i:chrome|firefox)\b(?! OS)").unwrap();
/// let budget = Budget::default();
/// assert_eq!(pattern.search("Firefox 144", &budget), Search::Found);
/// assert_eq!(pattern.search("Chrome OS", &budget), Search::NotFound);
/// ```
#[derive(Clone, Debug)]
pub struct Pattern {
    program: Program,
}

impl Pattern {
    /// Reads a pattern as `re.compile` does.
    ///
    /// # Errors
    ///
    /// `Invalid` where Python refuses the pattern, `Unsupported` where this version does.
    pub fn compile(pattern: &str) -> Result<Self, PatternError> {
        stacker::maybe_grow(ENOUGH_STACK, NEW_STACK, || {
            let parsed = parse::parse(pattern)?;
            Ok(Self {
                program: Program::compile(&parsed)?,
            })
        })
    }

    /// Whether the pattern is found in this text, within what is left of this budget.
    #[must_use]
    pub fn search(&self, text: &str, budget: &Budget) -> Search {
        if !self.program.has_parts {
            return search::search(&self.program, text, budget);
        }
        // Parts may be nested, and are searched for one inside the other.
        stacker::maybe_grow(ENOUGH_STACK, NEW_STACK, || {
            search::search(&self.program, text, budget)
        })
    }
}
