//! Calls in which code of Python's may run.
//!
//! These are calls of anything that is written in Python, which are made nowhere else but at the end of
//! [`direct`](crate::direct), and, up to Python 3.11, making anything that its garbage collector tracks:
//! it may run there, and with it finalizers of the caller's.
//!
//! While the interpreter exits, Python up to 3.13 ends a daemon thread that comes back to it by
//! unwinding the thread's stack, which no frame of Rust's that drops or catches anything can bear:
//! the process would be aborted. Such a thread is held here instead, until the process is gone.

use std::ffi::c_int;
use std::ptr::null_mut;
use std::{mem, thread};

use pyo3::IntoPyObjectExt;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple, PyType};

// Declared once more, since they may unwind, which those of `pyo3` are said not to.
unsafe extern "C-unwind" {
    fn PyObject_Call(
        callable: *mut ffi::PyObject,
        arguments: *mut ffi::PyObject,
        options: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject;
    fn PyObject_CallMethodObjArgs(
        object: *mut ffi::PyObject,
        name: *mut ffi::PyObject,
        ...
    ) -> *mut ffi::PyObject;
    fn PyTuple_New(length: ffi::Py_ssize_t) -> *mut ffi::PyObject;
    fn PyList_New(length: ffi::Py_ssize_t) -> *mut ffi::PyObject;
    fn PyDict_New() -> *mut ffi::PyObject;
    fn PyDict_Copy(dictionary: *mut ffi::PyObject) -> *mut ffi::PyObject;
    fn PyDict_SetItem(
        dictionary: *mut ffi::PyObject,
        key: *mut ffi::PyObject,
        value: *mut ffi::PyObject,
    ) -> c_int;
    fn PyObject_Str(object: *mut ffi::PyObject) -> *mut ffi::PyObject;
    #[cfg(not(Py_GIL_DISABLED))]
    fn PyDict_GetItemWithError(
        dictionary: *mut ffi::PyObject,
        key: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject;
    #[cfg(Py_GIL_DISABLED)]
    fn PyDict_GetItemRef(
        dictionary: *mut ffi::PyObject,
        key: *mut ffi::PyObject,
        item: *mut *mut ffi::PyObject,
    ) -> c_int;
}

/// The function, as one of which the compiler knows nothing.
///
/// Where it sees which function is called, it may take what `pyo3` says of the same symbol, that it
/// never unwinds, and leave out what [`held`] is for: in the release build it does.
macro_rules! opaque {
    ($function:ident($($argument:ty),* $(,)?) -> $answer:ty) => {
        std::hint::black_box($function as unsafe extern "C-unwind" fn($($argument),*) -> $answer)
    };
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

/// Makes an object of a class.
pub(crate) fn make<'py>(
    py: Python<'py>,
    class: &Py<PyType>,
    arguments: impl IntoPyObject<'py, Target = PyTuple>,
) -> PyResult<Py<PyAny>> {
    let arguments = uncollected(py, || arguments.into_bound_py_any(py))?;
    Ok(call(class.bind(py), arguments.cast()?, None)?.unbind())
}

/// Calls a method for what it does.
fn method(
    object: &Bound<'_, PyAny>,
    name: &Bound<'_, PyString>,
    argument: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    let py = object.py();
    let (object, name) = (object.as_ptr(), name.as_ptr());
    let given = argument.map_or(null_mut(), Bound::as_ptr);
    let end = null_mut::<ffi::PyObject>();
    // SAFETY: objects that live on, and the null that ends the arguments.
    let none = held(|| unsafe {
        std::hint::black_box(
            PyObject_CallMethodObjArgs
                as unsafe extern "C-unwind" fn(
                    *mut ffi::PyObject,
                    *mut ffi::PyObject,
                    ...
                ) -> *mut ffi::PyObject,
        )(object, name, given, end)
    });
    // SAFETY: the caller owns it, or it is null where an exception is set.
    unsafe { Bound::from_owned_ptr_or_err(py, none) }.map(drop)
}

/// An empty dictionary.
pub(crate) fn dictionary(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    // SAFETY: the interpreter is attached.
    let made = held(|| unsafe { opaque!(PyDict_New() -> *mut ffi::PyObject)() });
    // SAFETY: the caller owns it, or it is null where an exception is set.
    Ok(unsafe { Bound::from_owned_ptr_or_err(py, made)? }.cast_into()?)
}

/// A dictionary of the same entries.
pub(crate) fn copy_of<'py>(dictionary: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyDict>> {
    let (py, original) = (dictionary.py(), dictionary.as_ptr());
    // SAFETY: a dictionary that lives on.
    let copy = held(|| unsafe {
        opaque!(PyDict_Copy(*mut ffi::PyObject) -> *mut ffi::PyObject)(original)
    });
    // SAFETY: the caller owns it, or it is null where an exception is set.
    Ok(unsafe { Bound::from_owned_ptr_or_err(py, copy)? }.cast_into()?)
}

/// Puts an entry into a dictionary, whose other keys may be objects whose comparison is Python's.
pub(crate) fn put(
    dictionary: &Bound<'_, PyDict>,
    name: &Bound<'_, PyAny>,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let (object, name, value) = (dictionary.as_ptr(), name.as_ptr(), value.as_ptr());
    // SAFETY: a dictionary and two objects, which all live on.
    let failed = held(|| unsafe {
        opaque!(PyDict_SetItem(*mut ffi::PyObject, *mut ffi::PyObject, *mut ffi::PyObject) -> c_int)(
            object, name, value,
        )
    });
    if failed == 0 {
        Ok(())
    } else {
        Err(PyErr::fetch(dictionary.py()))
    }
}

/// Calls a function of Python's.
pub(crate) fn call<'py>(
    function: &Bound<'py, PyAny>,
    arguments: &Bound<'py, PyTuple>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (function_, arguments) = (function.as_ptr(), arguments.as_ptr());
    let options = options.map_or(null_mut(), Bound::as_ptr);
    // SAFETY: a function, a tuple and a dictionary or null, which all live on.
    let answer = held(|| unsafe {
        opaque!(
            PyObject_Call(
                *mut ffi::PyObject,
                *mut ffi::PyObject,
                *mut ffi::PyObject,
            ) -> *mut ffi::PyObject
        )(function_, arguments, options)
    });
    // SAFETY: the caller owns it, or it is null where an exception is set.
    unsafe { Bound::from_owned_ptr_or_err(function.py(), answer) }
}

