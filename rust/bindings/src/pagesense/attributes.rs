//! Python dictionaries as the audiences of `PageSense` read them.

use std::borrow::Cow;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use sortition_engine::pagesense::attributes::{Attribute, Attributes};

use crate::attributes::Interrupt;

/// A dictionary of the caller, or none.
pub(crate) struct PyAttributes<'a, 'py> {
    pub(crate) attributes: Option<&'a Bound<'py, PyDict>>,
    pub(crate) interrupt: &'a Interrupt,
}

impl Attributes for PyAttributes<'_, '_> {
    fn get(&self, name: &str) -> Attribute<'_> {
        let Some(attributes) = self.attributes else {
            return Attribute::Missing;
        };
        match attributes.get_item(name) {
            Ok(None) => Attribute::Missing,
            Ok(Some(value)) => owned(&value),
            Err(error) => {
                self.interrupt.note(attributes.py(), error);
                Attribute::Other
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.attributes.is_none_or(PyDictMethods::is_empty)
    }

    fn all(&self, accept: &mut dyn FnMut(&Attribute<'_>, &Attribute<'_>) -> bool) -> bool {
        let Some(attributes) = self.attributes else {
            return true;
        };
        // A copy: iterating over a dictionary that another thread changes would panic.
        attributes.items().iter().all(|entry| {
            let Ok(entry) = entry.cast::<PyTuple>() else {
                return false;
            };
            match (entry.get_item(0), entry.get_item(1)) {
                (Ok(name), Ok(value)) => accept(&read(&name), &read(&value)),
                _ => false,
            }
        })
    }
}

fn read<'a>(value: &'a Bound<'_, PyAny>) -> Attribute<'a> {
    if value.is_none() {
        return Attribute::Missing;
    }
    match value.cast::<PyString>().map(|text| text.to_str()) {
        Ok(Ok(text)) => Attribute::Text(Cow::Borrowed(text)),
        Ok(Err(_)) => Attribute::Unencodable,
        Err(_) => Attribute::Other,
    }
}

fn owned(value: &Bound<'_, PyAny>) -> Attribute<'static> {
    match read(value) {
        Attribute::Text(text) => Attribute::Text(Cow::Owned(text.into_owned())),
        Attribute::Missing => Attribute::Missing,
        Attribute::Unencodable => Attribute::Unencodable,
        Attribute::Other => Attribute::Other,
    }
}
