//! Compiled `PageSense` settings and their decisions, as Python sees them.

mod activated;
mod attributes;
pub(crate) mod direct;
mod model;
mod outcome;
mod steps;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};
use sortition_engine::pagesense::call::{self, GoalChoice, Revenue};
use sortition_engine::pagesense::decision::{Decision, Request, Storage};
use sortition_engine::pagesense::event::NO_FIELDS;
use sortition_engine::pagesense::profile::Profile;
use sortition_engine::pagesense::reason::Reason;
use sortition_engine::pagesense::settings::{Experiment, Goal, Settings};
use sortition_engine::pagesense::{ExperimentChoice, decide};
use sortition_engine::reason::Remark;
use sortition_engine::trace::Silent;

use crate::calling::{object, tuple};
use crate::error::{settings_error, without_panic};
use crate::interrupt::Interrupt;
use crate::memory::give_back_memory_of;
use crate::problem::problems;
use crate::stack::with_enough_stack;
pub(crate) use activated::PyActivated;
use attributes::PyAttributes;
use model::{ExperimentObjects, ProjectObjects};
pub(crate) use outcome::PyPagesenseOutcome;

/// A project's settings, compiled once.
#[pyclass(frozen, name = "PagesenseSettings", module = "sortition._core")]
pub(crate) struct PyPagesenseSettings {
    settings: Settings,
    objects: ProjectObjects,
    goals: Py<PyTuple>,
    problems: Py<PyTuple>,
}

#[pymethods]
impl PyPagesenseSettings {
    /// Compiles a settings document.
    #[staticmethod]
    fn compile(py: Python<'_>, document: &Bound<'_, PyBytes>) -> PyResult<Self> {
        let document = document.as_bytes();
        without_panic(|| {
            let settings = py
                .detach(|| {
                    let compiled = with_enough_stack(|| Settings::compile(document));
                    give_back_memory_of(document);
                    compiled
                })
                .map_err(|problems| settings_error(py, &problems))?;
            let objects = ProjectObjects::of(py, &settings)?;
            Ok(Self {
                goals: tuple(py, &objects.goals)?.unbind(),
                problems: problems(py, settings.problems())?.unbind(),
                objects,
                settings,
            })
        })
    }

    #[getter]
    fn project_key(&self) -> &str {
        self.settings.project_key()
    }

    #[getter]
    fn project_name(&self) -> &str {
        self.settings.project_name()
    }

    #[getter]
    fn portal_name(&self) -> &str {
        self.settings.portal_name()
    }

    #[getter]
    fn sdk_account_id(&self) -> &str {
        self.settings.sdk_account_id()
    }

    #[getter]
    fn sdk_key(&self) -> &str {
        self.settings.sdk_key()
    }

    #[getter]
    fn experiments(&self, py: Python<'_>) -> PyResult<Py<PyTuple>> {
        without_panic(|| {
            let experiments = self.objects.all_experiments(py, &self.settings)?;
            Ok(experiments.clone_ref(py))
        })
    }

    #[getter]
    fn goals(&self, py: Python<'_>) -> Py<PyTuple> {
        self.goals.clone_ref(py)
    }

    #[getter]
    fn problems(&self, py: Python<'_>) -> Py<PyTuple> {
        self.problems.clone_ref(py)
    }

    #[getter]
    const fn problem_count(&self) -> usize {
        self.settings.problems().count()
    }

    #[pyo3(signature = (name, named_by="name"))]
    fn experiment(
        &self,
        py: Python<'_>,
        name: &str,
        named_by: &str,
    ) -> PyResult<Option<Py<PyAny>>> {
        without_panic(|| {
            let index = match NamedBy::from_name(named_by)? {
                NamedBy::Name => self.settings.experiment(name),
                NamedBy::LinkName => self.settings.experiment_by_link_name(name),
            };
            let objects = self.experiment_objects(py, index)?;
            Ok(objects.map(|objects| objects.experiment.clone_ref(py)))
        })
    }

