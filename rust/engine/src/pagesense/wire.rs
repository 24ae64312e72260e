//! The settings document exactly as the server sends it.
//!
//! Read by hand, for the reasons that `vwo::wire` gives.
//!
//! Source: `PageSense` spec, section 1.

use crate::document::{List, Value};
use crate::fields::Fields;
use crate::problem::{Consequence, Place, Problem};
use pythonic::float;
use pythonic::json::{integer_text, is_integer};
use pythonic::text::strip;

/// The only element of `projectsettings` that is read.
pub(super) struct ProjectWire<'v> {
    pub(super) project_key: &'v str,
    pub(super) project_name: &'v str,
    pub(super) portal_name: &'v str,
    pub(super) sdk_account_id: &'v str,
    pub(super) sdk_key: &'v str,
    pub(super) audiences: List<'v>,
    pub(super) goals: List<'v>,
    pub(super) experiments: List<'v>,
}

impl<'v> ProjectWire<'v> {
    /// The first of the projects of a document.
    pub(super) fn find(value: Value<'v>) -> Result<Value<'v>, Problem> {
        let refused = Consequence::DocumentRefused;
        let fields = Fields::read(&Place::Document, value, refused)?;
        if fields.object.get(PROJECTS).is_none() && fields.object.get("campaigns").is_some() {
            let wanted = "a settings document of Zoho PageSense";
            return Err(Place::Document.problem(wanted, "one of VWO", refused));
        }
        let projects = fields.filled_list(PROJECTS)?;
        Ok(projects.iter().next().unwrap_or(Value::Null))
    }

    pub(super) fn read(place: &Place<'_>, value: Value<'v>) -> Result<Self, Problem> {
        let fields = Fields::read(place, value, Consequence::DocumentRefused)?;
        let project_key = fields.text("project_key")?;
        let project_name = fields.text("project_name")?;
        fields.text("project_link_name")?;
        let portal_name = fields.text("portal_name")?;
        let sdk_account_id = fields.text("sdk_account_id")?;
        let sdk_key = fields.text("sdk_key")?;
        for unused in ["sdk_version", "sdk_language", "sdk_environment"] {
            fields.text(unused)?;
        }
        Ok(Self {
            project_key,
            project_name,
            portal_name,
            sdk_account_id,
            sdk_key,
            audiences: fields.filled_list("audiences")?,
            goals: fields.filled_list("goals")?,
            experiments: fields.filled_list("experiments")?,
        })
    }
}

/// The key of the list of projects.
pub(super) const PROJECTS: &str = "projectsettings";

/// One of `audiences`.
pub(super) struct AudienceWire<'v> {
    pub(super) link_name: &'v str,
    pub(super) condition_json: Value<'v>,
}

impl<'v> AudienceWire<'v> {
    pub(super) fn read(place: &Place<'_>, value: Value<'v>) -> Result<Self, Problem> {
        let fields = Fields::read(place, value, Consequence::AudienceSetAside)?;
        fields.text("audience_name")?;
        Ok(Self {
            link_name: fields.text("audience_link_name")?,
            condition_json: fields.not_null("audience_condition_json", "an object")?,
        })
    }
}

/// One of `goals`.
pub(super) struct GoalWire<'v> {
    pub(super) name: &'v str,
    pub(super) link_name: &'v str,
    pub(super) goal_type: f64,
}

impl<'v> GoalWire<'v> {
    pub(super) fn read(place: &Place<'_>, value: Value<'v>) -> Result<Self, Problem> {
        let fields = Fields::read(place, value, Consequence::GoalSetAside)?;
        Ok(Self {
            name: fields.text("goal_name")?,
            link_name: fields.text("goal_link_name")?,
            goal_type: fields.number_from_zero("goal_type")?,
        })
    }
}

/// One of `experiments`.
pub(super) struct ExperimentWire<'v> {
    pub(super) key: &'v str,
    pub(super) name: &'v str,
    pub(super) link_name: &'v str,
    pub(super) experiment_type: f64,
    pub(super) status: f64,
    pub(super) permitted_traffic: f64,
    pub(super) is_development_mode: bool,
    pub(super) environment_key: &'v str,
    pub(super) language_key: String,
    pub(super) variations: Vec<VariationWire<'v>>,
    pub(super) audiences: Vec<&'v str>,
    /// The elements of a list of goals, or the problem if there is no list.
    pub(super) goals: Result<List<'v>, Problem>,
}

