//! Python dictionaries as the engine reads them.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString};
use sortition_engine::vwo::attributes::{Attributes, Value};
use sortition_engine::vwo::decision::{Record, Records, Stored};

use crate::calling::{item_of, text_of};
use crate::interrupt::Interrupt;

/// More than most segments ask for.
const KEPT_TEXTS: usize = 6;

/// The findings from reading the dictionaries of one call.
#[derive(Default)]
pub(crate) struct Reading<'py> {
    pub(crate) interrupt: Interrupt,
    /// Texts that were read, kept here so that they need not be copied.
    texts: [OnceCell<Bound<'py, PyString>>; KEPT_TEXTS],
    kept: Cell<usize>,
}

impl<'py> Reading<'py> {
    fn text(&self, text: Bound<'py, PyString>) -> Value<'_> {
        let read = if let Some(place) = self.texts.get(self.kept.get()) {
            self.kept.set(self.kept.get() + 1);
            place.get_or_init(|| text).to_str().map(Cow::Borrowed)
        } else {
            text.to_str().map(|text| Cow::Owned(text.to_owned()))
        };
        // Text with a lone surrogate cannot be compared.
        read.map_or(Value::Unreadable, Value::Text)
    }

    fn value(&self, value: Bound<'py, PyAny>) -> Value<'_> {
        let value = match value.cast_into_exact::<PyString>() {
            Ok(text) => return self.text(text),
            Err(other) => other.into_inner(),
        };
        if value.is_none() {
            return Value::Missing;
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
        match text_of(&value) {
            Ok(text) => text.to_str().map_or(Value::Unreadable, |text| {
                Value::Object(Cow::Owned(text.to_owned()))
            }),
            Err(error) => {
                self.interrupt.note(value.py(), error);
                Value::Unreadable
            }
        }
    }
}

/// A dictionary of the caller, or none.
pub(crate) struct PyAttributes<'a, 'py> {
    pub(crate) attributes: Option<&'a Bound<'py, PyDict>>,
    /// The names that the settings ask for, by their numbers, so that none is made for a look-up.
    pub(crate) names: &'a [Py<PyString>],
    pub(crate) reading: &'a Reading<'py>,
}

impl<'py> PyAttributes<'_, 'py> {
    fn value_of(&self, py: Python<'_>, found: PyResult<Option<Bound<'py, PyAny>>>) -> Value<'_> {
        match found {
            Ok(None) => Value::Missing,
            Ok(Some(value)) => self.reading.value(value),
            Err(error) => {
                self.reading.interrupt.note(py, error);
                Value::Unreadable
            }
        }
    }
}

impl Attributes for PyAttributes<'_, '_> {
    fn get(&self, name: &str) -> Value<'_> {
        let Some(attributes) = self.attributes else {
            return Value::Missing;
        };
        let py = attributes.py();
        self.value_of(py, item_of(attributes, &PyString::new(py, name)))
    }

    fn contains(&self, name: &str) -> bool {
        self.attributes.is_some_and(|attributes| {
            let name = PyString::new(attributes.py(), name);
            match item_of(attributes, &name) {
                Ok(item) => item.is_some(),
                Err(error) => {
                    self.reading.interrupt.note(attributes.py(), error);
                    false
                }
            }
        })
    }

    fn get_numbered(&self, number: usize, name: &str) -> Value<'_> {
        match (self.attributes, self.names.get(number)) {
            (Some(attributes), Some(key)) => {
                let py = attributes.py();
                self.value_of(py, item_of(attributes, key.bind(py)))
            }
            _ => self.get(name),
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
