//! The outcome of a call, as Python sees it.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use pythonic::json::{push_string, push_utf16};
use sortition_engine::pagesense::call::{Assignment, Outcome, RevenueFault, profile_to_save};
use sortition_engine::pagesense::decision::Decision;
use sortition_engine::pagesense::event::Visitor;
use sortition_engine::pagesense::profile::{Profile, State};
use sortition_engine::pagesense::settings::Experiment;
use sortition_engine::reason::Remark;

use super::{PyPagesenseDecision, PyPagesenseSettings, Question, profile_of};
use crate::calling::object;
use crate::error::without_panic;

/// The outcome of a call; see `sortition._engine.pagesense.Outcome`.
#[pyclass(frozen, name = "PagesenseOutcome", module = "sortition._core")]
pub(crate) struct PyPagesenseOutcome {
    settings: Py<PyPagesenseSettings>,
    user_id: Py<PyString>,
    decision: Option<Decision>,
    #[pyo3(get)]
    answer: Option<Py<PyString>>,
    #[pyo3(get)]
    event: Option<Py<PyBytes>>,
    assignments: Vec<Assignment>,
    #[pyo3(get)]
    needs_profile: bool,
    #[pyo3(get)]
    is_profile_invalid: bool,
    #[pyo3(get)]
    presumes_activation: bool,
    remark: Remark,
    #[pyo3(get)]
    refusal: Option<&'static str>,
    revenue_fault: Option<RevenueFault>,
}

#[pymethods]
impl PyPagesenseOutcome {
    #[getter]
    fn decision(&self, py: Python<'_>) -> PyResult<Option<Py<PyPagesenseDecision>>> {
        let decision = self.decision.as_ref();
        let settings = self.settings.get();
        without_panic(|| {
            decision
                .map(|decision| settings.decision(py, decision, self.remark))
                .transpose()
        })
    }

    #[getter]
    fn experiment_key(&self) -> Option<&str> {
        let experiments = self.settings.get().settings.experiments();
        let experiment = experiments.get(self.decision.as_ref()?.experiment?);
        experiment.map(Experiment::key)
    }

    #[getter]
    const fn saves_assignment(&self) -> bool {
        !self.assignments.is_empty()
    }

    fn profile_to_save(&self, py: Python<'_>, stored: &Bound<'_, PyString>) -> PyResult<String> {
        without_panic(|| {
            let known = profile_of(stored);
            let settings = &self.settings.get().settings;
            let user_id = self.user_id.bind(py).to_str()?;
            Ok(profile_to_save(
                settings,
                &self.assignments,
                user_id,
                &known,
            ))
        })
    }

    #[getter]
    const fn remark(&self) -> &'static str {
        self.remark.name()
    }

    #[getter]
    fn revenue_fault(&self) -> Option<&'static str> {
        self.revenue_fault.map(RevenueFault::name)
    }
}

impl PyPagesenseOutcome {
    /// The outcome of a question; the properties are those that an event carries.
    pub(super) fn of(
        settings: &Bound<'_, PyPagesenseSettings>,
        outcome: Outcome<'_>,
        question: &Question<'_, '_>,
        attributes_json: &str,
        properties_json: Option<&str>,
    ) -> PyResult<Py<Self>> {
        let py = settings.py();
        let known = settings.get();
        let event = match &outcome.event {
            None => None,
            Some(event) => {
                let visitor = Visitor {
                    id: &json_of(question.user_id)?,
                    attributes: attributes_json,
                };
                let event =
                    without_panic(|| Ok(event.encode(&known.settings, &visitor, properties_json)))?;
                Some(PyBytes::new(py, event.as_bytes()).unbind())
            }
        };
        let stored = question.stored.as_ref().map(Profile::state);
        let outcome = Self {
            settings: settings.clone().unbind(),
            user_id: question.user_id.clone().unbind(),
            answer: outcome.answer.map(|name| PyString::new(py, name).unbind()),
            event,
            needs_profile: outcome.needs_profile,
            is_profile_invalid: stored == Some(State::Invalid),
            presumes_activation: outcome.presumes_activation,
            remark: outcome.remark,
            refusal: outcome.refusal,
            revenue_fault: outcome.revenue_fault,
            assignments: outcome.assignments,
            decision: outcome.decision,
        };
        object(py, outcome)
    }
}

/// A text as a JSON string; Python's may hold halves of surrogate pairs.
fn json_of(text: &Bound<'_, PyString>) -> PyResult<String> {
    let mut json = String::new();
    if let Ok(text) = text.to_str() {
        push_string(&mut json, text);
        return Ok(json);
    }
    // The type's own method: a subclass may have another.
    let class = text.py().get_type::<PyString>();
    let encoded = class.call_method1("encode", (text, "utf-16-le", "surrogatepass"))?;
    let units = encoded.cast::<PyBytes>()?.as_bytes().chunks_exact(2);
    push_utf16(
        &mut json,
        units.filter_map(|unit| Some(u16::from_le_bytes(unit.try_into().ok()?))),
    );
    Ok(json)
}
