//! The settings' contents as the plain Python objects that both engines answer with.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyString, PyTuple, PyType};
use sortition_engine::problem::Problem;
use sortition_engine::vwo::group::Group;
use sortition_engine::vwo::settings::{
    Campaign, CampaignType, Goal, Settings, Variable, Variation,
};
use sortition_engine::vwo::wire::{Identifier, IdentifierKind};

const MODULE: &str = "sortition._engine.vwo";

/// The Python classes, looked up once per compilation.
struct Classes<'py> {
    campaign: Bound<'py, PyType>,
    variation: Bound<'py, PyType>,
    goal: Bound<'py, PyType>,
    group: Bound<'py, PyType>,
    variable: Bound<'py, PyType>,
}

impl<'py> Classes<'py> {
    fn import(py: Python<'py>) -> PyResult<Self> {
        let module = py.import(MODULE)?;
        let class = |name: &str| -> PyResult<Bound<'py, PyType>> {
            Ok(module.getattr(name)?.cast_into::<PyType>()?)
        };
        Ok(Self {
            campaign: class("Campaign")?,
            variation: class("Variation")?,
            goal: class("Goal")?,
            group: class("Group")?,
            variable: class("Variable")?,
        })
    }

    fn campaign(
        &self,
        index: usize,
        campaign: &Campaign,
        groups: &[Bound<'py, PyAny>],
    ) -> PyResult<CampaignObjects> {
        let py = self.campaign.py();
        let variations = campaign
            .variations()
            .iter()
            .map(|variation| self.variation(variation))
            .collect::<PyResult<Vec<_>>>()?;
        let goals = campaign
            .goals()
            .iter()
            .map(|goal| self.goal(goal))
            .collect::<PyResult<Vec<_>>>()?;
        let object = self.campaign.call1((
            index,
            identifier(py, campaign.id())?,
            campaign.key(),
            campaign.name(),
            campaign.campaign_type().map(CampaignType::name),
            campaign.is_running(),
            campaign
                .is_forced_variation_enabled()
                .map(ToString::to_string),
            PyTuple::new(py, &variations)?,
            PyTuple::new(py, &goals)?,
            self.variables(campaign.variables())?,
            campaign.group().and_then(|group| groups.get(group)),
        ))?;
        let unbound =
            |objects: Vec<Bound<'py, PyAny>>| objects.into_iter().map(Bound::unbind).collect();
        Ok(CampaignObjects {
            campaign: object.unbind(),
            variation_names: variations
                .iter()
                .map(|variation| variation.getattr(intern!(py, "name")).map(Bound::unbind))
                .collect::<PyResult<_>>()?,
            variations: unbound(variations),
            goals: unbound(goals),
        })
    }

    fn variation(&self, variation: &Variation) -> PyResult<Bound<'py, PyAny>> {
        let py = self.variation.py();
        self.variation.call1((
            identifier(py, variation.id())?,
            variation.name(),
            variation.is_feature_enabled(),
            self.variables(variation.variables())?,
        ))
    }

    fn goal(&self, goal: &Goal) -> PyResult<Bound<'py, PyAny>> {
        self.goal.call1((
            identifier(self.goal.py(), goal.id())?,
            goal.identifier(),
            goal.goal_type().name(),
            goal.revenue_prop(),
        ))
    }

    fn group(&self, group: &Group) -> PyResult<Bound<'py, PyAny>> {
        self.group.call1((
            identifier(self.group.py(), group.id())?,
            group.name(),
            group.algorithm_number(),
        ))
    }

    fn variables(&self, variables: &[Variable]) -> PyResult<Bound<'py, PyTuple>> {
        let py = self.variable.py();
        let objects = variables
            .iter()
            .map(|variable| {
                self.variable.call1((
                    identifier(py, variable.id())?,
                    variable.key(),
                    variable.variable_type(),
                    variable.value().to_string(),
                ))
            })
            .collect::<PyResult<Vec<_>>>()?;
        PyTuple::new(py, objects)
    }
}

/// A campaign's Python objects, by the indices that the engine answers with.
pub(crate) struct CampaignObjects {
    pub(crate) campaign: Py<PyAny>,
    pub(crate) variations: Box<[Py<PyAny>]>,
    pub(crate) variation_names: Box<[Py<PyAny>]>,
    pub(crate) goals: Box<[Py<PyAny>]>,
}

/// The Python objects of all campaigns.
pub(crate) fn campaigns(py: Python<'_>, settings: &Settings) -> PyResult<Box<[CampaignObjects]>> {
    let classes = Classes::import(py)?;
    let groups = settings
        .groups()
        .iter()
        .map(|group| classes.group(group))
        .collect::<PyResult<Vec<_>>>()?;
    settings
        .campaigns()
        .iter()
        .enumerate()
        .map(|(index, campaign)| classes.campaign(index, campaign, &groups))
        .collect()
}

/// Problems as Python objects.
pub(crate) fn problems<'py>(
    py: Python<'py>,
    problems: &[Problem],
) -> PyResult<Bound<'py, PyTuple>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = CLASS.import(py, "sortition._engine.problem", "Problem")?;
    let objects = problems
        .iter()
        .map(|problem| {
            class.call1((
                &problem.path,
                &problem.wanted,
                &problem.found,
                problem.consequence.name(),
            ))
        })
        .collect::<PyResult<Vec<_>>>()?;
    PyTuple::new(py, objects)
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
