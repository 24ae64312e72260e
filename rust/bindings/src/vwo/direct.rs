//! VWO's calls that need no frame of Python's.

use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyInt, PyType};
use sortition_engine::reason::Remark;
use sortition_engine::vwo::call::{self, CampaignChoice, Event, Outcome};
use sortition_engine::vwo::decision::{Call, GoalTypeToTrack};
use sortition_engine::vwo::event::Visitor;

use super::{GoalQuestion, PySettings, Question};
use crate::calling::{make, put};
use crate::direct::{
    Answered, Argument, Arguments, Direct, Otherwise, Permission, ensure, exact, now_s,
    optional_text, push_json, take, text,
};
use crate::queue::Queue;
use crate::queue::counts::{CONVERSION, VISITOR};

/// Answers the plain calls of one client, with one snapshot of its settings and in one process.
#[pyclass(frozen, name = "VwoDirect", module = "sortition._core")]
pub(crate) struct PyVwoDirect {
    settings: Py<PySettings>,
    permission: Permission,
    goal_type_to_track: GoalTypeToTrack,
    result_class: Py<PyType>,
}

#[pymethods]
impl PyVwoDirect {
    #[new]
    fn new(
        settings: Py<PySettings>,
        log_levels: Option<Py<PyDict>>,
        logger: Py<PyAny>,
        queue: Option<Py<Queue>>,
        goal_type_to_track: &str,
        result_class: Py<PyType>,
    ) -> PyResult<Self> {
        Ok(Self {
            settings,
            permission: Permission::new(log_levels, logger, queue),
            goal_type_to_track: GoalTypeToTrack::from_name(goal_type_to_track)
                .ok_or_else(|| PyValueError::new_err("goal_type_to_track: unknown type"))?,
            result_class,
        })
    }

    /// Whether it was made in the process that asks.
    fn is_of_this_process(&self) -> bool {
        self.permission.is_of_this_process()
    }
}

/// The object that answers, if it may answer now.
fn permitted<'a>(direct: &'a Bound<'_, PyAny>) -> Direct<&'a PyVwoDirect> {
    let known = direct.cast_exact::<PyVwoDirect>();
    let known = known.map_err(|_| Otherwise::AsWritten)?.get();
    known.permission.check(direct.py())?;
    Ok(known)
}

pub(crate) fn get_variation_name(
    direct: &Bound<'_, PyAny>,
    arguments: &Arguments<'_, '_>,
) -> Answered {
    let (py, direct) = (arguments.py, permitted(direct)?);
    let [campaign_key, user_id] = arguments.required()?;
    let known = [
        intern!(py, "custom_variables"),
        intern!(py, "variation_targeting_variables"),
    ];
    let [custom, targeting] = arguments.options(2, 0, known)?;
    let (custom, targeting) = (dictionary(custom)?, dictionary(targeting)?);
    let (custom, targeting) = (custom.as_deref(), targeting.as_deref());
    let question = question(Call::GetVariationName, user_id, custom, targeting)?;
    let campaign = CampaignChoice::Key(text(campaign_key)?);
    let settings = direct.settings.get();
    let outcome = settings.ask(&question, |request| {
        call::assign(&settings.settings, campaign, request)
    })?;
    ensure_settled(&outcome)?;
    Ok(settings.answer(py, &outcome)?)
}

pub(crate) fn activate(direct: &Bound<'_, PyAny>, arguments: &Arguments<'_, '_>) -> Answered {
    show(direct, arguments, Call::Activate)
}

pub(crate) fn is_feature_enabled(
    direct: &Bound<'_, PyAny>,
    arguments: &Arguments<'_, '_>,
) -> Answered {
    show(direct, arguments, Call::IsFeatureEnabled)
}

fn show(direct: &Bound<'_, PyAny>, arguments: &Arguments<'_, '_>, call: Call) -> Answered {
    let (py, direct) = (arguments.py, permitted(direct)?);
    let queue = direct.permission.queue()?;
    let [campaign_key, user_id] = arguments.required()?;
    let known = [
        intern!(py, "custom_variables"),
        intern!(py, "variation_targeting_variables"),
        intern!(py, "user_agent"),
        intern!(py, "user_ip_address"),
    ];
    let [custom, targeting, user_agent, ip_address] = arguments.options(2, 0, known)?;
    let sender = (optional_text(user_agent)?, optional_text(ip_address)?);
    let (custom, targeting) = (dictionary(custom)?, dictionary(targeting)?);
    let (custom, targeting) = (custom.as_deref(), targeting.as_deref());
    let question = question(call, user_id, custom, targeting)?;
    let campaign = CampaignChoice::Key(text(campaign_key)?);
    let settings = direct.settings.get();
    let outcome = settings.ask(&question, |request| {
        call::show(&settings.settings, campaign, request)
    })?;
    ensure_settled(&outcome)?;
    // Made before the event is taken, so that no fault comes after it.
    let answer = settings.answer(py, &outcome)?;
    if let Some(event) = &outcome.event {
        send(py, queue, settings, event, question.user_id, sender)?;
    }
    Ok(answer)
}

