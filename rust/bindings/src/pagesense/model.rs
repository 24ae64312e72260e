//! The contents of `PageSense` settings as the plain Python objects that both engines answer with.

use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};
use sortition_engine::pagesense::settings::{Experiment, Goal, Settings};

const MODULE: &str = "sortition._engine.pagesense";

/// An experiment's Python objects, by the indices that the engine answers with.
pub(crate) struct ExperimentObjects {
    pub(crate) experiment: Py<PyAny>,
    pub(crate) variations: Box<[Py<PyAny>]>,
    pub(crate) goals: Box<[Py<PyAny>]>,
}

/// The Python objects of a project.
pub(crate) struct ProjectObjects {
    pub(crate) goals: Box<[Py<PyAny>]>,
    pub(crate) experiments: Box<[ExperimentObjects]>,
}

impl ProjectObjects {
    pub(crate) fn of(py: Python<'_>, settings: &Settings) -> PyResult<Self> {
        let classes = Classes::import(py)?;
        let goals = settings
            .goals()
            .iter()
            .map(|goal| classes.goal(goal))
            .collect::<PyResult<Vec<_>>>()?;
        let experiments = settings
            .experiments()
            .iter()
            .enumerate()
            .map(|(index, experiment)| classes.experiment(settings, index, experiment, &goals))
            .collect::<PyResult<_>>()?;
        Ok(Self {
            goals: unbound(goals),
            experiments,
        })
    }
}

/// The Python classes, looked up once per compilation.
struct Classes<'py> {
    experiment: Bound<'py, PyType>,
    variation: Bound<'py, PyType>,
    goal: Bound<'py, PyType>,
    mapped_goal: Bound<'py, PyType>,
}

impl<'py> Classes<'py> {
    fn import(py: Python<'py>) -> PyResult<Self> {
        let module = py.import(MODULE)?;
        let class = |name: &str| -> PyResult<Bound<'py, PyType>> {
            Ok(module.getattr(name)?.cast_into::<PyType>()?)
        };
        Ok(Self {
            experiment: class("Experiment")?,
            variation: class("Variation")?,
            goal: class("Goal")?,
            mapped_goal: class("MappedGoal")?,
        })
    }

    fn goal(&self, goal: &Goal) -> PyResult<Bound<'py, PyAny>> {
        self.goal.call1((
            goal.name(),
            goal.link_name(),
            goal.goal_type(),
            goal.counts_revenue(),
        ))
    }

    fn experiment(
        &self,
        settings: &Settings,
        index: usize,
        experiment: &Experiment,
        goals: &[Bound<'py, PyAny>],
    ) -> PyResult<ExperimentObjects> {
        let py = self.experiment.py();
        let variations = self.variations(experiment)?;
        let mapped = experiment
            .goals()
            .iter()
            .map(|mapped| {
                let goal = goals.get(mapped.goal());
                self.mapped_goal.call1((goal, mapped.is_primary()))
            })
            .collect::<PyResult<Vec<_>>>()?;
        let audiences = experiment
            .audiences()
            .iter()
            .filter_map(|&audience| Some(settings.audiences().get(audience)?.link_name()))
            .collect::<Vec<_>>();
        let arguments = [
            index.into_pyobject(py)?.into_any(),
            experiment.key().into_pyobject(py)?.into_any(),
            experiment.name().into_pyobject(py)?.into_any(),
            experiment.link_name().into_pyobject(py)?.into_any(),
            experiment.experiment_type().into_pyobject(py)?.into_any(),
            experiment.status().into_pyobject(py)?.into_any(),
            experiment.permitted_traffic().into_pyobject(py)?.into_any(),
            experiment
                .is_development_mode()
                .into_pyobject(py)?
                .to_owned()
                .into_any(),
            experiment.environment_key().into_pyobject(py)?.into_any(),
            experiment.language_key().into_pyobject(py)?.into_any(),
            PyTuple::new(py, audiences)?.into_any(),
            PyTuple::new(py, &mapped)?.into_any(),
            PyTuple::new(py, &variations)?.into_any(),
        ];
        let object = self.experiment.call1(PyTuple::new(py, arguments)?)?;
        Ok(ExperimentObjects {
            experiment: object.unbind(),
            variations: unbound(variations),
            goals: unbound(mapped),
        })
    }

    fn variations(&self, experiment: &Experiment) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let ranges = experiment.allocation().ranges();
        experiment
            .variations()
            .iter()
            .zip(ranges)
            .map(|(variation, range)| {
                self.variation.call1((
                    variation.key(),
                    variation.name(),
                    variation.link_name(),
                    variation.traffic_distribution(),
                    variation.is_original(),
                    range.first,
                    range.last,
                ))
            })
            .collect()
    }
}

fn unbound(objects: Vec<Bound<'_, PyAny>>) -> Box<[Py<PyAny>]> {
    objects.into_iter().map(Bound::unbind).collect()
}
