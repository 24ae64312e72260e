//! `PageSense`'s calls that need no frame of Python's.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use pythonic::json::push_string;
use pythonic::text::strip;
use sortition_engine::pagesense::ExperimentChoice;
use sortition_engine::pagesense::call::{self, Event, GoalChoice, Outcome, Revenue};
use sortition_engine::pagesense::event::{Visitor, push_field};
use sortition_engine::reason::Remark;

use super::{PyActivated, PyPagesenseSettings, Question};
use crate::direct::{
    Answered, Argument, Arguments, Direct, Otherwise, Permission, ensure, exact, optional_text,
    push_json, take, text,
};
use crate::queue::Queue;
use crate::queue::counts::{CONVERSION, VISITOR};

/// Answers the plain calls of one client, with one snapshot of its settings and in one process.
#[pyclass(frozen, name = "PagesenseDirect", module = "sortition._core")]
pub(crate) struct PyPagesenseDirect {
    settings: Py<PyPagesenseSettings>,
    permission: Permission,
    activated: Py<PyActivated>,
}

#[pymethods]
impl PyPagesenseDirect {
    #[new]
    fn new(
        settings: Py<PyPagesenseSettings>,
        log_levels: Option<Py<PyDict>>,
        logger: Py<PyAny>,
        queue: Option<Py<Queue>>,
        activated: Py<PyActivated>,
    ) -> Self {
        Self {
            settings,
            permission: Permission::new(log_levels, logger, queue),
            activated,
        }
    }

    /// Whether it was made in the process that asks.
    fn is_of_this_process(&self) -> bool {
        self.permission.is_of_this_process()
    }
}

/// The object that answers, if it may answer now.
fn permitted<'a>(direct: &'a Bound<'_, PyAny>) -> Direct<&'a PyPagesenseDirect> {
    let known = direct.cast_exact::<PyPagesenseDirect>();
    let known = known.map_err(|_| Otherwise::AsWritten)?.get();
    known.permission.check(direct.py())?;
    Ok(known)
}

pub(crate) fn get_variation_name(
    direct: &Bound<'_, PyAny>,
    arguments: &Arguments<'_, '_>,
) -> Answered {
    assign(direct, arguments, ExperimentChoice::Name)
}

pub(crate) fn get_variation_link_name_by_identifier(
    direct: &Bound<'_, PyAny>,
    arguments: &Arguments<'_, '_>,
) -> Answered {
    assign(direct, arguments, ExperimentChoice::LinkName)
}

pub(crate) fn activate_experiment(
    direct: &Bound<'_, PyAny>,
    arguments: &Arguments<'_, '_>,
) -> Answered {
    show(direct, arguments, ExperimentChoice::Name)
}

pub(crate) fn activate_experiment_by_identifier(
    direct: &Bound<'_, PyAny>,
    arguments: &Arguments<'_, '_>,
) -> Answered {
    show(direct, arguments, ExperimentChoice::LinkName)
}

pub(crate) fn track_project_goal(
    direct: &Bound<'_, PyAny>,
    arguments: &Arguments<'_, '_>,
) -> Answered {
    convert_in_project(direct, arguments, GoalChoice::Name)
}

pub(crate) fn track_project_goal_by_identifier(
    direct: &Bound<'_, PyAny>,
    arguments: &Arguments<'_, '_>,
) -> Answered {
    convert_in_project(direct, arguments, GoalChoice::LinkName)
}

fn assign<'a>(
    direct: &Bound<'_, PyAny>,
    arguments: &Arguments<'a, '_>,
    choice: fn(&'a str) -> ExperimentChoice<'a>,
) -> Answered {
    let (py, direct) = (arguments.py, permitted(direct)?);
    let [experiment, user_id] = arguments.required()?;
    let [attributes] = arguments.options(2, 1, [intern!(py, "user_attributes")])?;
    let asked = Asked::of(user_id, attributes)?;
    let (choice, settings) = (choice(filled(experiment)?), &direct.settings.get().settings);
    let outcome = asked
        .question(None)
        .ask(|request| call::assign(settings, choice, request))?;
    ensure_settled(&outcome)?;
    Ok(answer(py, &outcome))
}

