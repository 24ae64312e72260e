//! Compiled VWO settings and their decisions, as Python sees them.

mod attributes;
pub(crate) mod direct;
mod model;
mod outcome;
mod steps;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};
use sortition_engine::trace::{Silent, Trace};
use sortition_engine::vwo::call::{self, CampaignChoice, CampaignSpecifier, targets};
use sortition_engine::vwo::decision::{
    Call, Decision, GoalRequest, GoalTypeToTrack, Request, Step, Write,
};
use sortition_engine::vwo::event::{self, Visitor};
use sortition_engine::vwo::reason::Reason;
use sortition_engine::vwo::settings::{Campaign, Goal, Settings, Variable};
use sortition_engine::vwo::{decide, decide_by_key};

use crate::calling::{list, object, tuple};
use crate::error::{settings_error, without_panic};
use crate::memory::give_back_memory_of;
use crate::problem::problems;
use crate::stack::with_enough_stack;
use attributes::{PyAttributes, PyRecords, Reading};
use model::SettingsObjects;
pub(crate) use outcome::PyOutcome;

/// An account's settings, compiled once.
#[pyclass(frozen, name = "VwoSettings", module = "sortition._core")]
pub(crate) struct PySettings {
    pub(crate) settings: Settings,
    objects: SettingsObjects,
    problems: Py<PyTuple>,
    /// The names of the variables that segments ask for, by their numbers.
    names: Box<[Py<PyString>]>,
}

