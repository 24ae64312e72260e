//! Reads a user's profile from the user storage, and creates the one to save.
//!
//! Source: `PageSense` spec, section 5 and "Our choices" (D13); pinned by the vectors in
//! `pagesense/decisions.json`.

use super::settings::Experiment;
use crate::document::{Document, Value};
use pythonic::json::{number_text, push_string};
use pythonic::text::strip;

/// The profile of a user, as far as it can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    state: State,
    /// The entries that are worth keeping.
    entries: Box<[Entry]>,
}

/// The state of a profile: whether it was read, and whether it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing is stored.
    Nothing,
    /// It decides nothing: it is not a profile, or an entry is invalid.
    Invalid,
    /// It decides.
    Valid,
}

impl State {
    /// The name both engines give it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Invalid => "invalid",
            Self::Valid => "valid",
        }
    }
}

/// An assignment of the user to a variation.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// `None` for a key that is not text, which matches no experiment.
    experiment_key: Option<Box<str>>,
    variation_key: Option<Box<str>>,
    /// The entry with all its fields.
    json: Box<str>,
}

impl Profile {
    /// A user of whom nothing is stored.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            state: State::Nothing,
            entries: Box::default(),
        }
    }

    /// A value that is not a profile.
    #[must_use]
    pub fn invalid() -> Self {
        Self {
            state: State::Invalid,
            entries: Box::default(),
        }
    }

    /// Reads what the user storage gave. Blank text is nothing.
    ///
    /// One invalid entry makes the whole profile decide nothing, as with the platform's own
    /// client; the others are kept when the next assignment is saved.
    #[must_use]
    pub fn read(text: &str) -> Self {
        if strip(text).is_empty() {
            return Self::nothing();
        }
        let Ok(document) = Document::parse(text.as_bytes()) else {
            return Self::invalid();
        };
        let Value::Object(profile) = document.value() else {
            return Self::invalid();
        };
        let has_user = match profile.get("user_id") {
            Some(Value::String(user_id)) => !strip(user_id).is_empty(),
            _ => false,
        };
        let Some(Value::List(found)) = profile.get("experiments").filter(|_| has_user) else {
            return Self::invalid();
        };
        let entries: Box<[Entry]> = found.iter().filter_map(Entry::read).collect();
        let state = if entries.len() == found.iter().count() {
            State::Valid
        } else {
            State::Invalid
        };
        Self { state, entries }
    }

    /// Whether it was read, and whether it decides.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// The index of the variation that is stored for this experiment: of the first entry whose
    /// variation the experiment still has.
    #[must_use]
    pub fn variation(&self, experiment: &Experiment) -> Option<usize> {
        if self.state != State::Valid {
            return None;
        }
        self.entries
            .iter()
            .filter(|entry| entry.experiment_key.as_deref() == Some(experiment.key()))
            .find_map(|entry| experiment.variation(entry.variation_key.as_deref()?))
    }

    /// The profile to save, as JSON: with this assignment last, in place of what was stored for
    /// the experiment. Other entries stay as they were.
    #[must_use]
    pub fn with_assignment(
        &self,
        user_id: &str,
        experiment_key: &str,
        variation_key: &str,
    ) -> String {
        self.with_assignments(user_id, &[(experiment_key, variation_key)])
    }

    /// The same with several assignments, each an experiment's key and a variation's.
    #[must_use]
    pub fn with_assignments(&self, user_id: &str, assignments: &[(&str, &str)]) -> String {
        let mut json = "{\"user_id\": ".to_owned();
        push_string(&mut json, user_id);
        json.push_str(", \"experiments\": [");
        let is_replaced = |entry: &Entry| {
            let key = entry.experiment_key.as_deref();
            assignments.iter().any(|&(known, _)| key == Some(known))
        };
        let mut separator = "";
        for entry in self.entries.iter().filter(|entry| !is_replaced(entry)) {
            json.push_str(separator);
            json.push_str(&entry.json);
            separator = ", ";
        }
        for (experiment_key, variation_key) in assignments {
            json.push_str(separator);
            json.push_str("{\"experiment_key\": ");
            push_string(&mut json, experiment_key);
            json.push_str(", \"variation_key\": ");
            push_string(&mut json, variation_key);
            json.push('}');
            separator = ", ";
        }
        json.push_str("]}");
        json
    }
}

