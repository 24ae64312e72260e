//! The settings document exactly as the server sends it.
//!
//! The shapes are read by hand from a parsed document, not derived: a derived reader stops at the
//! first fault of the whole document, and refuses a repeated key, of which Python keeps the last.
//!
//! Source: VWO spec, section 1.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::document::{Texts, is_truthy};
use crate::fields::{Fields, finite};
use crate::problem::{Consequence, Place, Problem, kind_of};
use pythonic::float;
use pythonic::json::{integer_text, is_integer};

/// An account's, campaign's or variation's id: a number or a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier {
    text: Arc<str>,
    kind: IdentifierKind,
}

/// What an identifier was in the document, which is what it is on the wire again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentifierKind {
    /// An integer of any size.
    Integer,
    /// A number with a fraction or an exponent.
    Number,
    /// A string.
    Text,
}

impl Identifier {
    /// The identifier as Python's `str()` gives it: what seed strings are made of.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it was in the document.
    #[must_use]
    pub const fn kind(&self) -> IdentifierKind {
        self.kind
    }

    /// The same, with the text that others share.
    pub(super) fn shared(&self, texts: &mut Texts) -> Self {
        Self {
            text: texts.share(&self.text),
            kind: self.kind,
        }
    }

    /// The identifier that a JSON value is; `None` for any other value, an empty string and a
    /// number that is not finite.
    pub(super) fn from_json(value: &Value) -> Option<Self> {
        let (text, kind) = match value {
            Value::String(text) if !text.is_empty() => (text.clone(), IdentifierKind::Text),
            Value::Number(number) => {
                let finite = finite(number)?;
                if is_integer(number) {
                    (integer_text(number), IdentifierKind::Integer)
                } else {
                    (float::repr(finite), IdentifierKind::Number)
                }
            }
            _ => return None,
        };
        Some(Self {
            text: text.into(),
            kind,
        })
    }
}

/// The document.
pub(super) struct SettingsWire<'v> {
    pub(super) version: Identifier,
    pub(super) account_id: Identifier,
    pub(super) sdk_key: Option<&'v str>,
    pub(super) campaigns: &'v [Value],
    pub(super) is_nb: bool,
    pub(super) is_nb_v2: bool,
    pub(super) is_event_arch_enabled: bool,
    pub(super) collection_prefix: Option<&'v str>,
    pub(super) groups: Option<&'v Value>,
    pub(super) campaign_groups: Option<&'v Map<String, Value>>,
}

impl<'v> SettingsWire<'v> {
    pub(super) fn read(value: &'v Value) -> Result<Self, Problem> {
        let fields = Fields::read(&Place::Document, value, Consequence::DocumentRefused)?;
        Ok(Self {
            version: fields.identifier("version")?,
            account_id: fields.identifier("accountId")?,
            sdk_key: fields.optional_text("sdkKey")?,
            campaigns: fields.list_or_nothing("campaigns")?,
            is_nb: fields.is_truthy("isNB"),
            is_nb_v2: fields.is_truthy("isNBv2"),
            is_event_arch_enabled: fields.is_truthy("isEventArchEnabled"),
            collection_prefix: fields.optional_text("collectionPrefix")?,
            groups: fields.present("groups"),
            campaign_groups: fields.optional_map("campaignGroups")?,
        })
    }
}

/// One of `campaigns`.
pub(super) struct CampaignWire<'v> {
    pub(super) id: Identifier,
    pub(super) key: &'v str,
    pub(super) status: &'v str,
    pub(super) name: Option<&'v str>,
    pub(super) campaign_type: Option<&'v str>,
    pub(super) percent_traffic: f64,
    pub(super) segments: Option<&'v Map<String, Value>>,
    pub(super) is_forced_variation_enabled: Option<&'v Value>,
    pub(super) is_bucketing_seed_enabled: bool,
    pub(super) is_ob: Option<&'v Value>,
    pub(super) is_ob_v2: Option<&'v Value>,
    pub(super) is_mab: bool,
    pub(super) variations: Vec<VariationWire<'v>>,
    pub(super) goals: Vec<GoalWire<'v>>,
    pub(super) variables: Vec<VariableWire<'v>>,
}

