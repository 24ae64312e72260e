//! Public calls that the compiled module answers without a frame of Python's.
//!
//! A public method looks at its arguments first. Where they are plain, it asks the engine, puts the
//! event into the queue and returns the answer. Anything else, from a user storage to a mistake,
//! goes to the method as it is written in Python; nothing was sent or logged then.

use std::ffi::{CString, c_char};
use std::slice;

use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyCFunction, PyDict, PyFloat, PyInt, PyNone, PyString, PyTuple, PyType};
use pyo3::{PyTypeInfo, ffi, intern};
use pythonic::float;
use pythonic::json::push_string;

use crate::calling::{call, dictionary, item_of, put, tuple};
use crate::error::{caught, without_panic};
use crate::fork;
use crate::pagesense::direct as pagesense;
use crate::queue::Queue;
use crate::queue::counts::Kind;
use crate::vwo::direct as vwo;

/// No frameless answer.
pub(crate) enum Otherwise {
    /// The method is to answer as it is written.
    AsWritten,
    /// This was raised: the method answers as it is written, unless it is for nobody to swallow.
    Raised(PyErr),
}

impl From<PyErr> for Otherwise {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

pub(crate) type Direct<T> = Result<T, Otherwise>;

/// An answer to a call, or why there is none.
pub(crate) type Answered = Direct<Py<PyAny>>;

/// Continues only if the condition holds.
pub(crate) fn ensure(is_so: bool) -> Direct<()> {
    is_so.then_some(()).ok_or(Otherwise::AsWritten)
}

/// When a client's calls may be answered, whatever the platform, and what takes their events.
pub(crate) struct Permission {
    process: u64,
    /// For each level whether the logger takes it, as far as the logger remembers; None where
    /// nothing is logged at that level whatever it says.
    log_levels: Option<Py<PyDict>>,
    /// The logger itself; it remembers nothing while it is disabled.
    logger: Py<PyAny>,
    queue: Option<Py<Queue>>,
}

impl Permission {
    pub(crate) fn new(
        log_levels: Option<Py<PyDict>>,
        logger: Py<PyAny>,
        queue: Option<Py<Queue>>,
    ) -> Self {
        Self {
            process: fork::process(),
            log_levels,
            logger,
            queue,
        }
    }

    pub(crate) fn is_of_this_process(&self) -> bool {
        self.process == fork::process()
    }

    /// Goes on in its own process, and where nobody listens to every decision.
    pub(crate) fn check(&self, py: Python<'_>) -> Direct<()> {
        static DEBUG: PyOnceLock<Py<PyInt>> = PyOnceLock::new();
        ensure(self.is_of_this_process())?;
        let Some(levels) = &self.log_levels else {
            return Ok(());
        };
        let level = DEBUG.get_or_init(py, || {
            let Ok(level) = 10_i32.into_pyobject(py);
            level.unbind()
        });
        // What the logger does not remember it is asked by whoever logs.
        let is_silent = if let Some(takes) = item_of(levels.bind(py), level.bind(py))? {
            takes.is(PyBool::new(py, false))
        } else {
            let is_disabled = self.logger.bind(py).getattr(intern!(py, "disabled"))?;
            is_disabled.is(PyBool::new(py, true))
        };
        ensure(is_silent)
    }

    /// The queue that takes events.
    pub(crate) fn queue(&self) -> Direct<&Queue> {
        let queue = self.queue.as_ref().ok_or(Otherwise::AsWritten)?;
        Ok(queue.get())
    }
}

/// Puts an event into the queue, if it has room.
pub(crate) fn take(
    py: Python<'_>,
    queue: &Queue,
    kind: Kind,
    event: String,
    user: &str,
) -> Direct<()> {
    ensure(queue.take_directly(py, kind, event.into_bytes(), user.as_bytes()))
}

/// The arguments of a call, as Python hands them over.
pub(crate) struct Arguments<'a, 'py> {
    pub(crate) py: Python<'py>,
    positional: &'a [*mut ffi::PyObject],
    /// The values of the arguments that have names.
    keywords: &'a [*mut ffi::PyObject],
    names: Option<Bound<'py, PyTuple>>,
}

/// An argument, which lives as long as the call.
pub(crate) type Argument<'a, 'py> = Borrowed<'a, 'py, PyAny>;

impl<'a, 'py> Arguments<'a, 'py> {
    /// # Safety
    ///
    /// They are those of a method with `METH_FASTCALL` and `METH_KEYWORDS`.
    unsafe fn of(
        py: Python<'py>,
        first: *const *mut ffi::PyObject,
        count: ffi::Py_ssize_t,
        names: *mut ffi::PyObject,
    ) -> Self {
        let count = usize::try_from(count).unwrap_or_default();
        // SAFETY: the names are a tuple or null.
        let names = unsafe { Bound::from_borrowed_ptr_or_opt(py, names) }
            .and_then(|names| names.cast_into::<PyTuple>().ok());
        let with_names = names.as_ref().map_or(0, PyTupleMethods::len);
        let all = if count + with_names == 0 {
            &[]
        } else {
            // SAFETY: so many follow each other.
            unsafe { slice::from_raw_parts(first, count + with_names) }
        };
        let (positional, keywords) = all.split_at(count);
        Self {
            py,
            positional,
            keywords,
            names,
        }
    }

