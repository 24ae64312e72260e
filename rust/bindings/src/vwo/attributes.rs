//! Python dictionaries as the engine reads them.

use std::borrow::Cow;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString};
use sortition_engine::vwo::attributes::{Attributes, Value};
use sortition_engine::vwo::decision::{Record, Records, Stored};

use crate::calling::{item_of, text_of};
use crate::interrupt::Interrupt;

/// A dictionary of the caller, or none.
pub(crate) struct PyAttributes<'a, 'py> {
    pub(crate) attributes: Option<&'a Bound<'py, PyDict>>,
    pub(crate) interrupt: &'a Interrupt,
}

impl Attributes for PyAttributes<'_, '_> {
    fn get(&self, name: &str) -> Value<'_> {
        let Some(attributes) = self.attributes else {
            return Value::Missing;
        };
        match item_of(attributes, &PyString::new(attributes.py(), name)) {
            Ok(None) => Value::Missing,
            Ok(Some(value)) => read(&value, self.interrupt),
            Err(error) => {
                self.interrupt.note(attributes.py(), error);
                Value::Unreadable
            }
        }
    }

    fn contains(&self, name: &str) -> bool {
        self.attributes.is_some_and(|attributes| {
            let name = PyString::new(attributes.py(), name);
            match item_of(attributes, &name) {
                Ok(item) => item.is_some(),
                Err(error) => {
                    self.interrupt.note(attributes.py(), error);
                    false
                }
            }
        })
    }
}

fn read(value: &Bound<'_, PyAny>, interrupt: &Interrupt) -> Value<'static> {
    if value.is_none() {
        return Value::Missing;
    }
    if let Ok(text) = value.cast_exact::<PyString>() {
        return match text.to_str() {
            Ok(text) => Value::Text(Cow::Owned(text.to_owned())),
            // Half of a surrogate pair is no text that could be compared.
            Err(_) => Value::Unreadable,
        };
    }
    if let Ok(boolean) = value.cast_exact::<PyBool>() {
        return Value::Boolean(boolean.is_true());
    }
    if let Ok(integer) = value.cast_exact::<PyInt>()
        && let Ok(integer) = integer.extract()
    {
        return Value::Integer(integer);
    }
    if let Ok(number) = value.cast_exact::<PyFloat>() {
        return Value::Number(number.value());
    }
    // Only Python knows what `str()` makes of any other object.
    match text_of(value) {
        Ok(text) => match text.to_str() {
            Ok(text) => Value::Object(Cow::Owned(text.to_owned())),
            Err(_) => Value::Unreadable,
        },
        Err(error) => {
            interrupt.note(value.py(), error);
            Value::Unreadable
        }
    }
}

/// Records of the user storage, by campaign key.
pub(crate) struct PyRecords<'a, 'py>(pub(crate) Option<&'a Bound<'py, PyDict>>);

impl Records for PyRecords<'_, '_> {
    fn find(&self, campaign_key: &str) -> Stored<'_> {
        let Some(records) = self.0 else {
            return Stored::NotAsked;
        };
        match item_of(records, &PyString::new(records.py(), campaign_key)) {
            Ok(None) => Stored::NotAsked,
            Ok(Some(record)) => read_record(&record),
            Err(_) => Stored::Unusable,
        }
    }
}

fn read_record(record: &Bound<'_, PyAny>) -> Stored<'static> {
    if record.is_none() {
        return Stored::Nothing;
    }
    let Ok(record) = record.cast::<PyDict>() else {
        return Stored::Unusable;
    };
    if record.is_empty() {
        return Stored::Nothing;
    }
    let text = |name: &str| -> Option<Cow<'static, str>> {
        let value = item_of(record, &PyString::new(record.py(), name)).ok()??;
        let text = value.cast::<PyString>().ok()?.to_str().ok()?;
        Some(Cow::Owned(text.to_owned()))
    };
    Stored::Record(Record {
        campaign_key: text("campaignKey"),
        variation_name: text("variationName"),
        goal_identifiers: text("goalIdentifiers"),
    })
}
