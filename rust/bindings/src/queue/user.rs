//! The user of an event: the key for the order that a queue keeps per user.

use std::borrow::Cow;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

const ENCODING: (&str, &str) = ("utf-8", "surrogatepass");

/// A user's name in UTF-8, where half of a surrogate pair is encoded like any other character.
///
/// Python's strings may hold such halves, which `str` cannot; every string has a key of its own.
#[derive(Default)]
pub(crate) struct UserName<'a>(Cow<'a, [u8]>);

impl<'a> UserName<'a> {
    pub(crate) fn into_key(self) -> Cow<'a, [u8]> {
        self.0
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for UserName<'a> {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(name) = object.extract::<&'a str>() {
            return Ok(Self(Cow::Borrowed(name.as_bytes())));
        }
        let (encoding, errors) = ENCODING;
        let text = object.cast::<PyString>()?;
        // The type's own method: a subclass may have another.
        let encoded = object
            .py()
            .get_type::<PyString>()
            .call_method1("encode", (text, encoding, errors))?;
        let bytes = encoded.cast::<PyBytes>()?.as_bytes().to_vec();
        Ok(Self(Cow::Owned(bytes)))
    }
}

/// The string that a key was made from.
pub(crate) fn text_of(py: Python<'_>, key: &[u8]) -> PyResult<Py<PyString>> {
    if let Ok(name) = str::from_utf8(key) {
        return Ok(PyString::new(py, name).unbind());
    }
    let decoded = PyBytes::new(py, key).call_method1("decode", ENCODING)?;
    Ok(decoded.cast_into::<PyString>()?.unbind())
}
