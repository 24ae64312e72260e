//! The contents of `PageSense` settings as the plain Python objects that both engines answer with.

use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};
use sortition_engine::pagesense::settings::{Experiment, Goal, Settings};

use crate::calling::{make, tuple};

const MODULE: &str = "sortition._engine.pagesense";

/// An experiment's Python objects, by the indices that the engine answers with.
pub(crate) struct ExperimentObjects {
    pub(crate) experiment: Py<PyAny>,
    pub(crate) variations: Box<[Py<PyAny>]>,
    pub(crate) goals: Box<[Py<PyAny>]>,
}

/// The Python objects of a project: its goals, and of each experiment what was asked for so far.
///
/// As with VWO's, nothing is locked while one is made, and each is the same one from then on.
pub(crate) struct ProjectObjects {
    classes: Classes,
    pub(crate) goals: Box<[Py<PyAny>]>,
    experiments: Box<[OnceLock<Box<ExperimentObjects>>]>,
    experiment_tuple: OnceLock<Py<PyTuple>>,
}

impl ProjectObjects {
    /// The objects of these settings, which every other method is to be given again.
    pub(crate) fn of(py: Python<'_>, settings: &Settings) -> PyResult<Self> {
        let classes = Classes::import(py)?;
        let goals = settings
            .goals()
            .iter()
            .map(|goal| classes.goal(py, goal))
            .collect::<PyResult<_>>()?;
        let experiments = settings.experiments().iter();
        Ok(Self {
            classes,
            goals,
            experiments: experiments.map(|_| OnceLock::new()).collect(),
            experiment_tuple: OnceLock::new(),
        })
    }

    /// The objects of the experiment with this index; `None` where there is no such experiment.
    pub(crate) fn experiment(
        &self,
        py: Python<'_>,
        settings: &Settings,
        index: usize,
    ) -> PyResult<Option<&ExperimentObjects>> {
        let Some(known) = self.experiments.get(index) else {
            return Ok(None);
        };
        if let Some(objects) = known.get() {
            return Ok(Some(objects));
        }
        let Some(experiment) = settings.experiments().get(index) else {
            return Ok(None);
        };
        let classes = &self.classes;
        let made = classes.experiment(py, settings, index, experiment, &self.goals)?;
        Ok(Some(known.get_or_init(|| Box::new(made))))
    }

    /// The experiments, all of them.
    pub(crate) fn all_experiments(
        &self,
        py: Python<'_>,
        settings: &Settings,
    ) -> PyResult<&Py<PyTuple>> {
        if let Some(experiments) = self.experiment_tuple.get() {
            return Ok(experiments);
        }
        let experiments = (0..self.experiments.len())
            .filter_map(|index| self.experiment(py, settings, index).transpose())
            .map(|objects| Ok(&objects?.experiment))
            .collect::<PyResult<Vec<_>>>()?;
        let made = tuple(py, experiments)?.unbind();
        Ok(self.experiment_tuple.get_or_init(|| made))
    }
}

/// The Python classes, looked up once per compilation.
struct Classes {
    experiment: Py<PyType>,
    variation: Py<PyType>,
    goal: Py<PyType>,
    mapped_goal: Py<PyType>,
}

impl Classes {
    fn import(py: Python<'_>) -> PyResult<Self> {
        let module = py.import(MODULE)?;
        let class = |name: &str| -> PyResult<Py<PyType>> {
            Ok(module.getattr(name)?.cast_into::<PyType>()?.unbind())
        };
        Ok(Self {
            experiment: class("Experiment")?,
            variation: class("Variation")?,
            goal: class("Goal")?,
            mapped_goal: class("MappedGoal")?,
        })
    }

    fn goal(&self, py: Python<'_>, goal: &Goal) -> PyResult<Py<PyAny>> {
        make(
            py,
            &self.goal,
            (
                goal.name(),
                goal.link_name(),
                goal.goal_type(),
                goal.counts_revenue(),
            ),
        )
    }

    fn experiment(
        &self,
        py: Python<'_>,
        settings: &Settings,
        index: usize,
        experiment: &Experiment,
        goals: &[Py<PyAny>],
    ) -> PyResult<ExperimentObjects> {
        let variations = self.variations(py, experiment)?;
        let mapped = experiment
            .goals()
            .iter()
            .map(|mapped| {
                let goal = goals.get(mapped.goal());
                make(py, &self.mapped_goal, (goal, mapped.is_primary()))
            })
            .collect::<PyResult<Box<[_]>>>()?;
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
            tuple(py, audiences)?.into_any(),
            tuple(py, &mapped)?.into_any(),
            tuple(py, &variations)?.into_any(),
        ];
        let object = make(py, &self.experiment, tuple(py, arguments)?)?;
        Ok(ExperimentObjects {
            experiment: object,
            variations,
            goals: mapped,
        })
    }

    fn variations(&self, py: Python<'_>, experiment: &Experiment) -> PyResult<Box<[Py<PyAny>]>> {
        let ranges = experiment.allocation().ranges();
        experiment
            .variations()
            .iter()
            .zip(ranges)
            .map(|(variation, range)| {
                make(
                    py,
                    &self.variation,
                    (
                        variation.key(),
                        variation.name(),
                        variation.link_name(),
                        variation.traffic_distribution(),
                        variation.is_original(),
                        range.first,
                        range.last,
                    ),
                )
            })
            .collect()
    }
}