#[pymethods]
impl PySettings {
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
            let names = settings.variable_names().iter();
            Ok(Self {
                names: names
                    .map(|name| PyString::intern(py, name).unbind())
                    .collect(),
                objects: SettingsObjects::of(py, &settings)?,
                problems: problems(py, settings.problems())?.unbind(),
                settings,
            })
        })
    }

    #[getter]
    fn version<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        model::identifier(py, self.settings.version())
    }

    #[getter]
    fn account_id<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        model::identifier(py, self.settings.account_id())
    }

    #[getter]
    fn sdk_key(&self) -> Option<&str> {
        self.settings.sdk_key()
    }

    #[getter]
    fn is_event_arch_enabled(&self) -> bool {
        self.settings.is_event_arch_enabled()
    }

    #[getter]
    fn collection_prefix(&self) -> Option<&str> {
        self.settings.collection_prefix()
    }

    #[getter]
    fn campaigns(&self, py: Python<'_>) -> PyResult<Py<PyTuple>> {
        without_panic(|| {
            let campaigns = self.objects.all_campaigns(py, &self.settings)?;
            Ok(campaigns.clone_ref(py))
        })
    }

    #[getter]
    fn problems(&self, py: Python<'_>) -> Py<PyTuple> {
        self.problems.clone_ref(py)
    }

    #[getter]
    const fn problem_count(&self) -> usize {
        self.settings.problems().count()
    }

    fn visitor_id(&self, user_id: &str) -> PyResult<String> {
        without_panic(|| Ok(self.settings.visitor_ids().of(user_id)))
    }

    fn has_campaign(&self, key: &str) -> bool {
        let mut campaigns = self.settings.campaigns().iter();
        campaigns.any(|campaign| campaign.key() == key)
    }

    fn campaign_keys<'py>(&self, py: Python<'py>, most: usize) -> PyResult<Bound<'py, PyTuple>> {
        let campaigns = self.settings.campaigns().iter();
        let keys: Vec<&str> = campaigns.take(most).map(Campaign::key).collect();
        tuple(py, keys)
    }

    /// The different identifiers among the first goals of the first campaigns.
    fn goal_identifiers<'py>(&self, py: Python<'py>, most: usize) -> PyResult<Bound<'py, PyTuple>> {
        let campaigns = self.settings.campaigns().iter();
        let goals = campaigns.take(most).flat_map(Campaign::goals);
        let mut identifiers: Vec<&str> = Vec::new();
        for identifier in goals.take(most).map(Goal::identifier) {
            if !identifiers.contains(&identifier) {
                identifiers.push(identifier);
            }
        }
        tuple(py, identifiers)
    }

    fn running_campaign(&self, py: Python<'_>, key: &str) -> PyResult<Option<Py<PyAny>>> {
        without_panic(|| {
            let Some(index) = self.settings.running_campaign(key) else {
                return Ok(None);
            };
            let objects = self.objects.campaign(py, &self.settings, index)?;
            Ok(objects.map(|objects| objects.campaign.clone_ref(py)))
        })
    }

    fn campaigns_with_goal<'py>(
        &self,
        py: Python<'py>,
        goal_identifier: &str,
    ) -> PyResult<Bound<'py, PyTuple>> {
        without_panic(|| {
            let campaigns = self
                .settings
                .campaigns_with_goal(goal_identifier)
                .filter_map(|index| self.objects.campaign(py, &self.settings, index).transpose())
                .map(|objects| Ok(&objects?.campaign))
                .collect::<PyResult<Vec<_>>>()?;
            tuple(py, campaigns)
        })
    }

    /// The event of a user who has a value of a custom dimension.
    fn push_event<'py>(
        &self,
        py: Python<'py>,
        user_id: &str,
        at_s: u64,
        key: &str,
        value: &str,
    ) -> PyResult<Bound<'py, PyBytes>> {
        without_panic(|| {
            let id = self.settings.visitor_ids().of(user_id);
            let event = event::push(&visitor(&id, at_s, None, None), key, value);
            Ok(PyBytes::new(py, event.as_bytes()))
        })
    }

    /// The campaigns to credit: the indices of campaigns, and the keys that no running one has.
    fn targets<'py>(
        &self,
        py: Python<'py>,
        specifier: &Bound<'py, PyAny>,
        goal_identifier: &str,
    ) -> PyResult<Bound<'py, PyList>> {
        without_panic(|| {
            let keys: Vec<PyBackedStr>;
            let texts: Vec<&str>;
            let specifier = if specifier.is_none() {
                CampaignSpecifier::All
            } else if let Ok(key) = specifier.cast::<PyString>() {
                CampaignSpecifier::One(key.to_str()?)
            } else {
                keys = specifier.extract()?;
                texts = keys.iter().map(|key| &**key).collect();
                CampaignSpecifier::Several(&texts)
            };
            let found = targets(&self.settings, specifier, goal_identifier);
            let found = found
                .into_iter()
                .map(|target| match target {
                    CampaignChoice::Key(key) => Ok(PyString::new(py, key).into_any()),
                    CampaignChoice::Index(index) => Ok(index.into_pyobject(py)?.into_any()),
                })
                .collect::<PyResult<Vec<_>>>()?;
            list(py, found)
        })
    }

    /// Decides for one user and one campaign.
    #[pyo3(signature = (
        call,
        campaign,
        user_id,
        custom_variables=None,
        variation_targeting_variables=None,
        records=None,
        *,
        has_user_storage=false,
        should_track_returning_user=false,
        goal_identifier=None,
        goal_type_to_track="ALL",
        has_revenue=false,
        event_properties=None,
        steps=None,
    ))]
    #[expect(
        clippy::too_many_arguments,
        reason = "the arguments of the Python call, which are keywords there"
    )]
    fn decide<'py>(
        &self,
        py: Python<'py>,
        call: &str,
        campaign: &Bound<'py, PyAny>,
        user_id: &str,
        custom_variables: Option<&Bound<'py, PyDict>>,
        variation_targeting_variables: Option<&Bound<'py, PyDict>>,
        records: Option<&Bound<'py, PyDict>>,
        has_user_storage: bool,
        should_track_returning_user: bool,
        goal_identifier: Option<&str>,
        goal_type_to_track: &str,
        has_revenue: bool,
        event_properties: Option<&Bound<'py, PyDict>>,
        steps: Option<&Bound<'py, PyList>>,
    ) -> PyResult<Py<PyDecision>> {
        let question = Question {
            call: call_of(call)?,
            user_id,
            custom_variables,
            variation_targeting_variables,
            records,
            has_user_storage,
            should_track_returning_user,
            goal: match goal_identifier {
                Some(identifier) => Some(GoalQuestion {
                    identifier,
                    type_to_track: goal_type_of(goal_type_to_track)?,
                    has_revenue,
                    event_properties,
                }),
                None => None,
            },
        };
        let campaign = choice_of(campaign)?;
        let decision = if let Some(list) = steps {
            let mut steps = Vec::new();
            let decision = self.ask(&question, |request| {
                choose(&self.settings, campaign, request, &mut steps)
            })?;
            for step in steps {
                list.append(steps::as_dict(py, &self.settings, decision.campaign, step)?)?;
            }
            decision
        } else {
            self.ask(&question, |request| {
                choose(&self.settings, campaign, request, &mut Silent)
            })?
        };
        self.decision(py, decision)
    }

    /// Decides without an event.
    #[pyo3(signature = (
        call, campaign, user_id, custom_variables=None, variation_targeting_variables=None,
        has_user_storage=false, variable_key=None, records=None,
    ))]
    #[expect(
        clippy::too_many_arguments,
        reason = "the arguments of the Python call"
    )]
    fn assign<'py>(
        slf: &Bound<'py, Self>,
        call: &str,
        campaign: &Bound<'py, PyAny>,
        user_id: &str,
        custom_variables: Option<&Bound<'py, PyDict>>,
        variation_targeting_variables: Option<&Bound<'py, PyDict>>,
        has_user_storage: bool,
        variable_key: Option<&str>,
        records: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Py<PyOutcome>> {
        let question = Question {
            call: call_of(call)?,
            user_id,
            custom_variables,
            variation_targeting_variables,
            records,
            has_user_storage,
            should_track_returning_user: false,
            goal: None,
        };
        let (campaign, settings) = (choice_of(campaign)?, &slf.get().settings);
        let outcome = slf.get().ask(&question, |request| match variable_key {
            None => call::assign(settings, campaign, request),
            Some(key) => call::look_up(settings, campaign, request, key),
        })?;
        PyOutcome::of(slf, outcome, &question, None)
    }

    /// Decides, and counts the user as a visitor.
    #[pyo3(signature = (
        call, campaign, user_id, custom_variables=None, variation_targeting_variables=None,
        has_user_storage=false, should_track_returning_user=false, at_s=None, user_agent=None,
        ip_address=None, records=None,
    ))]
    #[expect(
        clippy::too_many_arguments,
        reason = "the arguments of the Python call"
    )]
    fn show<'py>(
        slf: &Bound<'py, Self>,
        call: &str,
        campaign: &Bound<'py, PyAny>,
        user_id: &str,
        custom_variables: Option<&Bound<'py, PyDict>>,
        variation_targeting_variables: Option<&Bound<'py, PyDict>>,
        has_user_storage: bool,
        should_track_returning_user: bool,
        at_s: Option<u64>,
        user_agent: Option<&str>,
        ip_address: Option<&str>,
        records: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Py<PyOutcome>> {
        let question = Question {
            call: call_of(call)?,
            user_id,
            custom_variables,
            variation_targeting_variables,
            records,
            has_user_storage,
            should_track_returning_user,
            goal: None,
        };
        let (campaign, settings) = (choice_of(campaign)?, &slf.get().settings);
        let outcome = slf
            .get()
            .ask(&question, |request| call::show(settings, campaign, request))?;
        let sender = at_s.map(|at_s| Sender::of(at_s, user_agent, ip_address));
        PyOutcome::of(slf, outcome, &question, sender)
    }

    /// Decides, and credits the user's conversion.
    #[pyo3(signature = (
        campaign, user_id, goal_identifier, goal_type_to_track="ALL", custom_variables=None,
        variation_targeting_variables=None, has_user_storage=false,
        should_track_returning_user=false, revenue=None, event_properties=None, at_s=None,
        user_agent=None, ip_address=None, records=None,
    ))]
    #[expect(
        clippy::too_many_arguments,
        reason = "the arguments of the Python call"
    )]
    fn convert<'py>(
        slf: &Bound<'py, Self>,
        campaign: &Bound<'py, PyAny>,
        user_id: &str,
        goal_identifier: &str,
        goal_type_to_track: &str,
        custom_variables: Option<&Bound<'py, PyDict>>,
        variation_targeting_variables: Option<&Bound<'py, PyDict>>,
        has_user_storage: bool,
        should_track_returning_user: bool,
        revenue: Option<&str>,
        event_properties: Option<&Bound<'py, PyDict>>,
        at_s: Option<u64>,
        user_agent: Option<&str>,
        ip_address: Option<&str>,
        records: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Py<PyOutcome>> {
        let question = Question {
            call: Call::Track,
            user_id,
            custom_variables,
            variation_targeting_variables,
            records,
            has_user_storage,
            should_track_returning_user,
            goal: Some(GoalQuestion {
                identifier: goal_identifier,
                type_to_track: goal_type_of(goal_type_to_track)?,
                has_revenue: revenue.is_some(),
                event_properties,
            }),
        };
        let (campaign, settings) = (choice_of(campaign)?, &slf.get().settings);
        let outcome = slf.get().ask(&question, |request| {
            call::convert(settings, campaign, request, revenue)
        })?;
        let sender = at_s.map(|at_s| Sender::of(at_s, user_agent, ip_address));
        PyOutcome::of(slf, outcome, &question, sender)
    }
}