impl<'v> CampaignWire<'v> {
    pub(super) fn read(place: &Place<'_>, value: &'v Value) -> Result<Self, Problem> {
        let fields = Fields::read(place, value, Consequence::CampaignSetAside)?;
        Ok(Self {
            id: fields.identifier("id")?,
            key: fields.string("key")?,
            status: fields.string("status")?,
            name: fields.optional_text("name")?,
            campaign_type: fields.optional_text("type")?,
            percent_traffic: fields.number("percentTraffic")?,
            segments: fields.optional_map("segments")?,
            is_forced_variation_enabled: fields.present("isForcedVariationEnabled"),
            is_bucketing_seed_enabled: fields.is_truthy("isBucketingSeedEnabled"),
            is_ob: fields.present("isOB"),
            is_ob_v2: fields.present("isOBv2"),
            is_mab: fields.is_truthy("isMAB"),
            variations: fields.list_or_nothing_of("variations", VariationWire::read)?,
            goals: fields.list_or_nothing_of("goals", GoalWire::read)?,
            variables: fields.optional_list_of("variables", VariableWire::read)?,
        })
    }
}

/// One of a campaign's `variations`.
pub(super) struct VariationWire<'v> {
    pub(super) id: Identifier,
    pub(super) name: &'v str,
    pub(super) weight: f64,
    pub(super) is_feature_enabled: Option<bool>,
    pub(super) segments: Option<&'v Map<String, Value>>,
    pub(super) variables: Vec<VariableWire<'v>>,
}

impl<'v> VariationWire<'v> {
    fn read(place: &Place<'_>, value: &'v Value) -> Result<Self, Problem> {
        let fields = Fields::read(place, value, Consequence::CampaignSetAside)?;
        Ok(Self {
            id: fields.identifier("id")?,
            name: fields.string("name")?,
            weight: fields.weight("weight")?,
            is_feature_enabled: fields.optional_boolean("isFeatureEnabled")?,
            segments: fields.optional_map("segments")?,
            variables: fields.optional_list_of("variables", VariableWire::read)?,
        })
    }
}

/// One of a campaign's `goals`.
pub(super) struct GoalWire<'v> {
    pub(super) id: Identifier,
    pub(super) identifier: &'v str,
    pub(super) goal_type: &'v str,
    pub(super) revenue_prop: Option<&'v str>,
    pub(super) mca: Option<f64>,
    pub(super) has_props: bool,
}

impl<'v> GoalWire<'v> {
    fn read(place: &Place<'_>, value: &'v Value) -> Result<Self, Problem> {
        let fields = Fields::read(place, value, Consequence::CampaignSetAside)?;
        Ok(Self {
            id: fields.identifier("id")?,
            identifier: fields.string("identifier")?,
            goal_type: fields.string("type")?,
            revenue_prop: fields.optional_text("revenueProp")?,
            mca: fields.optional_number("mca")?,
            has_props: fields.present("hasProps") == Some(&Value::Bool(true)),
        })
    }
}

/// One of a campaign's or variation's `variables`.
pub(super) struct VariableWire<'v> {
    pub(super) id: Identifier,
    pub(super) key: &'v str,
    pub(super) variable_type: &'v str,
    pub(super) value: &'v Value,
}

impl<'v> VariableWire<'v> {
    fn read(place: &Place<'_>, value: &'v Value) -> Result<Self, Problem> {
        let fields = Fields::read(place, value, Consequence::CampaignSetAside)?;
        Ok(Self {
            id: fields.identifier("id")?,
            key: fields.string("key")?,
            variable_type: fields.string("type")?,
            value: fields.required("value", "a value")?,
        })
    }
}

/// One of `groups`.
#[derive(Clone)]
pub(super) struct GroupWire<'v> {
    pub(super) name: Option<&'v str>,
    pub(super) campaigns: Vec<Identifier>,
    pub(super) et: Option<f64>,
    pub(super) p: Vec<Identifier>,
    pub(super) wt: Vec<(&'v str, f64)>,
}