pub(crate) fn track(direct: &Bound<'_, PyAny>, arguments: &Arguments<'_, '_>) -> Answered {
    let (py, direct) = (arguments.py, permitted(direct)?);
    let queue = direct.permission.queue()?;
    let [campaign_key, user_id, goal_identifier] = arguments.required()?;
    let known = [
        intern!(py, "custom_variables"),
        intern!(py, "variation_targeting_variables"),
        intern!(py, "revenue_value"),
        intern!(py, "user_agent"),
        intern!(py, "user_ip_address"),
    ];
    let [custom, targeting, revenue, user_agent, ip_address] = arguments.options(3, 0, known)?;
    let revenue = revenue.map(plain_number).transpose()?;
    let sender = (optional_text(user_agent)?, optional_text(ip_address)?);
    let (custom, targeting) = (dictionary(custom)?, dictionary(targeting)?);
    let (custom, targeting) = (custom.as_deref(), targeting.as_deref());
    let mut question = question(Call::Track, user_id, custom, targeting)?;
    question.goal = Some(GoalQuestion {
        identifier: text(goal_identifier)?,
        type_to_track: direct.goal_type_to_track,
        has_revenue: revenue.is_some(),
        event_properties: None,
    });
    let campaign = CampaignChoice::Key(text(campaign_key)?);
    let settings = direct.settings.get();
    let outcome = settings.ask(&question, |request| {
        call::convert(&settings.settings, campaign, request, revenue.as_deref())
    })?;
    ensure_settled(&outcome)?;
    let event = outcome.event.as_ref().ok_or(Otherwise::AsWritten)?;
    // Made before the event is taken, so that no fault comes after it.
    let result = make(py, &direct.result_class, ())?;
    let is_credited = settings.answer(py, &outcome)?;
    let entries = result.bind(py).cast::<PyDict>().map_err(PyErr::from)?;
    put(entries, &campaign_key, is_credited.bind(py))?;
    send(py, queue, settings, event, question.user_id, sender)?;
    Ok(result)
}

/// A dictionary, but no instance of a derived class, if there is one.
fn dictionary<'a, 'py>(
    value: Option<Argument<'a, 'py>>,
) -> Direct<Option<Borrowed<'a, 'py, PyDict>>> {
    value.map(exact).transpose()
}

fn question<'a, 'py>(
    call: Call,
    user_id: Argument<'a, 'py>,
    custom_variables: Option<&'a Bound<'py, PyDict>>,
    variation_targeting_variables: Option<&'a Bound<'py, PyDict>>,
) -> Direct<Question<'a, 'py>> {
    Ok(Question {
        call,
        user_id: text(user_id)?,
        custom_variables,
        variation_targeting_variables,
        records: None,
        has_user_storage: false,
        should_track_returning_user: false,
        goal: None,
    })
}

/// Continues if the caller only has to send the event and return the answer.
fn ensure_settled(outcome: &Outcome<'_>) -> Direct<()> {
    ensure(
        outcome.remark == Remark::Ordinary
            && outcome.refusal.is_none()
            && !outcome.decision.gave_up_on_pattern,
    )
}

/// Puts an event of now into the queue.
fn send(
    py: Python<'_>,
    queue: &Queue,
    settings: &PySettings,
    event: &Event<'_>,
    user_id: &str,
    (user_agent, ip_address): (&str, &str),
) -> Direct<()> {
    let kind = match event {
        Event::Impression { .. } => VISITOR,
        Event::Conversion { .. } => CONVERSION,
    };
    let event = event.encode(&Visitor {
        id: &settings.settings.visitor_ids().of(user_id),
        at_s: now_s(py)?,
        user_agent,
        ip_address,
    });
    take(py, queue, kind, event, "")
}

/// A larger revenue is not a readable amount, which the method as written logs.
const AMOUNT_LIMIT: f64 = 1e15;

/// A number other than 0 as JSON, where it is an integer or a float and not too large to be sent.
fn plain_number(value: Argument<'_, '_>) -> Direct<String> {
    let is_number =
        value.is_exact_instance_of::<PyInt>() || value.is_exact_instance_of::<PyFloat>();
    let mut json = String::new();
    ensure(is_number)?;
    push_json(&mut json, value)?;
    // An integer of 64 bits that is below the limit is below it as a float, too.
    let number = value.extract::<f64>()?;
    ensure(number != 0.0 && number.abs() < AMOUNT_LIMIT)?;
    Ok(json)
}