    #[pyo3(signature = (name, named_by="name"))]
    fn goal(&self, py: Python<'_>, name: &str, named_by: &str) -> PyResult<Option<Py<PyAny>>> {
        without_panic(|| {
            let index = match NamedBy::from_name(named_by)? {
                NamedBy::Name => self.settings.goal(name),
                NamedBy::LinkName => self.settings.goal_by_link_name(name),
            };
            Ok(pick(Some(&self.objects.goals), index, py))
        })
    }

    fn experiment_names<'py>(
        &self,
        py: Python<'py>,
        named_by: &str,
        most: usize,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let name = match NamedBy::from_name(named_by)? {
            NamedBy::Name => Experiment::name,
            NamedBy::LinkName => Experiment::link_name,
        };
        let experiments = self.settings.experiments().iter();
        tuple(py, experiments.take(most).map(name).collect::<Vec<_>>())
    }

    fn goal_names<'py>(
        &self,
        py: Python<'py>,
        named_by: &str,
        most: usize,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let name = match NamedBy::from_name(named_by)? {
            NamedBy::Name => Goal::name,
            NamedBy::LinkName => Goal::link_name,
        };
        let goals = self.settings.goals().iter();
        tuple(py, goals.take(most).map(name).collect::<Vec<_>>())
    }

    fn experiments_with_goal<'py>(
        &self,
        py: Python<'py>,
        goal_name: &str,
    ) -> PyResult<Bound<'py, PyTuple>> {
        without_panic(|| {
            let experiments = self
                .settings
                .goal(goal_name)
                .into_iter()
                .flat_map(|goal| self.settings.experiments_with_goal(goal))
                .filter_map(|index| self.experiment_objects(py, Some(index)).transpose())
                .map(|objects| Ok(&objects?.experiment))
                .collect::<PyResult<Vec<_>>>()?;
            tuple(py, experiments)
        })
    }

    /// Decides for one user and one experiment.
    #[pyo3(signature = (
        experiment,
        user_id,
        attributes=None,
        profile=None,
        *,
        named_by="name",
        has_user_storage=false,
        goal_name=None,
        steps=None,
    ))]
    #[expect(
        clippy::too_many_arguments,
        reason = "the arguments of the Python call, which are keywords there"
    )]
    fn decide<'py>(
        &self,
        py: Python<'py>,
        experiment: &Bound<'py, PyAny>,
        user_id: &Bound<'py, PyString>,
        attributes: Option<&Bound<'py, PyDict>>,
        profile: Option<&Bound<'py, PyPagesenseProfile>>,
        named_by: &str,
        has_user_storage: bool,
        goal_name: Option<&str>,
        steps: Option<&Bound<'py, PyList>>,
    ) -> PyResult<Py<PyPagesenseDecision>> {
        let interrupt = Interrupt::default();
        let choice = choice_of(experiment, named_by)?;
        let request = Request {
            user_id: user_id.to_str().ok(),
            attributes: &PyAttributes {
                attributes,
                interrupt: &interrupt,
            },
            storage: storage_of(has_user_storage, profile.map(|profile| &profile.get().0)),
            goal_name,
        };
        let decision = without_panic(|| {
            let Some(list) = steps else {
                return Ok(decide(&self.settings, choice, &request, &mut Silent));
            };
            let mut steps = Vec::new();
            let decision = decide(&self.settings, choice, &request, &mut steps);
            for step in steps {
                let step = steps::as_dict(py, &self.settings, decision.experiment, step)?;
                list.append(step)?;
            }
            Ok(decision)
        })?;
        interrupt.check()?;
        let remark = decision.reason.remark(goal_name.is_some());
        self.decision(py, &decision, remark)
    }

    /// Decides without an event.
    #[pyo3(signature = (
        experiment, named_by, user_id, attributes=None, has_user_storage=false, stored=None,
    ))]
    fn assign<'py>(
        slf: &Bound<'py, Self>,
        experiment: &Bound<'py, PyAny>,
        named_by: &str,
        user_id: &Bound<'py, PyString>,
        attributes: Option<&Bound<'py, PyDict>>,
        has_user_storage: bool,
        stored: Option<&Bound<'py, PyString>>,
    ) -> PyResult<Py<PyPagesenseOutcome>> {
        let question = Question {
            user_id,
            attributes,
            has_user_storage,
            stored: stored.map(guarded_profile_of).transpose()?,
            goal_name: None,
        };
        let (choice, settings) = (choice_of(experiment, named_by)?, &slf.get().settings);
        let outcome = question.ask(|request| call::assign(settings, choice, request))?;
        PyPagesenseOutcome::of(slf, outcome, &question, "", None)
    }

    /// Decides, and counts the user as a visitor.
    #[pyo3(signature = (
        experiment, named_by, user_id, attributes=None, attributes_json=NO_FIELDS,
        has_user_storage=false, stored=None,
    ))]
    #[expect(
        clippy::too_many_arguments,
        reason = "the arguments of the Python call"
    )]
    fn show<'py>(
        slf: &Bound<'py, Self>,
        experiment: &Bound<'py, PyAny>,
        named_by: &str,
        user_id: &Bound<'py, PyString>,
        attributes: Option<&Bound<'py, PyDict>>,
        attributes_json: &str,
        has_user_storage: bool,
        stored: Option<&Bound<'py, PyString>>,
    ) -> PyResult<Py<PyPagesenseOutcome>> {
        let question = Question {
            user_id,
            attributes,
            has_user_storage,
            stored: stored.map(guarded_profile_of).transpose()?,
            goal_name: None,
        };
        let (choice, settings) = (choice_of(experiment, named_by)?, &slf.get().settings);
        let outcome = question.ask(|request| call::show(settings, choice, request))?;
        PyPagesenseOutcome::of(slf, outcome, &question, attributes_json, None)
    }

    /// Decides, and reports a goal of the experiment.
    #[pyo3(signature = (
        experiment, named_by, user_id, goal_name, attributes=None, attributes_json=NO_FIELDS,
        properties_json=None, revenue=None, has_user_storage=false, stored=None,
    ))]
    #[expect(
        clippy::too_many_arguments,
        reason = "the arguments of the Python call"
    )]
    fn convert<'py>(
        slf: &Bound<'py, Self>,
        experiment: &Bound<'py, PyAny>,
        named_by: &str,
        user_id: &Bound<'py, PyString>,
        goal_name: &str,
        attributes: Option<&Bound<'py, PyDict>>,
        attributes_json: &str,
        properties_json: Option<&str>,
        revenue: Option<&Bound<'py, PyAny>>,
        has_user_storage: bool,
        stored: Option<&Bound<'py, PyString>>,
    ) -> PyResult<Py<PyPagesenseOutcome>> {
        let question = Question {
            user_id,
            attributes,
            has_user_storage,
            stored: stored.map(guarded_profile_of).transpose()?,
            goal_name: Some(goal_name),
        };
        let (choice, settings) = (choice_of(experiment, named_by)?, &slf.get().settings);
        let revenue = properties_json.map(|_| revenue_of(revenue));
        let outcome = question.ask(|request| call::convert(settings, choice, request, revenue))?;
        PyPagesenseOutcome::of(slf, outcome, &question, attributes_json, properties_json)
    }

    /// Decides for every experiment that counts a goal of the project, and reports the goal.
    #[pyo3(signature = (
        goal_name, named_by, user_id, attributes=None, attributes_json=NO_FIELDS,
        properties_json=None, revenue=None, has_user_storage=false, stored=None,
    ))]
    #[expect(
        clippy::too_many_arguments,
        reason = "the arguments of the Python call"
    )]
    fn convert_in_project<'py>(
        slf: &Bound<'py, Self>,
        goal_name: &str,
        named_by: &str,
        user_id: &Bound<'py, PyString>,
        attributes: Option<&Bound<'py, PyDict>>,
        attributes_json: &str,
        properties_json: Option<&str>,
        revenue: Option<&Bound<'py, PyAny>>,
        has_user_storage: bool,
        stored: Option<&Bound<'py, PyString>>,
    ) -> PyResult<Py<PyPagesenseOutcome>> {
        let question = Question {
            user_id,
            attributes,
            has_user_storage,
            stored: stored.map(guarded_profile_of).transpose()?,
            goal_name: None,
        };
        let goal = match NamedBy::from_name(named_by)? {
            NamedBy::Name => GoalChoice::Name(goal_name),
            NamedBy::LinkName => GoalChoice::LinkName(goal_name),
        };
        let (revenue, settings) = (revenue_of(revenue), &slf.get().settings);
        let outcome =
            question.ask(|request| call::convert_in_project(settings, goal, request, revenue))?;
        PyPagesenseOutcome::of(slf, outcome, &question, attributes_json, properties_json)
    }
}