    fn borrowed(&self, pointer: *mut ffi::PyObject) -> Argument<'a, 'py> {
        // SAFETY: an argument lives as long as the call.
        unsafe { Borrowed::from_ptr(self.py, pointer) }
    }

    /// The first `COUNT` positional arguments; the others stand for the first options.
    pub(crate) fn required<const COUNT: usize>(&self) -> Direct<[Argument<'a, 'py>; COUNT]> {
        let given = self.positional.first_chunk().ok_or(Otherwise::AsWritten)?;
        Ok(given.map(|pointer| self.borrowed(pointer)))
    }

    /// The options that are in `known`, in its order; None counts as not given.
    ///
    /// The first of them may be given without their names, after `required` other arguments.
    pub(crate) fn options<const COUNT: usize>(
        &self,
        required: usize,
        without_names: usize,
        known: [&Bound<'py, PyString>; COUNT],
    ) -> Direct<[Option<Argument<'a, 'py>>; COUNT]> {
        let mut options = [const { None }; COUNT];
        let more = self.positional.get(required..).unwrap_or_default();
        ensure(more.len() <= without_names.min(COUNT))?;
        for (option, &pointer) in options.iter_mut().zip(more) {
            let value = self.borrowed(pointer);
            *option = (!value.is_none()).then_some(value);
        }
        let Some(names) = &self.names else {
            return Ok(options);
        };
        for (index, &pointer) in self.keywords.iter().enumerate() {
            let name = names.get_borrowed_item(index)?;
            // The compiler interns them; one that was made otherwise takes the longer way.
            let place = known
                .iter()
                .position(|known| known.as_ptr() == name.as_ptr())
                .filter(|&place| place >= more.len())
                .ok_or(Otherwise::AsWritten)?;
            let value = self.borrowed(pointer);
            if let Some(option) = options.get_mut(place) {
                *option = (!value.is_none()).then_some(value);
            }
        }
        Ok(options)
    }
}

/// The longest text that is looked at here.
const LONGEST_TEXT: usize = 1024;

/// Text that is not empty, of no derived class, and not too long.
pub(crate) fn text<'a>(value: Argument<'a, '_>) -> Direct<&'a str> {
    let text = optional_text(Some(value))?;
    ensure(!text.is_empty() && text.len() <= LONGEST_TEXT)?;
    Ok(text)
}

/// Text of no derived class; empty where there is none.
pub(crate) fn optional_text<'a>(value: Option<Argument<'a, '_>>) -> Direct<&'a str> {
    let Some(value) = value else {
        return Ok("");
    };
    ensure(value.is_exact_instance_of::<PyString>())?;
    // Half of a surrogate pair is no text, and is complained of.
    Ok(<&str>::extract(value)?)
}

/// An argument of this very class, and of no derived one.
pub(crate) fn exact<'a, 'py, T: PyTypeInfo>(
    value: Argument<'a, 'py>,
) -> Direct<Borrowed<'a, 'py, T>> {
    value.cast_exact().map_err(|_| Otherwise::AsWritten)
}

/// Appends a plain value as JSON: text, None, a boolean, a finite number of 64 bits.
pub(crate) fn push_json(json: &mut String, value: Argument<'_, '_>) -> Direct<()> {
    if value.is_exact_instance_of::<PyString>() {
        push_string(json, optional_text(Some(value))?);
    } else if value.is_exact_instance_of::<PyNone>() {
        json.push_str("null");
    } else if let Ok(flag) = value.cast_exact::<PyBool>() {
        json.push_str(if flag.is_true() { "true" } else { "false" });
    } else if let Ok(integer) = value.cast_exact::<PyInt>() {
        json.push_str(&integer.extract::<i64>()?.to_string());
    } else {
        let number = exact::<PyFloat>(value)?.value();
        ensure(number.is_finite())?;
        json.push_str(&float::repr(number));
    }
    Ok(())
}

/// The time by Python's clock; where it was replaced, as by a test, Python has to ask it.
pub(crate) fn now_s(py: Python<'_>) -> Direct<u64> {
    static TIME: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = TIME.get_or_try_init(py, || py.import("time").map(Bound::unbind))?;
    let clock = module.bind(py).getattr(intern!(py, "time"))?;
    ensure(clock.is_exact_instance_of::<PyCFunction>())?;
    let now = clock.call0()?.extract::<f64>()?;
    ensure(now >= 0.0)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole seconds since 1970"
    )]
    Ok(now as u64)
}

