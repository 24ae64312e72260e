//! The interpreter that the compiled module belongs to.
//!
//! A process may have several interpreters, as it does under `mod_wsgi`. All of them share this
//! module's statics, which hold Python objects of one interpreter: its exception classes, its
//! interned names. So the module belongs to the first interpreter that imports it. In any other
//! the import fails, and the client takes the pure engine.

use std::sync::atomic::{AtomicI64, Ordering};

use pyo3::exceptions::PyImportError;
use pyo3::{PyResult, ffi};

/// No interpreter has this id.
const NONE: i64 = -1;

static OWNER: AtomicI64 = AtomicI64::new(NONE);

/// Takes the module for this interpreter.
///
/// # Errors
///
/// `ImportError` where it belongs to another one.
pub(crate) fn ensure_only() -> PyResult<()> {
    // SAFETY: this runs while a module is imported, so that the thread is attached to an
    // interpreter, and that interpreter lives on until the call returns.
    let id = unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) };
    let owner = OWNER.compare_exchange(NONE, id, Ordering::AcqRel, Ordering::Acquire);
    match owner {
        Ok(_) => Ok(()),
        Err(owner) if owner == id => Ok(()),
        Err(_) => Err(PyImportError::new_err(
            "another interpreter of this process uses the compiled engine",
        )),
    }
}
