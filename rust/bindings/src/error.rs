//! From engine faults to Python exceptions: the only place.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use sortition_engine::problem::Problems;

use crate::calling::make;
use crate::problem::problems;

pyo3::import_exception!(sortition._base.errors, SettingsError);

/// Keeps a panic from writing to standard error; [`without_panic`] reports it.
///
/// The hook belongs to this module's own copy of Rust's standard library, so no other extension
/// is affected.
pub(crate) fn silence_panics() {
    std::panic::set_hook(Box::new(|_| {}));
}

/// Runs `work`; a panic, which would be a bug of ours, becomes a `RuntimeError`.
///
/// Python's `except Exception` does not catch `PyO3`'s `PanicException`, and the panic's message
/// might hold what belongs in no log.
pub(crate) fn without_panic<T>(work: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    caught(|| {
        #[cfg(feature = "inject-panics")]
        inject_panic();
        work()
    })
}

/// The same for what is done after a panic: no test asks for another one there.
pub(crate) fn caught<T>(work: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    // Nothing that a panic could leave half-done outlives the call: every class here is frozen.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(PyRuntimeError::new_err(
            "the compiled engine failed; please report this",
        ))
    })
}

/// Panics where a test asks for it, to show what becomes of it.
#[cfg(feature = "inject-panics")]
#[expect(
    clippy::disallowed_methods,
    reason = "no build that anybody uses has this"
)]
fn inject_panic() {
    assert!(
        std::env::var_os("SORTITION_INJECT_PANICS").is_none(),
        "a test asked for this"
    );
}

/// The exception for a document that cannot be used.
pub(crate) fn settings_error(py: Python<'_>, found: &Problems) -> PyErr {
    let count = found.count();
    let raised = problems(py, found)
        .and_then(|found| make(py, &py.get_type::<SettingsError>().unbind(), (found, count)));
    match raised {
        Ok(raised) => PyErr::from_value(raised.into_bound(py)),
        Err(error) => error,
    }
}
