//! Looks up a user's attributes for a rule, and converts them to text.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::BuildHasher;

use pythonic::float;

/// The value of one attribute of a user.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Nothing: no such name, or Python's `None`.
    Missing,
    /// A boolean.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A floating-point number.
    Number(f64),
    /// Text.
    Text(Cow<'a, str>),
    /// Any other object, as its `str()`.
    Object(Cow<'a, str>),
    /// An object whose `str()` raised, or is not valid text.
    Unreadable,
}

impl<'a> Value<'a> {
    /// The value as the platforms compare it: `str(value)`, but `true` and `false`, and empty for
    /// a missing value. `None` if the value cannot be converted.
    #[must_use]
    pub fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Missing => Some(Cow::Borrowed("")),
            Self::Boolean(true) => Some(Cow::Borrowed("true")),
            Self::Boolean(false) => Some(Cow::Borrowed("false")),
            Self::Integer(integer) => Some(Cow::Owned(integer.to_string())),
            Self::Number(number) => Some(Cow::Owned(float::repr(number))),
            Self::Text(text) | Self::Object(text) => Some(text),
            Self::Unreadable => None,
        }
    }
}

/// Looks up a user's attributes for a rule.
pub trait Attributes {
    /// The value under this name.
    fn get(&self, name: &str) -> Value<'_>;

    /// Whether there is an entry of this name, even an empty one.
    fn contains(&self, name: &str) -> bool;

    /// The same as `get`, with the name's number in the settings.
    fn get_numbered(&self, _number: usize, name: &str) -> Value<'_> {
        self.get(name)
    }

    /// The id of the user that a list has, beside what an attribute says: `None` where it has none,
    /// and where lists are not asked for others.
    fn user_named_by(&self, _is_listed: &dyn Fn(&str) -> bool) -> Option<Cow<'_, str>> {
        None
    }
}

/// Attributes held by Rust, for programs and tests without an interpreter.
impl<S: BuildHasher> Attributes for HashMap<String, Value<'_>, S> {
    fn get(&self, name: &str) -> Value<'_> {
        HashMap::get(self, name).cloned().unwrap_or(Value::Missing)
    }

    fn contains(&self, name: &str) -> bool {
        self.contains_key(name)
    }
}

/// Attributes with one more, which takes precedence over an entry of the same name.
#[derive(Clone, Copy, Debug)]
pub struct WithText<'a, A> {
    /// The other attributes.
    pub others: &'a A,
    /// The name of the one more.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
}

impl<A: Attributes> Attributes for WithText<'_, A> {
    fn get(&self, name: &str) -> Value<'_> {
        if name == self.name {
            return Value::Text(Cow::Borrowed(self.text));
        }
        self.others.get(name)
    }

    fn contains(&self, name: &str) -> bool {
        name == self.name || self.others.contains(name)
    }

    fn get_numbered(&self, number: usize, name: &str) -> Value<'_> {
        if name == self.name {
            return Value::Text(Cow::Borrowed(self.text));
        }
        self.others.get_numbered(number, name)
    }
}

/// Attributes of a user whom lists may name by other ids.
#[derive(Clone, Copy, Debug)]
pub struct WithIds<'a, A> {
    /// The attributes.
    pub others: &'a A,
    /// The ids of the user.
    pub ids: [&'a str; 2],
}

impl<A: Attributes> Attributes for WithIds<'_, A> {
    fn get(&self, name: &str) -> Value<'_> {
        self.others.get(name)
    }

    fn contains(&self, name: &str) -> bool {
        self.others.contains(name)
    }

    fn get_numbered(&self, number: usize, name: &str) -> Value<'_> {
        self.others.get_numbered(number, name)
    }

    fn user_named_by(&self, is_listed: &dyn Fn(&str) -> bool) -> Option<Cow<'_, str>> {
        let listed = self.ids.into_iter().find(|id| is_listed(id))?;
        Some(Cow::Borrowed(listed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_the_text_the_platforms_compare() {
        for (value, text) in [
            (Value::Missing, Some("")),
            (Value::Boolean(true), Some("true")),
            (Value::Boolean(false), Some("false")),
            (Value::Integer(-3), Some("-3")),
            (Value::Number(3.0), Some("3.0")),
            (Value::Text("a".into()), Some("a")),
            (Value::Object("[1]".into()), Some("[1]")),
            (Value::Unreadable, None),
        ] {
            assert_eq!(value.into_text().as_deref(), text);
        }
    }

    #[test]
    fn an_added_attribute_hides_the_one_of_its_name() {
        let others = HashMap::from([("id".to_owned(), Value::Integer(1))]);
        let with = WithText {
            others: &others,
            name: "id",
            text: "Ann",
        };
        assert_eq!(with.get("id"), Value::Text("Ann".into()));
        assert_eq!(with.get("other"), Value::Missing);
        assert!(with.contains("id"));
        assert!(!with.contains("other"));
    }
}
