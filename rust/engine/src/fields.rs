//! The fields of one object of a settings document, read with their place at hand.
//!
//! Each platform's `wire` module adds its own rules.

use crate::document::{List, Object, Value};
use crate::problem::{Consequence, Place, Problem, kind_of};

/// The fields of one object.
pub(crate) struct Fields<'p, 'v> {
    pub(crate) place: &'p Place<'p>,
    pub(crate) object: Object<'v>,
    pub(crate) consequence: Consequence,
}

impl<'p, 'v> Fields<'p, 'v> {
    /// The fields of a value, which must be an object; any fault in them has this consequence.
    pub(crate) fn read(
        place: &'p Place<'p>,
        value: Value<'v>,
        consequence: Consequence,
    ) -> Result<Self, Problem> {
        match value {
            Value::Object(object) => Ok(Self {
                place,
                object,
                consequence,
            }),
            other => Err(place.problem("an object", kind_of(Some(other)), consequence)),
        }
    }

    /// The problem of the value under this key.
    pub(crate) fn wrong(&self, key: &str, wanted: &str, found: &str) -> Problem {
        self.place.key(key).problem(wanted, found, self.consequence)
    }

    /// The problem of a value of the wrong kind.
    pub(crate) fn unlike(&self, key: &str, wanted: &str) -> Problem {
        self.wrong(key, wanted, kind_of(self.object.get(key)))
    }

    /// The value under this key, unless it is absent or null.
    pub(crate) fn present(&self, key: &str) -> Option<Value<'v>> {
        self.object
            .get(key)
            .filter(|value| !matches!(value, Value::Null))
    }

    /// A string, which may be empty.
    pub(crate) fn string(&self, key: &str) -> Result<&'v str, Problem> {
        match self.object.get(key) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(self.unlike(key, "a string")),
        }
    }

    /// A boolean.
    pub(crate) fn boolean(&self, key: &str) -> Result<bool, Problem> {
        match self.object.get(key) {
            Some(Value::Bool(boolean)) => Ok(boolean),
            _ => Err(self.unlike(key, "a boolean")),
        }
    }

    /// A finite number.
    pub(crate) fn number(&self, key: &str) -> Result<f64, Problem> {
        match self.object.get(key) {
            Some(Value::Number(number)) => number
                .finite()
                .ok_or_else(|| self.wrong(key, "a finite number", "one that is too large")),
            _ => Err(self.unlike(key, "a number")),
        }
    }

    /// A finite number that is not negative.
    pub(crate) fn number_from_zero(&self, key: &str) -> Result<f64, Problem> {
        let number = self.number(key)?;
        if number < 0.0 {
            return Err(self.wrong(key, "a number from 0", "a negative number"));
        }
        Ok(number)
    }

    /// A list.
    pub(crate) fn list(&self, key: &str) -> Result<List<'v>, Problem> {
        match self.object.get(key) {
            Some(Value::List(list)) => Ok(list),
            _ => Err(self.unlike(key, "a list")),
        }
    }

    /// A list whose elements are read so.
    pub(crate) fn list_of<T>(
        &self,
        key: &str,
        read: impl Fn(&Place<'_>, Value<'v>) -> Result<T, Problem>,
    ) -> Result<Vec<T>, Problem> {
        self.elements(key, self.list(key)?, read)
    }

    /// The elements of the list under this key, each read so.
    pub(crate) fn elements<T>(
        &self,
        key: &str,
        list: List<'v>,
        read: impl Fn(&Place<'_>, Value<'v>) -> Result<T, Problem>,
    ) -> Result<Vec<T>, Problem> {
        let place = self.place.key(key);
        list.iter()
            .enumerate()
            .map(|(index, value)| read(&place.index(index), value))
            .collect()
    }
}
