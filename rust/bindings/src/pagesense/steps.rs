//! The steps of a `PageSense` decision as dictionaries, with names in place of indices.

use crate::calling::dictionary;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use sortition_engine::pagesense::condition::Operator;
use sortition_engine::pagesense::decision::Step;
use sortition_engine::pagesense::settings::Settings;

/// One step of a decision for this experiment.
pub(crate) fn as_dict<'py>(
    py: Python<'py>,
    settings: &Settings,
    experiment: Option<usize>,
    step: Step,
) -> PyResult<Bound<'py, PyDict>> {
    let names = Names {
        settings,
        experiment,
    };
    let dict = dictionary(py);
    match step {
        Step::Experiment {
            is_running,
            is_ab_test,
        } => {
            dict.set_item("step", "experiment")?;
            dict.set_item("is_running", is_running)?;
            dict.set_item("is_ab_test", is_ab_test)?;
        }
        Step::Goal { is_mapped } => {
            dict.set_item("step", "goal")?;
            dict.set_item("is_mapped", is_mapped)?;
        }
        Step::UserStorage { state, variation } => {
            dict.set_item("step", "user_storage")?;
            dict.set_item("profile", state.name())?;
            dict.set_item("variation", names.variation(variation))?;
        }
        Step::Everyone { is_for_everyone } => {
            dict.set_item("step", "everyone")?;
            dict.set_item("is_for_everyone", is_for_everyone)?;
        }
        Step::Attributes { are_complete } => {
            dict.set_item("step", "attributes")?;
            dict.set_item("are_complete", are_complete)?;
        }
        Step::Clause { audience, clause } => {
            dict.set_item("step", "clause")?;
            dict.set_item("audience", names.audience(audience))?;
            dict.set_item("attribute", clause.attribute)?;
            dict.set_item("operator", clause.operator.map(Operator::name))?;
            dict.set_item("values", clause.values)?;
            dict.set_item("value", clause.value)?;
            dict.set_item("is_true", clause.is_true)?;
        }
        Step::Audience { audience, outcome } => {
            dict.set_item("step", "audience")?;
            dict.set_item("audience", names.audience(audience))?;
            dict.set_item("outcome", outcome.name())?;
        }
        Step::Range {
            hash,
            bucket,
            permitted_traffic,
            is_only_variation,
            variation,
        } => {
            dict.set_item("step", "range")?;
            dict.set_item("hash", hash)?;
            dict.set_item("bucket", bucket)?;
            dict.set_item("permitted_traffic", permitted_traffic)?;
            dict.set_item("is_only_variation", is_only_variation)?;
            dict.set_item("variation", names.variation(variation))?;
        }
    }
    Ok(dict)
}

/// The names that indices stand for.
struct Names<'a> {
    settings: &'a Settings,
    experiment: Option<usize>,
}

impl<'a> Names<'a> {
    fn variation(&self, index: Option<usize>) -> Option<&'a str> {
        let experiment = self.settings.experiments().get(self.experiment?)?;
        Some(experiment.variations().get(index?)?.name())
    }

    fn audience(&self, index: usize) -> Option<&'a str> {
        Some(self.settings.audiences().get(index)?.link_name())
    }
}