impl<'v> ExperimentWire<'v> {
    pub(super) fn read(place: &Place<'_>, value: Value<'v>) -> Result<Self, Problem> {
        let fields = Fields::read(place, value, Consequence::ExperimentSetAside)?;
        let key = fields.text("experiment_key")?;
        let name = fields.text("experiment_name")?;
        let link_name = fields.text("experiment_link_name")?;
        let experiment_type = fields.number_from_zero("experiment_type")?;
        let status = fields.number_from_zero("experiment_status")?;
        let permitted_traffic = fields.percent("permitted_traffic")?;
        let is_development_mode = fields.boolean("is_development_mode")?;
        let environment_key = fields.text("environment_key")?;
        fields.text("environment_name")?;
        let language_key = fields.number_or_text("language_key")?;
        fields.text("language_name")?;
        fields.filled_list("variations")?;
        Ok(Self {
            key,
            name,
            link_name,
            experiment_type,
            status,
            permitted_traffic,
            is_development_mode,
            environment_key,
            language_key,
            variations: fields.list_of("variations", VariationWire::read)?,
            audiences: fields.list_of("audiences", read_audience_link_name)?,
            goals: Fields {
                consequence: Consequence::GoalUnmapped,
                ..fields
            }
            .list("goals"),
        })
    }
}

fn read_audience_link_name<'v>(place: &Place<'_>, value: Value<'v>) -> Result<&'v str, Problem> {
    Fields::read(place, value, Consequence::ExperimentSetAside)?.text("audience_link_name")
}

/// One of an experiment's `variations`.
pub(super) struct VariationWire<'v> {
    pub(super) key: &'v str,
    pub(super) name: &'v str,
    pub(super) link_name: &'v str,
    pub(super) traffic_distribution: f64,
    pub(super) is_original: bool,
}

impl<'v> VariationWire<'v> {
    fn read(place: &Place<'_>, value: Value<'v>) -> Result<Self, Problem> {
        let fields = Fields::read(place, value, Consequence::ExperimentSetAside)?;
        Ok(Self {
            key: fields.text("variation_key")?,
            name: fields.text("variation_name")?,
            link_name: fields.text("variation_link_name")?,
            traffic_distribution: fields.percent("traffic_distribution")?,
            is_original: fields.boolean("is_original")?,
        })
    }
}

/// One of an experiment's `goals`.
pub(super) struct MappedGoalWire<'v> {
    pub(super) link_name: &'v str,
    pub(super) is_primary_goal: bool,
}

impl<'v> MappedGoalWire<'v> {
    pub(super) fn read(place: &Place<'_>, value: Value<'v>) -> Result<Self, Problem> {
        let fields = Fields::read(place, value, Consequence::GoalUnmapped)?;
        Ok(Self {
            link_name: fields.text("goal_link_name")?,
            is_primary_goal: fields.boolean("is_primary_goal")?,
        })
    }
}

/// This platform's rules for fields.
impl<'v> Fields<'_, 'v> {
    /// The value under this key, which is not null.
    fn not_null(&self, key: &str, wanted: &str) -> Result<Value<'v>, Problem> {
        self.present(key).ok_or_else(|| self.unlike(key, wanted))
    }

    /// A string that is not blank.
    fn text(&self, key: &str) -> Result<&'v str, Problem> {
        let text = self.string(key)?;
        if text.is_empty() {
            return Err(self.unlike(key, "a string"));
        }
        if strip(text).is_empty() {
            return Err(self.wrong(key, "a string", "a blank string"));
        }
        Ok(text)
    }

    fn percent(&self, key: &str) -> Result<f64, Problem> {
        let percent = self.number_from_zero(key)?;
        if percent > 100.0 {
            return Err(self.wrong(key, "a number up to 100", "a greater one"));
        }
        Ok(percent)
    }

    /// A number from 0 as text, without the fraction of a whole one; or a string.
    fn number_or_text(&self, key: &str) -> Result<String, Problem> {
        if let Some(Value::String(_)) = self.object.get(key) {
            return self.text(key).map(str::to_owned);
        }
        let Some(Value::Number(number)) = self.object.get(key) else {
            return Err(self.unlike(key, "a number or a string"));
        };
        let finite = self.number_from_zero(key)?;
        if is_integer(number.as_str()) {
            return Ok(integer_text(number.as_str()).to_owned());
        }
        Ok(float::shortest_text(finite).unwrap_or_default())
    }

    /// A list with something in it.
    fn filled_list(&self, key: &str) -> Result<List<'v>, Problem> {
        let list = self.list(key)?;
        if list.is_empty() {
            return Err(self.wrong(key, "a list", "an empty list"));
        }
        Ok(list)
    }
}