/// The question of a call, with Python's values.
pub(crate) struct Question<'a, 'py> {
    pub(crate) call: Call,
    pub(crate) user_id: &'a str,
    pub(crate) custom_variables: Option<&'a Bound<'py, PyDict>>,
    pub(crate) variation_targeting_variables: Option<&'a Bound<'py, PyDict>>,
    pub(crate) records: Option<&'a Bound<'py, PyDict>>,
    pub(crate) has_user_storage: bool,
    pub(crate) should_track_returning_user: bool,
    pub(crate) goal: Option<GoalQuestion<'a, 'py>>,
}

/// What `track` asks beside.
pub(crate) struct GoalQuestion<'a, 'py> {
    pub(crate) identifier: &'a str,
    pub(crate) type_to_track: GoalTypeToTrack,
    pub(crate) has_revenue: bool,
    pub(crate) event_properties: Option<&'a Bound<'py, PyDict>>,
}

/// The user of an event, as far as a call tells of them.
#[derive(Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub(crate) at_s: u64,
    pub(crate) user_agent: &'a str,
    pub(crate) ip_address: &'a str,
}

impl<'a> Sender<'a> {
    fn of(at_s: u64, user_agent: Option<&'a str>, ip_address: Option<&'a str>) -> Self {
        Self {
            at_s,
            user_agent: user_agent.unwrap_or_default(),
            ip_address: ip_address.unwrap_or_default(),
        }
    }
}

