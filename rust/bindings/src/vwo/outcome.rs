//! The outcome of a call, as Python sees it.

use std::borrow::Cow;

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};
use sortition_engine::reason::Remark;
use sortition_engine::vwo::call::{Answer, Event, Outcome};
use sortition_engine::vwo::decision::{Decision, Write};
use sortition_engine::vwo::event::Visitor;
use sortition_engine::vwo::settings::Campaign;

use super::{PyDecision, PySettings, Question, Sender};
use crate::calling::{copy_of, dictionary, item_of, object, put, tuple};
use crate::error::without_panic;

/// The outcome of a call; see `sortition._engine.vwo.Outcome`.
#[pyclass(frozen, name = "VwoOutcome", module = "sortition._core")]
pub(crate) struct PyOutcome {
    settings: Py<PySettings>,
    decision: Decision,
    #[pyo3(get)]
    answer: Py<PyAny>,
    #[pyo3(get)]
    sends_event: bool,
    #[pyo3(get)]
    event: Option<Py<PyBytes>>,
    #[pyo3(get)]
    revenue: Option<String>,
    #[pyo3(get)]
    record: Option<Py<PyDict>>,
    remark: Remark,
    #[pyo3(get)]
    refusal: Option<&'static str>,
}

#[pymethods]
impl PyOutcome {
    #[getter]
    fn decision(&self, py: Python<'_>) -> PyResult<Py<PyDecision>> {
        without_panic(|| self.settings.get().decision(py, self.decision.clone()))
    }

    #[getter]
    const fn remark(&self) -> &'static str {
        self.remark.name()
    }

    #[getter]
    fn is_settled(&self) -> bool {
        self.remark == Remark::Ordinary
            && self.refusal.is_none()
            && self.record.is_none()
            && !self.decision.gave_up_on_pattern
    }

    #[getter]
    fn records_needed<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.settings
            .get()
            .keys_of(py, &self.decision.records_needed)
    }
}

impl PyOutcome {
    /// The outcome of a question; `sender` is given where events go out in batches.
    pub(super) fn of<'py>(
        settings: &Bound<'py, PySettings>,
        outcome: Outcome<'_>,
        question: &Question<'_, 'py>,
        sender: Option<Sender<'_>>,
    ) -> PyResult<Py<Self>> {
        let py = settings.py();
        without_panic(|| {
            let known = settings.get();
            let record = match &outcome.decision.write {
                None => None,
                Some(write) => Some(record_of(known, &outcome.decision, write, question, py)?),
            };
            let event = match (&outcome.event, sender) {
                (Some(event), Some(sender)) => {
                    let id = known.settings.visitor_ids().of(question.user_id);
                    let event = event.encode(&Visitor {
                        id: &id,
                        at_s: sender.at_s,
                        user_agent: sender.user_agent,
                        ip_address: sender.ip_address,
                    });
                    Some(PyBytes::new(py, event.as_bytes()).unbind())
                }
                _ => None,
            };
            let outcome = Self {
                settings: settings.clone().unbind(),
                answer: known.answer(py, &outcome)?,
                sends_event: outcome.event.is_some(),
                event,
                revenue: match outcome.event {
                    Some(Event::Conversion { revenue, .. }) => revenue.map(Cow::into_owned),
                    _ => None,
                },
                record: record.map(Bound::unbind),
                remark: outcome.remark,
                refusal: outcome.refusal,
                decision: outcome.decision,
            };
            object(py, outcome)
        })
    }
}

impl PySettings {
    /// The call's result, for Python.
    pub(crate) fn answer(&self, py: Python<'_>, outcome: &Outcome<'_>) -> PyResult<Py<PyAny>> {
        match outcome.answer {
            Answer::Nothing => Ok(py.None()),
            // The same object as the variation's own name.
            Answer::Name(name) => match self.name_of(py, &outcome.decision) {
                Some(name) => Ok(name.clone_ref(py).into_any()),
                None => name.into_py_any(py),
            },
            Answer::Feature(flag) | Answer::Credited(flag) => flag.into_py_any(py),
            Answer::Variable(variable) => Ok(self.variable(py, variable)?.unbind()),
        }
    }

    pub(super) fn keys_of<'py>(
        &self,
        py: Python<'py>,
        campaigns: &[usize],
    ) -> PyResult<Bound<'py, PyTuple>> {
        let keys = campaigns
            .iter()
            .filter_map(|&index| Some(self.settings.campaigns().get(index)?.key()));
        tuple(py, keys.collect::<Vec<_>>())
    }
}

/// The record to store.
fn record_of<'py>(
    settings: &PySettings,
    decision: &Decision,
    write: &Write,
    question: &Question<'_, 'py>,
    py: Python<'py>,
) -> PyResult<Bound<'py, PyDict>> {
    let campaign = decision
        .campaign
        .and_then(|index| settings.settings.campaigns().get(index));
    let key = campaign.map(Campaign::key);
    match write {
        Write::NewRecord => {
            let record = dictionary(py);
            record.set_item("userId", question.user_id)?;
            record.set_item("campaignKey", key)?;
            record.set_item("variationName", settings.name_of(py, decision))?;
            if let Some(goal) = &question.goal {
                record.set_item("goalIdentifiers", goal.identifier)?;
            }
            Ok(record)
        }
        Write::GoalIdentifiers(identifiers) => {
            let known = match (question.records, key) {
                (Some(records), Some(key)) => item_of(records, &PyString::new(py, key))?,
                _ => None,
            };
            let record = match known.as_ref().map(|known| known.cast::<PyDict>()) {
                Some(Ok(known)) => copy_of(known)?,
                _ => dictionary(py),
            };
            let name = PyString::new(py, "goalIdentifiers");
            put(&record, &name, &PyString::new(py, identifiers))?;
            Ok(record)
        }
    }
}
