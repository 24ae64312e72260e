//! Compiled VWO settings and their decisions, as Python sees them.

mod attributes;
pub(crate) mod direct;
mod model;
mod steps;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};
use sortition_engine::trace::{Silent, Trace};
use sortition_engine::vwo::attributes::Attributes;
use sortition_engine::vwo::decision::{
    Call, Decision, GoalRequest, GoalTypeToTrack, Records, Request, Step, Write,
};
use sortition_engine::vwo::event::{self, Visitor};
use sortition_engine::vwo::reason::Reason;
use sortition_engine::vwo::settings::{Campaign, Goal, Settings, Variation};
use sortition_engine::vwo::{decide, decide_by_key};

use crate::error::{settings_error, without_panic};
use crate::interrupt::Interrupt;
use crate::memory::give_back_memory_of;
use crate::problem::problems;
use crate::stack::with_enough_stack;
use attributes::{PyAttributes, PyRecords};
use model::SettingsObjects;

/// An account's settings, compiled once.
#[pyclass(frozen, name = "VwoSettings", module = "sortition._core")]
pub(crate) struct PySettings {
    pub(crate) settings: Settings,
    objects: SettingsObjects,
    problems: Py<PyTuple>,
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
            Ok(Self {
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
        PyTuple::new(py, keys)
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
        PyTuple::new(py, identifiers)
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
            PyTuple::new(py, campaigns)
        })
    }

    /// The event of a user who was shown the decision's variation.
    #[pyo3(signature = (decision, user_id, at_s, user_agent=None, ip_address=None))]
    fn impression_event<'py>(
        &self,
        py: Python<'py>,
        decision: &PyDecision,
        user_id: &str,
        at_s: u64,
        user_agent: Option<&str>,
        ip_address: Option<&str>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        without_panic(|| {
            let (campaign, variation) = self.arm(decision)?;
            let id = self.settings.visitor_ids().of(user_id);
            let visitor = visitor(&id, at_s, user_agent, ip_address);
            let event = event::impression(&visitor, campaign, variation);
            Ok(PyBytes::new(py, event.as_bytes()))
        })
    }

    /// The event of a user who reached the decision's goal.
    #[pyo3(signature = (decision, user_id, at_s, user_agent=None, ip_address=None, revenue=None))]
    #[expect(
        clippy::too_many_arguments,
        reason = "what the platform wants to know of a conversion"
    )]
    fn conversion_event<'py>(
        &self,
        py: Python<'py>,
        decision: &PyDecision,
        user_id: &str,
        at_s: u64,
        user_agent: Option<&str>,
        ip_address: Option<&str>,
        revenue: Option<&str>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        without_panic(|| {
            let (campaign, variation) = self.arm(decision)?;
            let goal = decision
                .goal_index
                .and_then(|index| campaign.goals().get(index))
                .ok_or_else(|| {
                    PyValueError::new_err("decision: it has no goal of these settings")
                })?;
            let id = self.settings.visitor_ids().of(user_id);
            let visitor = visitor(&id, at_s, user_agent, ip_address);
            let event = event::conversion(&visitor, campaign, variation, goal, revenue);
            Ok(PyBytes::new(py, event.as_bytes()))
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
    ) -> PyResult<PyDecision> {
        let interrupt = Interrupt::default();
        let read = |attributes| PyAttributes {
            attributes,
            interrupt: &interrupt,
        };
        let event_properties = read(event_properties);
        let goal = match goal_identifier {
            Some(identifier) => Some(GoalRequest {
                identifier,
                type_to_track: GoalTypeToTrack::from_name(goal_type_to_track)
                    .ok_or_else(|| PyValueError::new_err("goal_type_to_track: unknown type"))?,
                has_revenue,
                event_properties: &event_properties,
            }),
            None => None,
        };
        let request = Request {
            call: Call::from_name(call)
                .ok_or_else(|| PyValueError::new_err("call: unknown call"))?,
            user_id,
            custom_variables: &read(custom_variables),
            variation_targeting_variables: &read(variation_targeting_variables),
            has_user_storage,
            records: &PyRecords(records),
            should_track_returning_user,
            goal,
        };
        let campaign = if let Ok(key) = campaign.cast::<PyString>() {
            CampaignChoice::Key(key.to_str()?)
        } else if let Ok(index) = campaign.extract::<usize>() {
            CampaignChoice::Index(index)
        } else {
            return Err(PyTypeError::new_err("campaign: expected a key or an index"));
        };
        let decision = if let Some(list) = steps {
            let mut steps = Vec::new();
            let decision = without_panic(|| Ok(self.choose(&campaign, &request, &mut steps)))?;
            for step in steps {
                list.append(steps::as_dict(py, &self.settings, decision.campaign, step)?)?;
            }
            decision
        } else {
            without_panic(|| Ok(self.choose(&campaign, &request, &mut Silent)))?
        };
        interrupt.check()?;
        self.decision(py, decision)
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

/// Which campaign to decide for.
enum CampaignChoice<'a> {
    Key(&'a str),
    Index(usize),
}

impl PySettings {
    fn choose<A: Attributes, R: Records>(
        &self,
        campaign: &CampaignChoice<'_>,
        request: &Request<'_, A, R>,
        trace: &mut impl Trace<Step>,
    ) -> Decision {
        match campaign {
            CampaignChoice::Key(key) => decide_by_key(&self.settings, key, request, trace),
            CampaignChoice::Index(index) => decide(&self.settings, *index, request, trace),
        }
    }

    /// The campaign and the variation that were assigned.
    pub(crate) fn assigned(&self, decision: &Decision) -> Option<(&Campaign, &Variation)> {
        let campaign = self.settings.campaigns().get(decision.campaign?)?;
        Some((campaign, campaign.variations().get(decision.variation?)?))
    }

    /// The name of the variation that was assigned, as the variation has it.
    pub(crate) fn name_of(&self, py: Python<'_>, decision: &Decision) -> Option<&Py<PyString>> {
        let names = self
            .objects
            .variation_names(py, &self.settings, decision.campaign?)?;
        names.get(decision.variation?)
    }

    /// What a decision assigned.
    fn arm(&self, decision: &PyDecision) -> PyResult<(&Campaign, &Variation)> {
        let campaign = decision
            .campaign_index
            .and_then(|index| self.settings.campaigns().get(index));
        let variation = campaign
            .zip(decision.variation_index)
            .and_then(|(campaign, index)| campaign.variations().get(index));
        campaign
            .zip(variation)
            .ok_or_else(|| PyValueError::new_err("decision: it has no variation of these settings"))
    }

    fn decision(&self, py: Python<'_>, decision: Decision) -> PyResult<PyDecision> {
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
        let needed = decision
            .records_needed
            .iter()
            .filter_map(|&index| Some(self.settings.campaigns().get(index)?.key()))
            .collect::<Vec<_>>();
        Ok(PyDecision {
            reason: decision.reason,
            campaign_index: decision.campaign,
            variation_index: decision.variation,
            goal_index: decision.goal,
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
            records_needed: if needed.is_empty() {
                None
            } else {
                Some(PyTuple::new(py, needed)?.unbind())
            },
        })
    }
}

/// What was decided, and why.
#[pyclass(frozen, name = "VwoDecision", module = "sortition._core")]
pub(crate) struct PyDecision {
    reason: Reason,
    campaign_index: Option<usize>,
    variation_index: Option<usize>,
    goal_index: Option<usize>,
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
    records_needed: Option<Py<PyTuple>>,
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

    #[getter]
    fn records_needed(&self, py: Python<'_>) -> Py<PyTuple> {
        match &self.records_needed {
            Some(needed) => needed.clone_ref(py),
            None => PyTuple::empty(py).unbind(),
        }
    }
}

/// The names of all reasons.
pub(crate) fn reasons(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
    PyTuple::new(py, Reason::ALL.iter().map(|reason| reason.name()))
}