fn call_of(name: &str) -> PyResult<Call> {
    Call::from_name(name).ok_or_else(|| PyValueError::new_err("call: unknown call"))
}

fn goal_type_of(name: &str) -> PyResult<GoalTypeToTrack> {
    GoalTypeToTrack::from_name(name)
        .ok_or_else(|| PyValueError::new_err("goal_type_to_track: unknown type"))
}

fn choice_of<'a>(campaign: &'a Bound<'_, PyAny>) -> PyResult<CampaignChoice<'a>> {
    if let Ok(key) = campaign.cast::<PyString>() {
        Ok(CampaignChoice::Key(key.to_str()?))
    } else if let Ok(index) = campaign.extract::<usize>() {
        Ok(CampaignChoice::Index(index))
    } else {
        Err(PyTypeError::new_err("campaign: expected a key or an index"))
    }
}

fn choose<'a, 'py>(
    settings: &Settings,
    campaign: CampaignChoice<'_>,
    request: &Request<'_, PyAttributes<'a, 'py>, PyRecords<'a, 'py>>,
    trace: &mut impl Trace<Step>,
) -> Decision {
    match campaign {
        CampaignChoice::Key(key) => decide_by_key(settings, key, request, trace),
        CampaignChoice::Index(index) => decide(settings, index, request, trace),
    }
}

fn visitor<'a>(
    id: &'a str,
    at_s: u64,
    user_agent: Option<&'a str>,
    ip_address: Option<&'a str>,
) -> Visitor<'a> {
    Visitor {
        id,
        at_s,
        user_agent: user_agent.unwrap_or_default(),
        ip_address: ip_address.unwrap_or_default(),
    }
}

/// A batch of encoded events.
#[pyfunction]
#[expect(
    clippy::needless_pass_by_value,
    reason = "a list of Python objects comes by value"
)]
pub(crate) fn vwo_batch(
    py: Python<'_>,
    events: Vec<PyBackedBytes>,
) -> PyResult<Bound<'_, PyBytes>> {
    without_panic(|| {
        let bytes = py.detach(|| event::batch(&events));
        Ok(PyBytes::new(py, &bytes))
    })
}