impl<'v> GroupWire<'v> {
    pub(super) fn read(place: &Place<'_>, value: &'v Value) -> Result<Self, Problem> {
        let fields = Fields::read(place, value, Consequence::CampaignSetAside)?;
        let et = fields.optional_number("et")?;
        if !matches!(et, None | Some(1.0 | 2.0)) {
            return Err(fields.wrong("et", "1 or 2", "another number"));
        }
        Ok(Self {
            name: fields.optional_text("name")?,
            campaigns: fields.identifiers("campaigns")?,
            et,
            p: fields.identifiers("p")?,
            wt: fields.weights("wt")?,
        })
    }
}

/// What this platform asks of fields.
impl<'v> Fields<'_, 'v> {
    fn is_truthy(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(is_truthy)
    }

    fn required(&self, key: &str, wanted: &str) -> Result<&'v Value, Problem> {
        self.map.get(key).ok_or_else(|| self.unlike(key, wanted))
    }

    fn identifier(&self, key: &str) -> Result<Identifier, Problem> {
        self.map
            .get(key)
            .and_then(Identifier::from_json)
            .ok_or_else(|| self.unlike(key, "a number or a string"))
    }

    fn optional_text(&self, key: &str) -> Result<Option<&'v str>, Problem> {
        match self.present(key) {
            None => Ok(None),
            Some(_) => self.string(key).map(Some),
        }
    }

    fn optional_boolean(&self, key: &str) -> Result<Option<bool>, Problem> {
        match self.present(key) {
            None => Ok(None),
            Some(_) => self.boolean(key).map(Some),
        }
    }

    fn optional_number(&self, key: &str) -> Result<Option<f64>, Problem> {
        match self.present(key) {
            None => Ok(None),
            Some(_) => self.number(key).map(Some),
        }
    }

    /// A weight in percent, not negative; null counts as 0.
    fn weight(&self, key: &str) -> Result<f64, Problem> {
        if self.map.get(key) == Some(&Value::Null) {
            return Ok(0.0);
        }
        self.number_from_zero(key)
    }

    /// A list, for which an empty object stands where there is nothing in it.
    fn list_or_nothing(&self, key: &str) -> Result<&'v [Value], Problem> {
        match self.map.get(key) {
            Some(Value::Object(map)) if map.is_empty() => Ok(&[]),
            _ => self.list(key),
        }
    }

    fn list_or_nothing_of<T>(
        &self,
        key: &str,
        read: impl Fn(&Place<'_>, &'v Value) -> Result<T, Problem>,
    ) -> Result<Vec<T>, Problem> {
        self.elements(key, self.list_or_nothing(key)?, read)
    }

    fn optional_list_of<T>(
        &self,
        key: &str,
        read: impl Fn(&Place<'_>, &'v Value) -> Result<T, Problem>,
    ) -> Result<Vec<T>, Problem> {
        match self.present(key) {
            None => Ok(Vec::new()),
            Some(_) => self.list_or_nothing_of(key, read),
        }
    }

    fn identifiers(&self, key: &str) -> Result<Vec<Identifier>, Problem> {
        let consequence = self.consequence;
        self.optional_list_of(key, |place, value| {
            Identifier::from_json(value).ok_or_else(|| {
                place.problem("a number or a string", kind_of(Some(value)), consequence)
            })
        })
    }

    /// An object, for which an empty list stands where there is nothing in it.
    fn optional_map(&self, key: &str) -> Result<Option<&'v Map<String, Value>>, Problem> {
        match self.present(key) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(Value::Array(list)) if list.is_empty() => Ok(None),
            Some(_) => Err(self.unlike(key, "an object")),
        }
    }

    fn weights(&self, key: &str) -> Result<Vec<(&'v str, f64)>, Problem> {
        let Some(map) = self.optional_map(key)? else {
            return Ok(Vec::new());
        };
        let place = self.place.key(key);
        let weights = Fields {
            place: &place,
            map,
            consequence: self.consequence,
        };
        map.keys()
            .map(|id| Ok((id.as_str(), weights.weight(id)?)))
            .collect()
    }
}