/// The question of a call, with Python's values.
pub(crate) struct Question<'a, 'py> {
    pub(crate) user_id: &'a Bound<'py, PyString>,
    pub(crate) attributes: Option<&'a Bound<'py, PyDict>>,
    pub(crate) has_user_storage: bool,
    pub(crate) stored: Option<Profile>,
    pub(crate) goal_name: Option<&'a str>,
}

impl<'py> Question<'_, 'py> {
    /// Asks the engine; an interrupt that came meanwhile is raised.
    pub(crate) fn ask<T>(
        &self,
        work: impl FnOnce(&Request<'_, PyAttributes<'_, 'py>>) -> T,
    ) -> PyResult<T> {
        let interrupt = Interrupt::default();
        let request = Request {
            user_id: self.user_id.to_str().ok(),
            attributes: &PyAttributes {
                attributes: self.attributes,
                interrupt: &interrupt,
            },
            storage: storage_of(self.has_user_storage, self.stored.as_ref()),
            goal_name: self.goal_name,
        };
        let answer = without_panic(|| Ok(work(&request)))?;
        interrupt.check()?;
        Ok(answer)
    }
}

fn choice_of<'a>(
    experiment: &'a Bound<'_, PyAny>,
    named_by: &str,
) -> PyResult<ExperimentChoice<'a>> {
    if let Ok(name) = experiment.cast::<PyString>() {
        Ok(match NamedBy::from_name(named_by)? {
            NamedBy::Name => ExperimentChoice::Name(name.to_str()?),
            NamedBy::LinkName => ExperimentChoice::LinkName(name.to_str()?),
        })
    } else if let Ok(index) = experiment.extract::<usize>() {
        Ok(ExperimentChoice::Index(index))
    } else {
        Err(PyTypeError::new_err(
            "experiment: expected a name or an index",
        ))
    }
}