impl PySettings {
    /// Asks the engine; an interrupt that came meanwhile is raised.
    pub(crate) fn ask<'py, T>(
        &self,
        question: &Question<'_, 'py>,
        work: impl FnOnce(&Request<'_, PyAttributes<'_, 'py>, PyRecords<'_, 'py>>) -> T,
    ) -> PyResult<T> {
        let reading = Reading::default();
        let read = |attributes| PyAttributes {
            attributes,
            names: &self.names,
            reading: &reading,
        };
        let event_properties = read(
            question
                .goal
                .as_ref()
                .and_then(|goal| goal.event_properties),
        );
        let request = Request {
            call: question.call,
            user_id: question.user_id,
            custom_variables: &read(question.custom_variables),
            variation_targeting_variables: &read(question.variation_targeting_variables),
            has_user_storage: question.has_user_storage,
            records: &PyRecords(question.records),
            should_track_returning_user: question.should_track_returning_user,
            goal: question.goal.as_ref().map(|goal| GoalRequest {
                identifier: goal.identifier,
                type_to_track: goal.type_to_track,
                has_revenue: goal.has_revenue,
                event_properties: &event_properties,
            }),
        };
        let answer = without_panic(|| Ok(work(&request)))?;
        reading.interrupt.check()?;
        Ok(answer)
    }

    /// The object of a variable.
    fn variable<'py>(&self, py: Python<'py>, variable: &Variable) -> PyResult<Bound<'py, PyAny>> {
        self.objects.variable(py, variable)
    }

    /// The name of the variation that was assigned, as the variation has it.
    pub(crate) fn name_of(&self, py: Python<'_>, decision: &Decision) -> Option<&Py<PyString>> {
        let names = self
            .objects
            .variation_names(py, &self.settings, decision.campaign?)?;
        names.get(decision.variation?)
    }

    fn decision(&self, py: Python<'_>, decision: Decision) -> PyResult<Py<PyDecision>> {
        let objects = match decision.campaign {
            Some(index) => self.objects.campaign(py, &self.settings, index)?,
            None => None,
        };
        let pick = |from: Option<&[Py<PyAny>]>, index: Option<usize>| -> Option<Py<PyAny>> {
            Some(from?.get(index?)?.clone_ref(py))
        };
        let (stores_new_record, stores_goal_identifiers) = match decision.write {
            None => (false, None),
            Some(Write::NewRecord) => (true, None),
            Some(Write::GoalIdentifiers(identifiers)) => (false, Some(identifiers)),
        };
        let decision = PyDecision {
            reason: decision.reason,
            campaign: objects.map(|objects| objects.campaign.clone_ref(py)),
            variation: pick(
                objects.map(|objects| &*objects.variations),
                decision.variation,
            ),
            goal: pick(objects.map(|objects| &*objects.goals), decision.goal),
            has_record: decision.has_record,
            stores_new_record,
            stores_goal_identifiers,
            gave_up_on_pattern: decision.gave_up_on_pattern,
            pattern_steps: decision.pattern_steps,
            records_needed: self.keys_of(py, &decision.records_needed)?.unbind(),
        };
        object(py, decision)
    }
}

/// A decision and its reason.
#[pyclass(frozen, name = "VwoDecision", module = "sortition._core")]
pub(crate) struct PyDecision {
    reason: Reason,
    #[pyo3(get)]
    campaign: Option<Py<PyAny>>,
    #[pyo3(get)]
    variation: Option<Py<PyAny>>,
    #[pyo3(get)]
    goal: Option<Py<PyAny>>,
    #[pyo3(get)]
    has_record: bool,
    #[pyo3(get)]
    stores_new_record: bool,
    #[pyo3(get)]
    stores_goal_identifiers: Option<String>,
    #[pyo3(get)]
    records_needed: Py<PyTuple>,
    #[pyo3(get)]
    gave_up_on_pattern: bool,
    #[pyo3(get)]
    pattern_steps: usize,
}

#[pymethods]
impl PyDecision {
    #[getter]
    fn reason(&self) -> &'static str {
        self.reason.name()
    }
}

/// The names of all reasons.
pub(crate) fn reasons(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
    tuple(py, Reason::ALL.iter().map(|reason| reason.name()))
}