/// A tuple of these.
pub(crate) fn tuple_of<'py>(
    py: Python<'py>,
    items: impl IntoIterator<Item = Bound<'py, PyAny>, IntoIter: ExactSizeIterator>,
) -> PyResult<Bound<'py, PyTuple>> {
    let items = items.into_iter();
    let length = ffi::Py_ssize_t::try_from(items.len())?;
    // SAFETY: the interpreter is attached.
    let made =
        held(|| unsafe { opaque!(PyTuple_New(ffi::Py_ssize_t) -> *mut ffi::PyObject)(length) });
    // SAFETY: the caller owns it, or it is null where an exception is set.
    let made = unsafe { Bound::from_owned_ptr_or_err(py, made)? };
    for (index, item) in (0..length).zip(items) {
        // SAFETY: a new tuple of this length, which takes over what is owned here.
        unsafe { ffi::PyTuple_SetItem(made.as_ptr(), index, item.into_ptr()) };
    }
    Ok(made.cast_into()?)
}

/// A list of these.
pub(crate) fn list_of<'py, T>(
    py: Python<'py>,
    items: Vec<Bound<'py, T>>,
) -> PyResult<Bound<'py, PyList>> {
    let length = ffi::Py_ssize_t::try_from(items.len())?;
    // SAFETY: the interpreter is attached.
    let made =
        held(|| unsafe { opaque!(PyList_New(ffi::Py_ssize_t) -> *mut ffi::PyObject)(length) });
    // SAFETY: the caller owns it, or it is null where an exception is set.
    let made = unsafe { Bound::from_owned_ptr_or_err(py, made)? };
    for (index, item) in (0..length).zip(items) {
        // SAFETY: a new list of this length, which takes over what is owned here.
        unsafe { ffi::PyList_SetItem(made.as_ptr(), index, item.into_ptr()) };
    }
    Ok(made.cast_into()?)
}

/// What `str()` makes of an object.
pub(crate) fn text_of<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    let object = value.as_ptr();
    // SAFETY: an object that lives on.
    let text =
        held(|| unsafe { opaque!(PyObject_Str(*mut ffi::PyObject) -> *mut ffi::PyObject)(object) });
    // SAFETY: the caller owns it, or it is null where an exception is set.
    let text = unsafe { Bound::from_owned_ptr_or_err(value.py(), text)? };
    Ok(text.cast_into()?)
}

/// What a dictionary has under a name; the other keys may be objects whose comparison is Python's.
pub(crate) fn item_of<'py>(
    dictionary: &Bound<'py, PyDict>,
    name: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    item_at(dictionary, name)
}

/// What a dictionary has under a key.
#[cfg(not(Py_GIL_DISABLED))]
pub(crate) fn item_at<'py>(
    dictionary: &Bound<'py, PyDict>,
    key: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = dictionary.py();
    let (object, key) = (dictionary.as_ptr(), key.as_ptr());
    // SAFETY: a dictionary and an object, which both live on.
    let item = held(|| unsafe {
        opaque!(
            PyDict_GetItemWithError(*mut ffi::PyObject, *mut ffi::PyObject) -> *mut ffi::PyObject
        )(object, key)
    });
    // SAFETY: it is borrowed from the dictionary, which nobody changes meanwhile: the interpreter is
    // attached, and its lock is held.
    match unsafe { Bound::from_borrowed_ptr_or_opt(py, item) } {
        Some(item) => Ok(Some(item)),
        None => PyErr::take(py).map_or(Ok(None), Err),
    }
}

/// The same where other threads may change the dictionary meanwhile.
#[cfg(Py_GIL_DISABLED)]
pub(crate) fn item_at<'py>(
    dictionary: &Bound<'py, PyDict>,
    key: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = dictionary.py();
    let (object, key) = (dictionary.as_ptr(), key.as_ptr());
    let mut item = null_mut();
    // SAFETY: a dictionary and an object, which both live on, and a place for what is found.
    let found = held(|| unsafe {
        opaque!(
            PyDict_GetItemRef(
                *mut ffi::PyObject,
                *mut ffi::PyObject,
                *mut *mut ffi::PyObject,
            ) -> c_int
        )(object, key, &raw mut item)
    });
    if found < 0 {
        return Err(PyErr::fetch(py));
    }
    // SAFETY: the caller owns it, or it is null where nothing was found.
    Ok(unsafe { Bound::from_owned_ptr_or_opt(py, item) })
}

/// Wakes whoever waits at a queue of Python's.
pub(crate) fn ring(bell: &Bound<'_, PyAny>) {
    let none = bell.py().None();
    // Where there is no memory for it, whoever waits looks again by itself.
    let _ = method(bell, intern!(bell.py(), "put"), Some(none.bind(bell.py())));
}