const fn storage_of(has_user_storage: bool, stored: Option<&Profile>) -> Storage<'_> {
    match stored {
        _ if !has_user_storage => Storage::Absent,
        None => Storage::NotAsked,
        Some(profile) => Storage::Holds(profile),
    }
}

fn revenue_of<'a>(revenue: Option<&'a Bound<'_, PyAny>>) -> Revenue<'a> {
    let Some(revenue) = revenue else {
        return Revenue::Missing;
    };
    match revenue.cast::<PyString>().map(|text| text.to_str()) {
        Ok(Ok(text)) => Revenue::Text(text),
        Ok(Err(_)) | Err(_) => Revenue::Other,
    }
}

/// Reads a profile where nothing else catches a panic.
fn guarded_profile_of(stored: &Bound<'_, PyString>) -> PyResult<Profile> {
    without_panic(|| Ok(profile_of(stored)))
}

/// Reads a profile; text with half of a surrogate pair is invalid.
fn profile_of(stored: &Bound<'_, PyString>) -> Profile {
    stored.to_str().map_or_else(
        |_| Profile::invalid(),
        |text| with_enough_stack(|| Profile::read(text)),
    )
}

impl PyPagesenseSettings {
    fn experiment_objects(
        &self,
        py: Python<'_>,
        index: Option<usize>,
    ) -> PyResult<Option<&ExperimentObjects>> {
        match index {
            Some(index) => self.objects.experiment(py, &self.settings, index),
            None => Ok(None),
        }
    }

