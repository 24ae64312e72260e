//! Calls in which code of Python's may run: the only place.
//!
//! While the interpreter exits, Python up to 3.13 ends a daemon thread that comes back to it by
//! unwinding the thread's stack, which no frame of Rust's that drops or catches anything can bear:
//! the process would be aborted. Such a thread is held here instead, until the process is gone.

use std::ptr::null_mut;
use std::{mem, thread};

use pyo3::IntoPyObjectExt;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};

// Declared once more, since they may unwind, which those of `pyo3` are said not to.
unsafe extern "C-unwind" {
    fn PyObject_Call(
        callable: *mut ffi::PyObject,
        arguments: *mut ffi::PyObject,
        options: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject;
    fn PyObject_Str(object: *mut ffi::PyObject) -> *mut ffi::PyObject;
    fn PyDict_GetItemWithError(
        dictionary: *mut ffi::PyObject,
        key: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject;
}

/// Ends no thread that holds it, but keeps it for ever.
struct Hold;

impl Drop for Hold {
    fn drop(&mut self) {
        loop {
            thread::park();
        }
    }
}

/// Does what may end the thread; it is to do nothing else.
fn held<T>(work: impl FnOnce() -> T) -> T {
    let hold = Hold;
    let done = work();
    mem::forget(hold);
    done
}

/// Makes an object of a class.
pub(crate) fn make<'py>(
    py: Python<'py>,
    class: &Py<PyType>,
    arguments: impl IntoPyObject<'py, Target = PyTuple>,
) -> PyResult<Py<PyAny>> {
    let arguments = arguments.into_bound_py_any(py)?;
    let (class, given) = (class.as_ptr(), arguments.as_ptr());
    // SAFETY: a class and a tuple, which both live on; there need not be options.
    let object = held(|| unsafe { PyObject_Call(class, given, null_mut()) });
    // SAFETY: it is owned by whoever calls, or null where an exception is set.
    Ok(unsafe { Bound::from_owned_ptr_or_err(py, object)? }.unbind())
}

/// What `str()` makes of an object.
pub(crate) fn text_of<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    let object = value.as_ptr();
    // SAFETY: an object that lives on.
    let text = held(|| unsafe { PyObject_Str(object) });
    // SAFETY: it is owned by whoever calls, or null where an exception is set.
    let text = unsafe { Bound::from_owned_ptr_or_err(value.py(), text)? };
    Ok(text.cast_into()?)
}

/// What a dictionary has under a name; the other keys may be objects whose comparison is Python's.
pub(crate) fn item_of<'py>(
    dictionary: &Bound<'py, PyDict>,
    name: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = dictionary.py();
    let (object, key) = (dictionary.as_ptr(), name.as_ptr());
    // SAFETY: a dictionary and an object, which both live on.
    let item = held(|| unsafe { PyDict_GetItemWithError(object, key) });
    // SAFETY: it is borrowed from the dictionary, which lives on while it is taken here.
    match unsafe { Bound::from_borrowed_ptr_or_opt(py, item) } {
        Some(item) => Ok(Some(item)),
        None => PyErr::take(py).map_or(Ok(None), Err),
    }
}
