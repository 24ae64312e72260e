//! Calls in which code of Python's may run.
//!
//! These are calls of anything that is written in Python, look-ups in dictionaries, whose keys may be
//! compared by such code, and, up to Python 3.11, making anything that its garbage collector tracks:
//! it may run there, and with it finalizers of the caller's.
//!
//! While the interpreter exits, Python up to 3.13 ends a daemon thread that comes back to it by
//! unwinding the thread's stack, which no frame of Rust's that drops or catches anything can bear:
//! the process would be aborted. Such a thread is held here instead, until the process is gone.

use std::ffi::c_int;
use std::ptr::null_mut;
use std::{mem, thread};

use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple, PyType};
use pyo3::{IntoPyObjectExt, PyClass, PyClassInitializer};

/// Ends no thread that holds it, but keeps it for ever.
struct Hold;

impl Drop for Hold {
    fn drop(&mut self) {
        loop {
            thread::park();
        }
    }
}

type Object = *mut ffi::PyObject;

/// Functions of Python's that may end the thread, each of which holds it instead.
macro_rules! held {
    ($($(#[$condition:meta])? $name:ident = $function:ident($($argument:ident: $type:ty),*) -> $answer:ty;)+) => {
        // Declared once more, since they may unwind, which those of `pyo3` are said not to.
        unsafe extern "C-unwind" {
            $($(#[$condition])? fn $function($($argument: $type),*) -> $answer;)+
        }
        $(
            /// # Safety
            ///
            /// The objects live on, and the interpreter is attached.
            $(#[$condition])?
            unsafe fn $name($($argument: $type),*) -> $answer {
                // Where the compiler sees which function is called, it may take what `pyo3` says of
                // the same symbol, that it never unwinds, and leave the hold out.
                let function = std::hint::black_box(
                    $function as unsafe extern "C-unwind" fn($($type),*) -> $answer,
                );
                let hold = Hold;
                // SAFETY: as above.
                let answer = unsafe { function($($argument),*) };
                mem::forget(hold);
                answer
            }
        )+
    };
}

held! {
    call_object = PyObject_Call(callable: Object, arguments: Object, options: Object) -> Object;
    set_item = PyDict_SetItem(dictionary: Object, key: Object, value: Object) -> c_int;
    text_of_object = PyObject_Str(object: Object) -> Object;
    #[cfg(not(Py_GIL_DISABLED))]
    item = PyDict_GetItemWithError(dictionary: Object, key: Object) -> Object;
    #[cfg(Py_GIL_DISABLED)]
    item = PyDict_GetItemRef(dictionary: Object, key: Object, found: *mut Object) -> c_int;
}

/// Makes objects while the garbage collector rests.
///
/// Up to Python 3.11 it may run wherever an object is made, and with it finalizers of the caller's,
/// in which the interpreter may end this thread. `work` must run no code of Python's itself.
fn uncollected<T>(_py: Python<'_>, work: impl FnOnce() -> T) -> T {
    struct Resume(bool);

    impl Drop for Resume {
        fn drop(&mut self) {
            if self.0 {
                // SAFETY: the interpreter is attached, as it was when the collector was stopped.
                unsafe { ffi::PyGC_Enable() };
            }
        }
    }

    // SAFETY: the interpreter is attached.
    let _resume = Resume(unsafe { ffi::PyGC_Disable() } == 1);
    work()
}

/// A tuple of these, which are made into objects of Python's first.
#[expect(clippy::disallowed_methods, reason = "the collector rests")]
pub(crate) fn tuple<'py, T: IntoPyObject<'py>>(
    py: Python<'py>,
    items: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator<Item = T>>,
) -> PyResult<Bound<'py, PyTuple>> {
    uncollected(py, || PyTuple::new(py, items))
}

/// A list of these, which are made into objects of Python's first.
#[expect(clippy::disallowed_methods, reason = "the collector rests")]
pub(crate) fn list<'py, T: IntoPyObject<'py>>(
    py: Python<'py>,
    items: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator<Item = T>>,
) -> PyResult<Bound<'py, PyList>> {
    uncollected(py, || PyList::new(py, items))
}

/// An empty dictionary.
#[expect(clippy::disallowed_methods, reason = "the collector rests")]
pub(crate) fn dictionary(py: Python<'_>) -> Bound<'_, PyDict> {
    uncollected(py, || PyDict::new(py))
}

/// A dictionary of the same entries.
pub(crate) fn copy_of<'py>(dictionary: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyDict>> {
    uncollected(dictionary.py(), || dictionary.copy())
}

/// Makes an object of a class of ours, which every method that returns one does here: `pyo3` would
/// make it after the method, where the collector may run.
pub(crate) fn object<T: PyClass>(
    py: Python<'_>,
    value: impl Into<PyClassInitializer<T>>,
) -> PyResult<Py<T>> {
    uncollected(py, || Py::new(py, value))
}

/// Makes an object of a class.
pub(crate) fn make<'py>(
    py: Python<'py>,
    class: &Py<PyType>,
    arguments: impl IntoPyObject<'py, Target = PyTuple>,
) -> PyResult<Py<PyAny>> {
    let arguments = uncollected(py, || arguments.into_bound_py_any(py))?;
    Ok(call(class.bind(py), arguments.cast()?, None)?.unbind())
}

/// Calls a function of Python's.
pub(crate) fn call<'py>(
    function: &Bound<'py, PyAny>,
    arguments: &Bound<'py, PyTuple>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let options = options.map_or(null_mut(), Bound::as_ptr);
    // SAFETY: a function, a tuple and a dictionary or null, which all live on; the caller owns the
    // answer, or it is null where an exception is set.
    unsafe {
        let answer = call_object(function.as_ptr(), arguments.as_ptr(), options);
        Bound::from_owned_ptr_or_err(function.py(), answer)
    }
}

/// Puts an entry into a dictionary, whose other keys may be objects whose comparison is Python's.
pub(crate) fn put(
    dictionary: &Bound<'_, PyDict>,
    name: &Bound<'_, PyAny>,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    // SAFETY: a dictionary and two objects, which all live on.
    match unsafe { set_item(dictionary.as_ptr(), name.as_ptr(), value.as_ptr()) } {
        0 => Ok(()),
        _ => Err(PyErr::fetch(dictionary.py())),
    }
}

/// What `str()` makes of an object.
pub(crate) fn text_of<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    // SAFETY: an object that lives on; the caller owns the text, or it is null where an exception is
    // set.
    let text = unsafe { Bound::from_owned_ptr_or_err(value.py(), text_of_object(value.as_ptr()))? };
    Ok(text.cast_into()?)
}