    fn decision(
        &self,
        py: Python<'_>,
        decision: &Decision,
        remark: Remark,
    ) -> PyResult<Py<PyPagesenseDecision>> {
        let objects = self.experiment_objects(py, decision.experiment)?;
        let variations = objects.map(|objects| &*objects.variations);
        let goals = objects.map(|objects| &*objects.goals);
        let decision = PyPagesenseDecision {
            reason: decision.reason,
            remark,
            experiment: objects.map(|objects| objects.experiment.clone_ref(py)),
            variation: pick(variations, decision.variation, py),
            goal: pick(goals, decision.goal, py),
            saves_assignment: decision.saves_assignment,
        };
        object(py, decision)
    }
}

/// The object of this index.
fn pick(from: Option<&[Py<PyAny>]>, index: Option<usize>, py: Python<'_>) -> Option<Py<PyAny>> {
    Some(from?.get(index?)?.clone_ref(py))
}

/// By which of its names something is found.
enum NamedBy {
    Name,
    LinkName,
}

impl NamedBy {
    fn from_name(name: &str) -> PyResult<Self> {
        match name {
            "name" => Ok(Self::Name),
            "link_name" => Ok(Self::LinkName),
            _ => Err(PyValueError::new_err(
                "named_by: expected name or link_name",
            )),
        }
    }
}

/// A decision and its reason.
#[pyclass(frozen, name = "PagesenseDecision", module = "sortition._core")]
pub(crate) struct PyPagesenseDecision {
    reason: Reason,
    remark: Remark,
    #[pyo3(get)]
    experiment: Option<Py<PyAny>>,
    #[pyo3(get)]
    variation: Option<Py<PyAny>>,
    #[pyo3(get)]
    goal: Option<Py<PyAny>>,
    #[pyo3(get)]
    saves_assignment: bool,
}

#[pymethods]
impl PyPagesenseDecision {
    #[getter]
    fn reason(&self) -> &'static str {
        self.reason.name()
    }

    #[getter]
    const fn remark(&self) -> &'static str {
        self.remark.name()
    }

    #[getter]
    const fn refusal(&self) -> Option<&'static str> {
        self.reason.refusal()
    }

    #[getter]
    fn needs_profile(&self) -> bool {
        self.reason == Reason::ProfileNeeded
    }
}

/// A user's profile in the user storage.
#[pyclass(frozen, name = "PagesenseProfile", module = "sortition._core")]
pub(crate) struct PyPagesenseProfile(Profile);

#[pymethods]
impl PyPagesenseProfile {
    /// Reads the result of a look-up.
    #[staticmethod]
    fn read(found: &Bound<'_, PyAny>) -> PyResult<Py<Self>> {
        without_panic(|| {
            let text = found.cast::<PyString>();
            let profile = text.map_or_else(|_| Profile::nothing(), profile_of);
            object(found.py(), Self(profile))
        })
    }

    #[getter]
    fn state(&self) -> &'static str {
        self.0.state().name()
    }

    fn with_assignment(
        &self,
        user_id: &str,
        experiment_key: &str,
        variation_key: &str,
    ) -> PyResult<String> {
        without_panic(|| {
            Ok(self
                .0
                .with_assignment(user_id, experiment_key, variation_key))
        })
    }
}

/// The names of all reasons.
pub(crate) fn reasons(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
    tuple(py, Reason::ALL.iter().map(|reason| reason.name()))
}