impl Entry {
    fn read(value: Value<'_>) -> Option<Self> {
        let key = |name: &str| value.get(name).filter(|key| key.is_truthy());
        let (experiment_key, variation_key) = (key("experiment_key")?, key("variation_key")?);
        Some(Self {
            experiment_key: experiment_key.as_str().map(Into::into),
            variation_key: variation_key.as_str().map(Into::into),
            json: dumps(value)?.into(),
        })
    }
}

/// `json.dumps(value)` of Python; `None` where it holds a number that is too large for Python.
fn dumps(value: Value<'_>) -> Option<String> {
    let mut json = String::new();
    push_value(&mut json, value)?;
    Some(json)
}

fn push_value(json: &mut String, value: Value<'_>) -> Option<()> {
    match value {
        Value::Null => json.push_str("null"),
        Value::Bool(true) => json.push_str("true"),
        Value::Bool(false) => json.push_str("false"),
        Value::Number(number) => json.push_str(&number_text(number.as_str())?),
        Value::String(text) => push_string(json, text),
        Value::List(list) => {
            json.push('[');
            for (index, value) in list.iter().enumerate() {
                json.push_str(if index == 0 { "" } else { ", " });
                push_value(json, value)?;
            }
            json.push(']');
        }
        Value::Object(object) => {
            json.push('{');
            for (index, (key, value)) in object.iter().enumerate() {
                json.push_str(if index == 0 { "" } else { ", " });
                push_string(json, key);
                json.push_str(": ");
                push_value(json, value)?;
            }
            json.push('}');
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &str = r#"{"experiment_key": "e", "variation_key": "v"}"#;

    fn saved(text: &str) -> String {
        let saved = Profile::read(text).with_assignment("Ann", "e", "v");
        let start = r#"{"user_id": "Ann", "experiments": ["#;
        let entries = saved.strip_prefix(start).unwrap();
        entries.strip_suffix("]}").unwrap().to_owned()
    }

    #[test]
    fn what_is_no_profile_is_replaced() {
        for text in [
            "no JSON",
            "[]",
            "{}",
            r#"{"user_id": " ", "experiments": []}"#,
            r#"{"user_id": 5, "experiments": []}"#,
            r#"{"user_id": "Ann", "experiments": {}}"#,
        ] {
            assert_eq!(Profile::read(text), Profile::invalid());
            assert_eq!(saved(text), NEW);
        }
        for text in ["", " \n"] {
            assert_eq!(Profile::read(text), Profile::nothing());
            assert_eq!(saved(text), NEW);
        }
    }

    #[test]
    fn a_bad_entry_is_lost_alone() {
        let other = r#"{"experiment_key": "o", "variation_key": 2, "extra": [1e0, "é"]}"#;
        let text = format!(
            r#"{{"user_id": "Bob", "experiments": [{other}, {NEW}, {{"experiment_key": "e"}}, 5]}}"#
        );
        assert_eq!(Profile::read(&text).state(), State::Invalid);
        let other = r#"{"experiment_key": "o", "variation_key": 2, "extra": [1.0, "\u00e9"]}"#;
        assert_eq!(saved(&text), format!("{other}, {NEW}"));
    }

    #[test]
    fn several_assignments_take_the_places_of_their_experiments() {
        let text = format!(r#"{{"user_id": "Ann", "experiments": [{NEW}]}}"#);
        let saved = Profile::read(&text).with_assignments("Ann", &[("o", "w"), ("e", "v")]);
        let other = r#"{"experiment_key": "o", "variation_key": "w"}"#;
        let wanted = format!(r#"{{"user_id": "Ann", "experiments": [{other}, {NEW}]}}"#);
        assert_eq!(saved, wanted);
    }

    #[test]
    fn an_entry_that_cannot_be_written_again_is_bad() {
        let text = r#"{"user_id": "Ann", "experiments": [
            {"experiment_key": "o", "variation_key": "v", "extra": 1e400}]}"#;
        assert_eq!(Profile::read(text).state(), State::Invalid);
        assert_eq!(saved(text), NEW);
    }
}