/// What a dictionary has under a key; the other keys may be objects whose comparison is Python's.
pub(crate) fn item_of<'py>(
    dictionary: &Bound<'py, PyDict>,
    key: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let (py, object, key) = (dictionary.py(), dictionary.as_ptr(), key.as_ptr());
    // SAFETY: a dictionary and an object, which both live on. What is found is borrowed from the
    // dictionary, which nobody changes meanwhile: the interpreter is attached, and its lock is held.
    #[cfg(not(Py_GIL_DISABLED))]
    let found = unsafe { Bound::from_borrowed_ptr_or_opt(py, item(object, key)) };
    // SAFETY: as above, and a place for what is found, which the caller owns.
    #[cfg(Py_GIL_DISABLED)]
    let found = unsafe {
        let mut found = null_mut();
        item(object, key, &raw mut found);
        Bound::from_owned_ptr_or_opt(py, found)
    };
    match found {
        Some(found) => Ok(Some(found)),
        None => PyErr::take(py).map_or(Ok(None), Err),
    }
}

/// Wakes the thread that waits at a Python queue.
pub(crate) fn ring(bell: &Bound<'_, PyAny>) {
    let py = bell.py();
    // If there is no memory for the entry, the waiting thread looks again by itself.
    let _ = uncollected(py, || bell.getattr(intern!(py, "put")))
        .and_then(|put| call(&put, &tuple(py, [py.None()])?, None));
}
