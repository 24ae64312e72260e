//! A user's attributes, as audiences read them.
//!
//! Source: `PageSense` spec, sections 3 and 3.2.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::BuildHasher;

/// A name or a value among the attributes of a user: only text is ever compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute<'a> {
    /// Nothing: no such name, or Python's `None`.
    Missing,
    /// Text.
    Text(Cow<'a, str>),
    /// Text with half of a surrogate pair: it is like no text of a settings document.
    Unencodable,
    /// A value that is not text.
    Other,
}

impl Attribute<'_> {
    /// Whether there is nothing in it: blank text is something.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Missing => true,
            Self::Text(text) => text.is_empty(),
            Self::Unencodable | Self::Other => false,
        }
    }
}

/// Looks up a user's attributes for an audience.
pub trait Attributes {
    /// The value under this name.
    fn get(&self, name: &str) -> Attribute<'_>;

    /// Whether there is no entry.
    fn is_empty(&self) -> bool;

    /// Whether every entry, a name and a value, is accepted; asked up to the first that is not.
    fn all(&self, accept: &mut dyn FnMut(&Attribute<'_>, &Attribute<'_>) -> bool) -> bool;

    /// Whether there is an entry, and none with an empty name or value: where one is, no audience
    /// is looked at.
    fn are_complete(&self) -> bool {
        !self.is_empty() && self.all(&mut |name, value| !name.is_empty() && !value.is_empty())
    }
}

/// Attributes held by Rust, for programs and tests without an interpreter.
impl<S: BuildHasher> Attributes for HashMap<String, Attribute<'_>, S> {
    fn get(&self, name: &str) -> Attribute<'_> {
        HashMap::get(self, name)
            .cloned()
            .unwrap_or(Attribute::Missing)
    }

    fn is_empty(&self) -> bool {
        HashMap::is_empty(self)
    }

    fn all(&self, accept: &mut dyn FnMut(&Attribute<'_>, &Attribute<'_>) -> bool) -> bool {
        self.iter()
            .all(|(name, value)| accept(&Attribute::Text(Cow::Borrowed(name)), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(name: &str, value: Attribute<'static>) -> HashMap<String, Attribute<'static>> {
        let browser = ("Browser".to_owned(), Attribute::Text("Chrome".into()));
        HashMap::from([browser, (name.to_owned(), value)])
    }

    #[test]
    fn one_empty_name_or_value_spoils_all() {
        assert!(!HashMap::<String, Attribute<'_>>::new().are_complete());
        assert!(attributes("OS", Attribute::Text(" ".into())).are_complete());
        assert!(attributes("OS", Attribute::Other).are_complete());
        assert!(attributes("OS", Attribute::Unencodable).are_complete());
        assert!(!attributes("OS", Attribute::Text("".into())).are_complete());
        assert!(!attributes("OS", Attribute::Missing).are_complete());
        assert!(!attributes("", Attribute::Other).are_complete());
    }
}
