//! The steps of a decision as dictionaries, with names in place of indices.

use crate::calling::dictionary;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use sortition_engine::vwo::decision::Step;
use sortition_engine::vwo::segment::Clause;
use sortition_engine::vwo::settings::Settings;

use super::model;

/// One step of a decision for this campaign.
pub(crate) fn as_dict<'py>(
    py: Python<'py>,
    settings: &Settings,
    campaign: Option<usize>,
    step: Step,
) -> PyResult<Bound<'py, PyDict>> {
    let names = Names { settings, campaign };
    let dict = dictionary(py);
    match step {
        Step::Campaign { is_running } => {
            dict.set_item("step", "campaign")?;
            dict.set_item("is_running", is_running)?;
        }
        Step::SegmentClause(clause) => {
            dict.set_item("step", "segment_clause")?;
            add_clause(&dict, &clause)?;
        }
        Step::Segments { is_matched } => {
            dict.set_item("step", "segments")?;
            dict.set_item("is_matched", is_matched)?;
        }
        Step::WhitelistingClause { variation, clause } => {
            dict.set_item("step", "whitelisting_clause")?;
            dict.set_item("variation", names.variation(Some(variation)))?;
            add_clause(&dict, &clause)?;
        }
        Step::Whitelisting {
            is_enabled,
            matched,
            variation,
        } => {
            let matched: Vec<_> = matched
                .into_iter()
                .map(|variation| names.variation(Some(variation)))
                .collect();
            dict.set_item("step", "whitelisting")?;
            dict.set_item("is_enabled", is_enabled)?;
            dict.set_item("matched", matched)?;
            dict.set_item("variation", names.variation(variation))?;
        }
        Step::UserStorage {
            has_record,
            variation,
            has_goal,
        } => {
            dict.set_item("step", "user_storage")?;
            dict.set_item("has_record", has_record)?;
            dict.set_item("variation", names.variation(variation))?;
            dict.set_item("has_goal", has_goal)?;
        }
        Step::Traffic {
            hash,
            bucket,
            percent_traffic,
            is_within,
        } => {
            dict.set_item("step", "traffic")?;
            dict.set_item("hash", hash)?;
            dict.set_item("bucket", bucket)?;
            dict.set_item("percent_traffic", percent_traffic)?;
            dict.set_item("is_within", is_within)?;
        }
        Step::Group {
            group,
            whitelisted,
            stored,
            eligible,
            winner,
        } => {
            let eligible: Vec<_> = eligible
                .into_iter()
                .map(|campaign| names.campaign(Some(campaign)))
                .collect();
            let id = match settings.groups().get(group) {
                Some(group) => Some(model::identifier(py, group.id())?),
                None => None,
            };
            dict.set_item("step", "group")?;
            dict.set_item("group", id)?;
            dict.set_item("whitelisted", names.campaign(whitelisted))?;
            dict.set_item("stored", names.campaign(stored))?;
            dict.set_item("eligible", eligible)?;
            dict.set_item("winner", names.campaign(winner))?;
        }
        Step::Range {
            hash,
            bucket,
            variation,
        } => {
            dict.set_item("step", "range")?;
            dict.set_item("hash", hash)?;
            dict.set_item("bucket", bucket)?;
            dict.set_item("variation", names.variation(variation))?;
        }
    }
    Ok(dict)
}

fn add_clause(dict: &Bound<'_, PyDict>, clause: &Clause) -> PyResult<()> {
    dict.set_item("variable", &clause.name)?;
    dict.set_item("operand", &clause.operand)?;
    dict.set_item("value", clause.value.as_deref())?;
    dict.set_item("is_negated", clause.is_negated)?;
    dict.set_item("is_true", clause.is_true)
}

/// The names that indices stand for.
struct Names<'a> {
    settings: &'a Settings,
    campaign: Option<usize>,
}

impl<'a> Names<'a> {
    fn variation(&self, index: Option<usize>) -> Option<&'a str> {
        let campaign = self.settings.campaigns().get(self.campaign?)?;
        Some(campaign.variations().get(index?)?.name())
    }

    fn campaign(&self, index: Option<usize>) -> Option<&'a str> {
        Some(self.settings.campaigns().get(index?)?.key())
    }
}
