//! The problems of a settings document: the place, the expected value and the value found.

use std::fmt;

use crate::document::{Value, quoted};

/// The consequence of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// The document cannot be used at all.
    DocumentRefused,
    /// The campaign it lies in is set aside; the others serve.
    CampaignSetAside,
    /// The experiment it lies in is set aside; the others serve.
    ExperimentSetAside,
    /// The audience it lies in is set aside, and with it the experiments that refer to it.
    AudienceSetAside,
    /// The goal it lies in is set aside; campaigns and experiments serve without it.
    GoalSetAside,
    /// The goal is not counted in the experiment it lies in; the experiment serves.
    GoalUnmapped,
    /// The expression it lies in is false once its evaluation gets there; its campaign serves.
    NeverMatches,
    /// The clause it lies in is false; its expression serves.
    ClauseFalse,
    /// The audience it lies in cannot be evaluated from there on: it lets the user in.
    LetsIn,
    /// Another part of the document has the same name or id, and only one of them can be found.
    Ambiguous,
    /// The campaign counts as one that does not run.
    CampaignStopped,
    /// The value is used, but is probably a mistake. A warning.
    UsedAsItIs,
    /// It counts as missing, which is all right there. A warning.
    Ignored,
}

impl Consequence {
    /// Every consequence.
    pub const ALL: [Self; 13] = [
        Self::DocumentRefused,
        Self::CampaignSetAside,
        Self::ExperimentSetAside,
        Self::AudienceSetAside,
        Self::GoalSetAside,
        Self::GoalUnmapped,
        Self::NeverMatches,
        Self::ClauseFalse,
        Self::LetsIn,
        Self::Ambiguous,
        Self::CampaignStopped,
        Self::UsedAsItIs,
        Self::Ignored,
    ];

    /// The name both engines give it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DocumentRefused => "document_refused",
            Self::CampaignSetAside => "campaign_set_aside",
            Self::ExperimentSetAside => "experiment_set_aside",
            Self::AudienceSetAside => "audience_set_aside",
            Self::GoalSetAside => "goal_set_aside",
            Self::GoalUnmapped => "goal_unmapped",
            Self::NeverMatches => "never_matches",
            Self::ClauseFalse => "clause_false",
            Self::LetsIn => "lets_in",
            Self::Ambiguous => "ambiguous",
            Self::CampaignStopped => "campaign_stopped",
            Self::UsedAsItIs => "used_as_it_is",
            Self::Ignored => "ignored",
        }
    }
}

/// One thing that is wrong in a settings document.
///
/// Its text names the place and shows no value: a document holds a secret key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The place, such as `campaigns[3].variations[0].weight`; empty for the whole document.
    pub path: String,
    /// The expected value.
    pub wanted: String,
    /// The value found.
    pub found: String,
    /// The consequence.
    pub consequence: Consequence,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() {
            "settings"
        } else {
            &self.path
        };
        write!(
            formatter,
            "{path}: expected {}, found {}",
            self.wanted, self.found
        )
    }
}

/// The problems of a document: the first ones, and the number of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    first: Vec<Problem>,
    count: usize,
}

impl Problems {
    /// How many problems are kept; of the others only their number is known.
    pub const MOST: usize = 1000;

    /// The first problems, in the order in which they were found.
    #[must_use]
    pub fn first(&self) -> &[Problem] {
        &self.first
    }

    /// How many there are, also those that are not kept.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a problem.
    pub fn push(&mut self, problem: Problem) {
        self.add(|| problem);
    }

    /// Adds the problem that this makes, which is called only where the problem is kept.
    pub fn add(&mut self, problem: impl FnOnce() -> Problem) {
        self.count += 1;
        if self.first.len() < Self::MOST {
            self.first.push(problem());
        }
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self {
            first: vec![problem],
            count: 1,
        }
    }
}

/// The kind of a value, in words; `None` is a missing value.
#[must_use]
pub fn kind_of(value: Option<Value<'_>>) -> &'static str {
    match value {
        None => "nothing",
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "a boolean",
        Some(Value::Number(_)) => "a number",
        Some(Value::String("")) => "an empty string",
        Some(Value::String(_)) => "a string",
        Some(Value::List(_)) => "a list",
        Some(Value::Object(_)) => "an object",
    }
}

/// A place in a document, which becomes text only when something is wrong there.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// The document itself.
    Document,
    /// The value under this key.
    Key(&'a Place<'a>, &'a str),
    /// The element with this index.
    Index(&'a Place<'a>, usize),
}

impl<'a> Place<'a> {
    /// The place under this key.
    #[must_use]
    pub const fn key(&'a self, key: &'a str) -> Self {
        Place::Key(self, key)
    }

    /// The place at this index.
    #[must_use]
    pub const fn index(&'a self, index: usize) -> Self {
        Place::Index(self, index)
    }

    /// A problem at this place.
    #[must_use]
    pub fn problem(
        &self,
        wanted: impl Into<String>,
        found: impl Into<String>,
        consequence: Consequence,
    ) -> Problem {
        Problem {
            path: self.to_string(),
            wanted: wanted.into(),
            found: found.into(),
            consequence,
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Document => Ok(()),
            Place::Key(parent, key) => {
                parent.fmt(formatter)?;
                if !is_plain(key) {
                    return write!(formatter, "[{}]", quoted(key));
                }
                if !matches!(parent, Place::Document) {
                    formatter.write_str(".")?;
                }
                formatter.write_str(key)
            }
            Place::Index(parent, index) => {
                parent.fmt(formatter)?;
                write!(formatter, "[{index}]")
            }
        }
    }
}

/// Whether a key can stand in a path without quotes.
fn is_plain(key: &str) -> bool {
    !key.starts_with(|first: char| first.is_ascii_digit())
        && !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_like_an_expression() {
        let document = Place::Document;
        let campaigns = document.key("campaigns");
        let campaign = campaigns.index(3);
        let variations = campaign.key("variations");
        let variation = variations.index(0);
        assert_eq!(
            variation.key("weight").to_string(),
            "campaigns[3].variations[0].weight"
        );
        let groups = document.key("groups");
        assert_eq!(groups.key("7").to_string(), "groups[\"7\"]");
        assert_eq!(groups.key("a \"b\"").to_string(), "groups[\"a \\\"b\\\"\"]");
    }

    #[test]
    fn a_problem_says_where_what_and_what_instead() {
        let document = Place::Document;
        let place = document.key("accountId");
        let problem = place.problem(
            "a number or a string",
            kind_of(Some(Value::Null)),
            Consequence::DocumentRefused,
        );
        assert_eq!(
            problem.to_string(),
            "accountId: expected a number or a string, found null"
        );
        let whole = document.problem("an object", "a list", Consequence::DocumentRefused);
        assert_eq!(
            whole.to_string(),
            "settings: expected an object, found a list"
        );
    }
}
