//! Python dictionaries as the audiences of `PageSense` read them.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use sortition_engine::pagesense::attributes::{Attribute, Attributes};

use crate::calling::item_of;
use crate::interrupt::Interrupt;

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
        match item_of(attributes, &PyString::new(attributes.py(), name)) {
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
        let (accept, are_all) = (RefCell::new(accept), Cell::new(true));
        // Nothing in here runs Python, so no other thread changes the dictionary meanwhile.
        let read_all = attributes.locked_for_each(|name, value| {
            let mut accept = accept.borrow_mut();
            are_all.set(are_all.get() && accept(&read(&name), &read(&value)));
            Ok(())
        });
        read_all.is_ok() && are_all.get()
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
