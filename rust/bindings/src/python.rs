//! The engine's versions of Python's functions, for the tests that compare both.

use pyo3::prelude::*;
use pythonic::pattern::{Budget, Pattern, PatternError, Search};
use pythonic::{float, integer, text};

/// `float(text)`; None where it raises.
#[pyfunction]
pub(crate) fn python_float(text: &str) -> Option<f64> {
    float::parse(text)
}

/// `int(text)`, within 64 bits; None where it raises.
#[pyfunction]
pub(crate) fn python_integer(text: &str) -> Option<i64> {
    integer::parse(text)
}

/// `repr(number)`.
#[pyfunction]
pub(crate) fn python_repr(number: f64) -> String {
    float::repr(number)
}

/// `text.lower()`.
#[pyfunction]
pub(crate) fn python_lower(text: &str) -> String {
    text::lower(text).into_owned()
}

/// `text.strip()`.
#[pyfunction]
pub(crate) fn python_strip(text: &str) -> &str {
    text::strip(text)
}

/// The outcome of `re.search(pattern, text)`, in one word.
#[pyfunction]
pub(crate) fn python_search(pattern: &str, text: &str) -> &'static str {
    match Pattern::compile(pattern).map(|pattern| pattern.search(text, &Budget::default())) {
        Ok(Search::Found) => "found",
        Ok(Search::NotFound) => "not found",
        Ok(Search::GivenUp) => "given up",
        Err(PatternError::Invalid) => "invalid",
        Err(PatternError::Unsupported(_)) => "unsupported",
    }
}
