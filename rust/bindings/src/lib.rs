//! The compiled module `sortition._core`: a table of contents.

mod calling;
mod direct;
mod error;
mod fork;
mod hashing;
mod interpreter;
mod interrupt;
mod memory;
mod pagesense;
mod problem;
mod python;
mod queue;
mod stack;
mod vwo;

use pyo3::pymodule;

/// The compiled engine.
#[pymodule(gil_used = false)]
mod _core {
    use pyo3::prelude::*;

    use super::{error, interpreter, pagesense, vwo};

    #[pymodule_export]
    use super::direct::direct_method;
    #[pymodule_export]
    use super::hashing::{
        allocation_ranges, murmur3_32, pagesense_bucket, pagesense_ranges, stretched_bucket,
        traffic_bucket, variation_bucket,
    };
    #[pymodule_export]
    use super::pagesense::direct::PyPagesenseDirect;
    #[pymodule_export]
    use super::pagesense::{
        PyActivated, PyPagesenseDecision, PyPagesenseOutcome, PyPagesenseProfile,
        PyPagesenseSettings,
    };
    #[pymodule_export]
    use super::python::{
        python_float, python_integer, python_lower, python_repr, python_search, python_strip,
    };
    #[pymodule_export]
    use super::queue::counts::{Counts, InFlight};
    #[pymodule_export]
    use super::queue::{Flush, Queue, QueuedEvent, SenderPlace};
    #[pymodule_export]
    use super::vwo::direct::PyVwoDirect;
    #[pymodule_export]
    use super::vwo::{PyDecision, PyOutcome, PySettings, vwo_batch};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        interpreter::ensure_only()?;
        error::silence_panics();
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("IS_DEBUG_BUILD", cfg!(debug_assertions))?;
        module.add("PAGESENSE_REASONS", pagesense::reasons(module.py())?)?;
        module.add("REASONS", vwo::reasons(module.py())?)
    }
}