fn show<'a>(
    direct: &Bound<'_, PyAny>,
    arguments: &Arguments<'a, '_>,
    choice: fn(&'a str) -> ExperimentChoice<'a>,
) -> Answered {
    let (py, direct) = (arguments.py, permitted(direct)?);
    let queue = direct.permission.queue()?;
    let [experiment, user_id] = arguments.required()?;
    let [attributes] = arguments.options(2, 1, [intern!(py, "user_attributes")])?;
    let asked = Asked::of(user_id, attributes)?;
    let (choice, settings) = (choice(filled(experiment)?), &direct.settings.get().settings);
    let outcome = asked
        .question(None)
        .ask(|request| call::show(settings, choice, request))?;
    ensure_settled(&outcome)?;
    let answer = answer(py, &outcome);
    if let Some(key) = outcome.answer.and(outcome.experiment_key(settings)) {
        direct.activated.get().remember(key, asked.user.as_bytes());
    }
    if let Some(event) = &outcome.event {
        asked.send(py, direct, queue, event, None)?;
    }
    Ok(answer)
}

pub(crate) fn track_goal(direct: &Bound<'_, PyAny>, arguments: &Arguments<'_, '_>) -> Answered {
    let (py, direct) = (arguments.py, permitted(direct)?);
    let queue = direct.permission.queue()?;
    let [experiment, user_id, goal_name] = arguments.required()?;
    let known = [
        intern!(py, "user_attributes"),
        intern!(py, "goal_properties"),
    ];
    let [attributes, properties] = arguments.options(3, 2, known)?;
    let asked = Asked::of(user_id, attributes)?;
    let properties = properties.map(Properties::of).transpose()?;
    let revenue = properties.as_ref().map(Properties::revenue);
    let settings = &direct.settings.get().settings;
    let choice = ExperimentChoice::Name(filled(experiment)?);
    let question = asked.question(Some(filled(goal_name)?));
    let outcome = question.ask(|request| call::convert(settings, choice, request, revenue))?;
    ensure_settled(&outcome)?;
    let event = outcome.event.as_ref().ok_or(Otherwise::AsWritten)?;
    if outcome.presumes_activation {
        let key = outcome.experiment_key(settings).unwrap_or_default();
        ensure(direct.activated.get().holds(key, asked.user.as_bytes()))?;
    }
    let properties = properties.as_ref().map(|properties| &*properties.json);
    asked.send(py, direct, queue, event, properties)?;
    Ok(py.None())
}

fn convert_in_project<'a>(
    direct: &Bound<'_, PyAny>,
    arguments: &Arguments<'a, '_>,
    choice: fn(&'a str) -> GoalChoice<'a>,
) -> Answered {
    let (py, direct) = (arguments.py, permitted(direct)?);
    let queue = direct.permission.queue()?;
    let [goal, user_id] = arguments.required()?;
    let known = [
        intern!(py, "user_attributes"),
        intern!(py, "goal_properties"),
    ];
    let [attributes, properties] = arguments.options(2, 2, known)?;
    let asked = Asked::of(user_id, attributes)?;
    let properties = properties.map(Properties::of).transpose()?;
    let revenue = properties
        .as_ref()
        .map_or(Revenue::Missing, Properties::revenue);
    let (choice, settings) = (choice(filled(goal)?), &direct.settings.get().settings);
    let outcome = asked
        .question(None)
        .ask(|request| call::convert_in_project(settings, choice, request, revenue))?;
    ensure_settled(&outcome)?;
    let event = outcome.event.as_ref().ok_or(Otherwise::AsWritten)?;
    let properties = properties.as_ref().map(|properties| &*properties.json);
    asked.send(py, direct, queue, event, properties)?;
    Ok(py.None())
}

/// Text that is not blank.
fn filled<'a>(value: Argument<'a, '_>) -> Direct<&'a str> {
    let text = text(value)?;
    ensure(!strip(text).is_empty())?;
    Ok(text)
}

/// The arguments that all calls have.
struct Asked<'a, 'py> {
    user: &'a str,
    user_id: Borrowed<'a, 'py, PyString>,
    attributes: Option<Borrowed<'a, 'py, PyDict>>,
}