/// A method that answers so.
struct Method {
    platform: &'static str,
    name: &'static str,
    /// Under which name the class has the method as it is written in Python.
    as_written: &'static str,
    entry: ffi::PyCFunctionFastWithKeywords,
    answer: fn(&Bound<'_, PyAny>, &Arguments<'_, '_>) -> Answered,
}

macro_rules! methods {
    ($($index:literal: $platform:ident $name:ident),+ $(,)?) => {
        static METHODS: &[Method] = &[$(Method {
            platform: stringify!($platform),
            name: stringify!($name),
            as_written: concat!("_", stringify!($name), "_as_written"),
            entry: enter::<$index>,
            answer: $platform::$name,
        }),+];
    };
}

methods! {
    0: vwo get_variation_name,
    1: vwo activate,
    2: vwo is_feature_enabled,
    3: vwo track,
    4: pagesense get_variation_name,
    5: pagesense get_variation_link_name_by_identifier,
    6: pagesense activate_experiment,
    7: pagesense activate_experiment_by_identifier,
    8: pagesense track_goal,
    9: pagesense track_project_goal,
    10: pagesense track_project_goal_by_identifier,
}

/// # Safety
///
/// Only to be called by Python, as a method with `METH_FASTCALL` and `METH_KEYWORDS`.
unsafe extern "C" fn enter<const INDEX: usize>(
    client: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: Python calls its methods with the interpreter attached.
    let py = unsafe { Python::assume_attached() };
    // SAFETY: as Python hands them over.
    let (client, arguments) = unsafe {
        (
            Borrowed::from_ptr(py, client),
            Arguments::of(py, arguments, count, names),
        )
    };
    let Some(method) = METHODS.get(INDEX) else {
        return std::ptr::null_mut();
    };
    let answered = without_panic(|| Ok(answer(method, &client, &arguments)));
    let answer = match answered {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(Otherwise::Raised(error))) if !error.is_instance_of::<PyException>(py) => Err(error),
        // After a panic, which would be a bug of ours, the method as it is written answers.
        Ok(Err(_)) | Err(_) => caught(|| as_written(method, &client, &arguments)),
    };
    answer.map_or_else(
        |error| {
            error.restore(py);
            std::ptr::null_mut()
        },
        Py::into_ptr,
    )
}

fn answer(method: &Method, client: &Bound<'_, PyAny>, arguments: &Arguments<'_, '_>) -> Answered {
    let direct = client.getattr(intern!(client.py(), "_direct"))?;
    (method.answer)(&direct, arguments)
}

/// Calls the Python method.
fn as_written(
    method: &Method,
    client: &Bound<'_, PyAny>,
    arguments: &Arguments<'_, '_>,
) -> PyResult<Py<PyAny>> {
    let py = client.py();
    // Of the class: a method that is bound to the client would be an object more.
    let function = client.get_type().getattr(method.as_written)?;
    let positional = arguments
        .positional
        .iter()
        .map(|&pointer| arguments.borrowed(pointer).to_owned());
    let positional: Vec<_> = std::iter::once(client.clone()).chain(positional).collect();
    let positional = tuple(py, positional)?;
    let options = match &arguments.names {
        None => None,
        Some(names) => {
            let options = dictionary(py);
            for (name, &pointer) in names.iter().zip(arguments.keywords) {
                put(&options, &name, &arguments.borrowed(pointer))?;
            }
            Some(options)
        }
    };
    Ok(call(&function, &positional, options.as_ref())?.unbind())
}

/// Makes the descriptor of a public method that answers plain calls.
///
/// The class has the method as it is written under the name that is returned along. `document` is
/// what `inspect` and `help` show: the signature and the docstring.
#[pyfunction]
pub(crate) fn direct_method<'py>(
    class_: &Bound<'py, PyType>,
    platform: &str,
    name: &str,
    document: &str,
) -> PyResult<(Bound<'py, PyAny>, &'static str)> {
    let method = METHODS
        .iter()
        .find(|method| method.platform == platform && method.name == name)
        .ok_or_else(|| PyValueError::new_err("name: no such method"))?;
    let text = |text: &str| {
        CString::new(text).map_err(|_| PyValueError::new_err("document: holds a null character"))
    };
    // It lives as long as the class, which lives as long as the interpreter.
    let definition = Box::leak(Box::new(ffi::PyMethodDef {
        ml_name: text(name)?.into_raw().cast::<c_char>(),
        ml_meth: ffi::PyMethodDefPointer {
            PyCFunctionFastWithKeywords: method.entry,
        },
        ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: text(document)?.into_raw().cast::<c_char>(),
    }));
    // SAFETY: the class is a type, and the definition is never freed.
    let descriptor = unsafe {
        Bound::from_owned_ptr_or_err(
            class_.py(),
            ffi::PyDescr_NewMethod(class_.as_type_ptr(), definition),
        )?
    };
    Ok((descriptor, method.as_written))
}
