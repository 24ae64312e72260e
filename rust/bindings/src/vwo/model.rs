//! The settings' contents as the plain Python objects that both engines answer with.

use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple, PyType};
use sortition_engine::vwo::group::Group;
use sortition_engine::vwo::settings::{
    Campaign, CampaignType, Goal, Settings, Variable, Variation,
};
use sortition_engine::vwo::wire::{Identifier, IdentifierKind};

use crate::calling::{make, tuple};

const MODULE: &str = "sortition._engine.vwo";

/// The Python objects of an account's settings: each made when it is first asked for, and the same
/// one from then on.
///
/// Nothing is locked while one is made: that runs Python, which may fork, or come here again. Where
/// two threads make the same, both get what the first of them made.
pub(crate) struct SettingsObjects {
    classes: Classes,
    groups: Box<[Py<PyAny>]>,
    campaigns: Box<[CampaignOnDemand]>,
    campaign_tuple: OnceLock<Py<PyTuple>>,
}

/// A campaign's Python objects, as far as somebody asked for them.
struct CampaignOnDemand {
    variation_names: OnceLock<Box<[Py<PyString>]>>,
    // In a box, because most are never used.
    objects: OnceLock<Box<CampaignObjects>>,
}

/// A campaign's Python objects, by the indices that the engine answers with.
pub(crate) struct CampaignObjects {
    pub(crate) campaign: Py<PyAny>,
    pub(crate) variations: Box<[Py<PyAny>]>,
    pub(crate) goals: Box<[Py<PyAny>]>,
}

impl SettingsObjects {
    /// The objects of these settings, which every other method is to be given again.
    pub(crate) fn of(py: Python<'_>, settings: &Settings) -> PyResult<Self> {
        let classes = Classes::import(py)?;
        let groups = settings
            .groups()
            .iter()
            .map(|group| classes.group(py, group))
            .collect::<PyResult<_>>()?;
        let campaigns = settings.campaigns().iter();
        Ok(Self {
            classes,
            groups,
            campaigns: campaigns.map(|_| CampaignOnDemand::new()).collect(),
            campaign_tuple: OnceLock::new(),
        })
    }

    /// The objects of the campaign with this index; `None` where there is no such campaign.
    pub(crate) fn campaign(
        &self,
        py: Python<'_>,
        settings: &Settings,
        index: usize,
    ) -> PyResult<Option<&CampaignObjects>> {
        let Some(known) = self.campaigns.get(index) else {
            return Ok(None);
        };
        if let Some(objects) = known.objects.get() {
            return Ok(Some(objects));
        }
        let campaign = settings.campaigns().get(index);
        let names = self.variation_names(py, settings, index);
        let Some((campaign, names)) = campaign.zip(names) else {
            return Ok(None);
        };
        let made = Box::new(self.make(py, index, campaign, names)?);
        Ok(Some(known.objects.get_or_init(|| made)))
    }

    /// The names of the variations of the campaign with this index, each the object that the
    /// variation has; `None` where there is no such campaign.
    pub(crate) fn variation_names(
        &self,
        py: Python<'_>,
        settings: &Settings,
        index: usize,
    ) -> Option<&[Py<PyString>]> {
        let known = self.campaigns.get(index)?;
        if let Some(names) = known.variation_names.get() {
            return Some(names);
        }
        let variations = settings.campaigns().get(index)?.variations().iter();
        let names = variations
            .map(|variation| PyString::new(py, variation.name()).unbind())
            .collect();
        Some(known.variation_names.get_or_init(|| names))
    }

