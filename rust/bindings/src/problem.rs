//! The problems of a settings document, as Python objects.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyTuple, PyType};
use sortition_engine::problem::Problems;

use crate::calling::{make, tuple};

/// The problems that were kept, as Python objects.
pub(crate) fn problems<'py>(py: Python<'py>, problems: &Problems) -> PyResult<Bound<'py, PyTuple>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = CLASS.import(py, "sortition._base.problem", "Problem")?;
    let class = class.clone().unbind();
    let objects = problems
        .first()
        .iter()
        .map(|problem| {
            make(
                py,
                &class,
                (
                    &problem.path,
                    &problem.wanted,
                    &problem.found,
                    problem.consequence.name(),
                ),
            )
        })
        .collect::<PyResult<Vec<_>>>()?;
    tuple(py, objects)
}
