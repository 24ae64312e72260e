//! Errors that end a call even where an ordinary error of the caller's object does not.

use std::cell::RefCell;

use pyo3::exceptions::PyException;
use pyo3::prelude::*;

/// An exception of a caller's object that must not be swallowed, such as `KeyboardInterrupt`.
#[derive(Default)]
pub(crate) struct Interrupt(RefCell<Option<PyErr>>);

impl Interrupt {
    /// Takes note of an error, unless it is an ordinary one.
    pub(crate) fn note(&self, py: Python<'_>, error: PyErr) {
        if !error.is_instance_of::<PyException>(py) {
            self.0.replace(Some(error));
        }
    }

    /// The interrupt, if there was one.
    pub(crate) fn check(self) -> PyResult<()> {
        self.0.into_inner().map_or(Ok(()), Err)
    }
}
