//! The users that a process activated, as Python sees them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use sortition_engine::pagesense::activated::Activated;

use crate::error::without_panic;
use crate::queue::user::UserName;

/// Users that were activated; see `sortition._engine.pagesense.Activated`.
#[pyclass(frozen, name = "PagesenseActivated", module = "sortition._core")]
#[derive(Default)]
pub(crate) struct PyActivated(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    activated: Activated,
    others: u64,
}

impl PyActivated {
    /// Remembers that a user was activated; the id is in UTF-8.
    pub(crate) fn remember(&self, experiment_key: &str, user_id: &[u8]) {
        self.lock().activated.add(experiment_key, user_id);
    }

    /// Whether a user may have been activated in this process.
    pub(crate) fn holds(&self, experiment_key: &str, user_id: &[u8]) -> bool {
        self.lock().activated.may_hold(experiment_key, user_id)
    }

    /// Nothing of Python's runs while it is locked.
    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl PyActivated {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    #[getter]
    fn others(&self) -> u64 {
        self.lock().others
    }

    fn add(&self, experiment_key: &str, user_id: UserName<'_>) -> PyResult<()> {
        without_panic(|| {
            self.remember(experiment_key, &user_id.into_key());
            Ok(())
        })
    }

    fn may_hold(&self, experiment_key: &str, user_id: UserName<'_>) -> PyResult<bool> {
        without_panic(|| Ok(self.holds(experiment_key, &user_id.into_key())))
    }

    fn count_other(&self) {
        self.lock().others += 1;
    }
}