    /// The object of a variable.
    pub(crate) fn variable<'py>(
        &self,
        py: Python<'py>,
        variable: &Variable,
    ) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.classes.variable(py, variable)?.into_bound(py))
    }

    /// The campaigns, all of them.
    pub(crate) fn all_campaigns(
        &self,
        py: Python<'_>,
        settings: &Settings,
    ) -> PyResult<&Py<PyTuple>> {
        if let Some(campaigns) = self.campaign_tuple.get() {
            return Ok(campaigns);
        }
        let campaigns = (0..self.campaigns.len())
            .filter_map(|index| self.campaign(py, settings, index).transpose())
            .map(|objects| Ok(&objects?.campaign))
            .collect::<PyResult<Vec<_>>>()?;
        let made = tuple(py, campaigns)?.unbind();
        Ok(self.campaign_tuple.get_or_init(|| made))
    }

    fn make(
        &self,
        py: Python<'_>,
        index: usize,
        campaign: &Campaign,
        variation_names: &[Py<PyString>],
    ) -> PyResult<CampaignObjects> {
        let classes = &self.classes;
        let variations = campaign
            .variations()
            .iter()
            .zip(variation_names)
            .map(|(variation, name)| classes.variation(py, variation, name))
            .collect::<PyResult<Box<[_]>>>()?;
        let goals = campaign
            .goals()
            .iter()
            .map(|goal| classes.goal(py, goal))
            .collect::<PyResult<Box<[_]>>>()?;
        let object = make(
            py,
            &classes.campaign,
            (
                index,
                identifier(py, campaign.id())?,
                campaign.key(),
                campaign.name(),
                campaign.campaign_type().map(CampaignType::name),
                campaign.is_running(),
                campaign.is_forced_variation_enabled(),
                tuple(py, &variations)?,
                tuple(py, &goals)?,
                classes.variables(py, campaign.variables())?,
                campaign.group().and_then(|group| self.groups.get(group)),
            ),
        )?;
        Ok(CampaignObjects {
            campaign: object,
            variations,
            goals,
        })
    }
}

impl CampaignOnDemand {
    const fn new() -> Self {
        Self {
            variation_names: OnceLock::new(),
            objects: OnceLock::new(),
        }
    }
}

/// The Python classes, looked up once per compilation.
struct Classes {
    campaign: Py<PyType>,
    variation: Py<PyType>,
    goal: Py<PyType>,
    group: Py<PyType>,
    variable: Py<PyType>,
}

impl Classes {
    fn import(py: Python<'_>) -> PyResult<Self> {
        let module = py.import(MODULE)?;
        let class = |name: &str| -> PyResult<Py<PyType>> {
            Ok(module.getattr(name)?.cast_into::<PyType>()?.unbind())
        };
        Ok(Self {
            campaign: class("Campaign")?,
            variation: class("Variation")?,
            goal: class("Goal")?,
            group: class("Group")?,
            variable: class("Variable")?,
        })
    }

    fn variation(
        &self,
        py: Python<'_>,
        variation: &Variation,
        name: &Py<PyString>,
    ) -> PyResult<Py<PyAny>> {
        make(
            py,
            &self.variation,
            (
                identifier(py, variation.id())?,
                name,
                variation.is_feature_enabled(),
                self.variables(py, variation.variables())?,
            ),
        )
    }

    fn goal(&self, py: Python<'_>, goal: &Goal) -> PyResult<Py<PyAny>> {
        make(
            py,
            &self.goal,
            (
                identifier(py, goal.id())?,
                goal.identifier(),
                goal.goal_type().name(),
                goal.revenue_prop(),
            ),
        )
    }

    fn group(&self, py: Python<'_>, group: &Group) -> PyResult<Py<PyAny>> {
        make(
            py,
            &self.group,
            (
                identifier(py, group.id())?,
                group.name(),
                group.algorithm_number(),
            ),
        )
    }

    fn variables<'py>(
        &self,
        py: Python<'py>,
        variables: &[Variable],
    ) -> PyResult<Bound<'py, PyTuple>> {
        let objects = variables
            .iter()
            .map(|variable| self.variable(py, variable))
            .collect::<PyResult<Vec<_>>>()?;
        tuple(py, objects)
    }

    fn variable(&self, py: Python<'_>, variable: &Variable) -> PyResult<Py<PyAny>> {
        make(
            py,
            &self.variable,
            (
                identifier(py, variable.id())?,
                variable.key(),
                variable.variable_type(),
                variable.value(),
            ),
        )
    }
}

/// An identifier as the Python value that the document holds.
pub(crate) fn identifier<'py>(
    py: Python<'py>,
    identifier: &Identifier,
) -> PyResult<Bound<'py, PyAny>> {
    let text = PyString::new(py, identifier.as_str());
    match identifier.kind() {
        IdentifierKind::Text => Ok(text.into_any()),
        IdentifierKind::Integer => py.get_type::<pyo3::types::PyInt>().call1((text,)),
        IdentifierKind::Number => py.get_type::<pyo3::types::PyFloat>().call1((text,)),
    }
}