impl<'a, 'py> Asked<'a, 'py> {
    fn of(user_id: Argument<'a, 'py>, attributes: Option<Argument<'a, 'py>>) -> Direct<Self> {
        Ok(Self {
            user: filled(user_id)?,
            user_id: exact(user_id)?,
            attributes: attributes.map(exact).transpose()?,
        })
    }

    fn question<'q>(&'q self, goal_name: Option<&'q str>) -> Question<'q, 'py> {
        Question {
            user_id: &self.user_id,
            attributes: self.attributes.as_deref(),
            has_user_storage: false,
            stored: None,
            goal_name,
        }
    }

    /// Puts an event into the queue.
    fn send(
        &self,
        py: Python<'py>,
        direct: &PyPagesenseDirect,
        queue: &Queue,
        event: &Event<'_>,
        properties: Option<&str>,
    ) -> Direct<()> {
        let mut id = String::with_capacity(self.user.len() + 2);
        push_string(&mut id, self.user);
        let mut attributes = String::from("[");
        for (name, value) in self
            .attributes
            .iter()
            .flat_map(|attributes| attributes.iter())
        {
            push_entry(&mut attributes, name.as_borrowed(), value.as_borrowed())?;
        }
        attributes.push(']');
        let visitor = Visitor {
            id: &id,
            attributes: &attributes,
        };
        let settings = &direct.settings.get().settings;
        let content = event.encode(settings, &visitor, properties);
        let kind = match event {
            Event::Visit { .. } => VISITOR,
            Event::Goal { .. } | Event::ProjectGoal { .. } => CONVERSION,
        };
        take(py, queue, kind, content, self.user)
    }
}

/// The properties of a conversion, and what they say of its revenue.
struct Properties {
    json: String,
    has_revenue: bool,
    /// The revenue, where it is text.
    revenue: Option<String>,
}

impl Properties {
    /// Reads them as the method does: text is trimmed, and what is blank or None is left out.
    fn of(properties: Argument<'_, '_>) -> Direct<Self> {
        let mut json = String::from("[");
        let (mut has_revenue, mut revenue) = (false, None);
        for (name, value) in exact::<PyDict>(properties)?.iter() {
            let trimmed = match value.cast_exact::<PyString>() {
                Ok(_) => Some(strip(optional_text(Some(value.as_borrowed()))?)),
                Err(_) => None,
            };
            if value.is_none() || trimmed == Some("") {
                continue;
            }
            if optional_text(Some(name.as_borrowed()))? == REVENUE {
                has_revenue = true;
                revenue = trimmed.map(str::to_owned);
            }
            let trimmed = trimmed.map(|trimmed| PyString::new(value.py(), trimmed).into_any());
            let value = trimmed.as_ref().unwrap_or(&value);
            push_entry(&mut json, name.as_borrowed(), value.as_borrowed())?;
        }
        json.push(']');
        Ok(Self {
            json,
            has_revenue,
            revenue,
        })
    }

    fn revenue(&self) -> Revenue<'_> {
        match &self.revenue {
            Some(text) => Revenue::Text(text),
            None if self.has_revenue => Revenue::Other,
            None => Revenue::Missing,
        }
    }
}

/// The key of the property with a conversion's revenue.
const REVENUE: &str = "revenue";

/// Appends a field, where its name and its value are plain.
fn push_entry(fields: &mut String, name: Argument<'_, '_>, value: Argument<'_, '_>) -> Direct<()> {
    let mut json = String::new();
    push_json(&mut json, value)?;
    ensure(name.is_exact_instance_of::<PyString>())?;
    push_field(fields, optional_text(Some(name))?, &json);
    Ok(())
}

/// Continues if the caller only has to send the event and return the answer.
fn ensure_settled(outcome: &Outcome<'_>) -> Direct<()> {
    ensure(
        outcome.remark != Remark::Mistake
            && outcome.refusal.is_none()
            && outcome.revenue_fault.is_none(),
    )
}

fn answer(py: Python<'_>, outcome: &Outcome<'_>) -> Py<PyAny> {
    match outcome.answer {
        None => py.None(),
        Some(name) => PyString::new(py, name).into_any().unbind(),
    }
}
