//! The settings document exactly as the server sends it.
//!
//! The shapes are read by hand from a parsed document, not derived: a derived reader stops at the
//! first fault of the whole document, and refuses a repeated key, of which Python keeps the last.
//!
//! Source: VWO spec, section 1.

use std::sync::Arc;

use crate::document::{Index, List, Object, Text, Texts, Value};
use crate::fields::Fields;
use crate::problem::{Consequence, Place, Problem, kind_of};
use pythonic::float;
use pythonic::json::{integer_text, is_integer};

/// An account's, campaign's or variation's id: a number or a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier {
    text: Arc<str>,
    kind: IdentifierKind,
}

/// The type of an identifier in the document, which it also has on the wire.
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

    /// Its type in the document.
    #[must_use]
    pub const fn kind(&self) -> IdentifierKind {
        self.kind
    }

    /// The same as `as_str`, to be kept elsewhere.
    pub(super) const fn text(&self) -> &Arc<str> {
        &self.text
    }
}

/// An identifier where it stands in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IdentifierWire<'v> {
    text: Text<'v>,
    kind: IdentifierKind,
}

impl<'v> IdentifierWire<'v> {
    /// The identifier as Python's `str()` gives it.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The identifier, for good.
    pub(super) fn kept(&self) -> Identifier {
        Identifier {
            text: (*self.text).into(),
            kind: self.kind,
        }
    }

    /// The same, with the text that others share.
    pub(super) fn shared(&self, texts: &mut Texts) -> Identifier {
        Identifier {
            text: texts.share(&self.text),
            kind: self.kind,
        }
    }

    /// The identifier that a value is; `None` for any other value, an empty string and a number
    /// that is not finite.
    pub(super) fn read(value: Value<'v>) -> Option<Self> {
        let (text, kind) = match value {
            Value::String(text) if !text.is_empty() => (text.into(), IdentifierKind::Text),
            Value::Number(number) => {
                let finite = number.finite()?;
                if is_integer(number.as_str()) {
                    (
                        integer_text(number.as_str()).into(),
                        IdentifierKind::Integer,
                    )
                } else {
                    (float::repr(finite).into(), IdentifierKind::Number)
                }
            }
            _ => return None,
        };
        Some(Self { text, kind })
    }

    /// A value in place of an identifier, in words.
    pub(super) fn found(value: Option<Value<'_>>) -> &'static str {
        match value {
            Some(Value::Number(number)) if number.finite().is_none() => {
                "a number that is too large"
            }
            other => kind_of(other),
        }
    }
}

/// The campaign types of this platform.
pub(super) const TYPES: [&str; 3] = ["VISUAL_AB", "FEATURE_TEST", "FEATURE_ROLLOUT"];

/// The document.
pub(super) struct SettingsWire<'v> {
    pub(super) version: IdentifierWire<'v>,
    pub(super) account_id: IdentifierWire<'v>,
    pub(super) sdk_key: Option<&'v str>,
    pub(super) campaigns: List<'v>,
    pub(super) is_nb: bool,
    pub(super) is_nb_v2: bool,
    pub(super) is_event_arch_enabled: bool,
    pub(super) collection_prefix: Option<&'v str>,
    pub(super) groups: Option<Index<'v>>,
    pub(super) campaign_groups: Option<Index<'v>>,
    /// The problems of the document outside its campaigns.
    pub(super) problems: Vec<Problem>,
}

impl<'v> SettingsWire<'v> {
    pub(super) fn read(value: Value<'v>) -> Result<Self, Problem> {
        let fields = Fields::read(&Place::Document, value, Consequence::DocumentRefused)?;
        if let Some(product) = fields.other_product() {
            let wanted = "a settings file of VWO FullStack";
            let refused = Consequence::DocumentRefused;
            return Err(Place::Document.problem(wanted, product, refused));
        }
        let mut problems = Vec::new();
        Ok(Self {
            version: fields.identifier("version")?,
            account_id: fields.identifier("accountId")?,
            sdk_key: fields.key("sdkKey", &mut problems),
            campaigns: fields.list_or_nothing("campaigns")?,
            is_nb: fields.is_truthy("isNB"),
            is_nb_v2: fields.is_truthy("isNBv2"),
            is_event_arch_enabled: fields.is_truthy("isEventArchEnabled"),
            collection_prefix: fields.path("collectionPrefix", &mut problems)?,
            groups: fields.groups("groups")?.map(Index::of),
            campaign_groups: fields.optional_object("campaignGroups")?.map(Index::of),
            problems,
        })
    }
}

/// One of `campaigns`.
pub(super) struct CampaignWire<'v> {
    pub(super) id: IdentifierWire<'v>,
    pub(super) key: &'v str,
    pub(super) status: &'v str,
    pub(super) name: Option<&'v str>,
    pub(super) campaign_type: Option<&'v str>,
    pub(super) percent_traffic: f64,
    pub(super) segments: Option<Object<'v>>,
    pub(super) is_forced_variation_enabled: Option<Value<'v>>,
    pub(super) is_user_list_enabled: bool,
    pub(super) is_bucketing_seed_enabled: bool,
    pub(super) is_ob: Option<Value<'v>>,
    pub(super) is_ob_v2: Option<Value<'v>>,
    pub(super) is_mab: bool,
    /// Variations that [`VariationWire::read`] can read.
    pub(super) variations: List<'v>,
    /// The elements of a list of goals, or the problem if there is no list.
    pub(super) goals: Result<List<'v>, Problem>,
    /// Variables that [`VariableWire::read`] can read.
    pub(super) variables: List<'v>,
}

impl<'v> CampaignWire<'v> {
    pub(super) fn read(place: &Place<'_>, value: Value<'v>) -> Result<Self, Problem> {
        let fields = Fields::read(place, value, Consequence::CampaignSetAside)?;
        Ok(Self {
            id: fields.identifier("id")?,
            key: fields.string("key")?,
            status: fields.string("status")?,
            name: fields.optional_text("name")?,
            campaign_type: fields.optional_text("type")?,
            percent_traffic: fields.number("percentTraffic")?,
            segments: fields.optional_object("segments")?,
            is_forced_variation_enabled: fields.present("isForcedVariationEnabled"),
            is_user_list_enabled: fields.is_truthy("isUserListEnabled"),
            is_bucketing_seed_enabled: fields.is_truthy("isBucketingSeedEnabled"),
            is_ob: fields.present("isOB"),
            is_ob_v2: fields.present("isOBv2"),
            is_mab: fields.is_truthy("isMAB"),
            variations: fields.every(
                "variations",
                fields.list_or_nothing("variations")?,
                VariationWire::read,
            )?,
            goals: fields.goals("goals"),
            variables: fields.variables("variables")?,
        })
    }
}

/// One of a campaign's `variations`.
pub(super) struct VariationWire<'v> {
    pub(super) id: IdentifierWire<'v>,
    pub(super) name: &'v str,
    pub(super) weight: f64,
    pub(super) is_feature_enabled: Option<bool>,
    pub(super) segments: Option<Object<'v>>,
    /// Variables that [`VariableWire::read`] can read.
    pub(super) variables: List<'v>,
}

impl<'v> VariationWire<'v> {
    pub(super) fn read(place: &Place<'_>, value: Value<'v>) -> Result<Self, Problem> {
        let fields = Fields::read(place, value, Consequence::CampaignSetAside)?;
        Ok(Self {
            id: fields.identifier("id")?,
            name: fields.string("name")?,
            weight: fields.weight("weight")?,
            is_feature_enabled: fields.optional_boolean("isFeatureEnabled")?,
            segments: fields.optional_object("segments")?,
            variables: fields.variables("variables")?,
        })
    }
}

/// One of a campaign's `goals`.
pub(super) struct GoalWire<'v> {
    pub(super) id: IdentifierWire<'v>,
    pub(super) identifier: &'v str,
    pub(super) goal_type: &'v str,
    pub(super) revenue_prop: Option<&'v str>,
    pub(super) mca: Option<f64>,
    pub(super) has_props: bool,
}

impl<'v> GoalWire<'v> {
    pub(super) fn read(place: &Place<'_>, value: Value<'v>) -> Result<Self, Problem> {
        let fields = Fields::read(place, value, Consequence::GoalSetAside)?;
        Ok(Self {
            id: fields.identifier("id")?,
            identifier: fields.string("identifier")?,
            goal_type: fields.string("type")?,
            revenue_prop: fields.optional_text("revenueProp")?,
            mca: fields.optional_number("mca")?,
            has_props: matches!(fields.present("hasProps"), Some(Value::Bool(true))),
        })
    }
}

/// One of a campaign's or variation's `variables`.
pub(super) struct VariableWire<'v> {
    pub(super) id: IdentifierWire<'v>,
    pub(super) key: &'v str,
    pub(super) variable_type: &'v str,
    pub(super) value: Value<'v>,
}

impl<'v> VariableWire<'v> {
    pub(super) fn read(place: &Place<'_>, value: Value<'v>) -> Result<Self, Problem> {
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
pub(super) struct GroupWire<'v> {
    pub(super) name: Option<&'v str>,
    /// Identifiers.
    pub(super) campaigns: List<'v>,
    pub(super) et: Option<f64>,
    /// Identifiers.
    pub(super) p: List<'v>,
    /// Weights.
    pub(super) wt: Option<Index<'v>>,
}

impl<'v> GroupWire<'v> {
    pub(super) fn read(place: &Place<'_>, value: Value<'v>) -> Result<Self, Problem> {
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

/// A weight that was read before.
pub(super) fn weight_of(value: Value<'_>) -> f64 {
    match value {
        Value::Number(number) => number.finite().unwrap_or_default(),
        _ => 0.0,
    }
}

/// Whether an HTTP header can carry a key; not if it was pasted with a line break.
fn is_sendable(key: &str) -> bool {
    key.bytes().all(|byte| byte.is_ascii_graphic())
}

/// This platform's rules for fields.
impl<'v> Fields<'_, 'v> {
    /// The other product whose settings file this is; `None` if it is not another product's.
    fn other_product(&self) -> Option<&'static str> {
        if self.object.get("projectsettings").is_some() {
            return Some("one of Zoho PageSense");
        }
        let types = |is_such: &dyn Fn(&str) -> bool| match self.object.get("campaigns") {
            Some(Value::List(campaigns)) => campaigns.iter().any(|campaign| {
                let campaign_type = campaign.get("type").and_then(Value::as_str);
                campaign_type.is_some_and(is_such)
            }),
            _ => false,
        };
        let is_newer =
            self.present("features").is_some() || types(&|name| name.starts_with("FLAG_"));
        if is_newer && !types(&|name| TYPES.contains(&name)) {
            return Some("one of VWO Feature Management and Experimentation (FME)");
        }
        None
    }

    /// A secret key; one that cannot be used counts as missing.
    fn key(&self, key: &str, problems: &mut Vec<Problem>) -> Option<&'v str> {
        let found = match self.present(key)? {
            Value::String(text) if !text.is_empty() && is_sendable(text) => return Some(text),
            Value::String(text) if !text.is_empty() => "another string",
            other => kind_of(Some(other)),
        };
        let wanted = "letters, digits and signs of ASCII without a space";
        let place = self.place.key(key);
        problems.push(place.problem(wanted, found, Consequence::Ignored));
        None
    }

    /// A segment of a URL's path; `None` if it is missing or would change the path.
    fn path(&self, key: &str, problems: &mut Vec<Problem>) -> Result<Option<&'v str>, Problem> {
        let Some(text) = self.optional_text(key)?.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
            let place = self.place.key(key);
            problems.push(place.problem(
                "a part of a path",
                "another string",
                Consequence::Ignored,
            ));
            return Ok(None);
        }
        Ok(Some(text))
    }

    fn is_truthy(&self, key: &str) -> bool {
        self.object.get(key).is_some_and(Value::is_truthy)
    }

    fn required(&self, key: &str, wanted: &str) -> Result<Value<'v>, Problem> {
        self.object.get(key).ok_or_else(|| self.unlike(key, wanted))
    }

    fn identifier(&self, key: &str) -> Result<IdentifierWire<'v>, Problem> {
        let value = self.object.get(key);
        value
            .and_then(IdentifierWire::read)
            .ok_or_else(|| self.wrong(key, "a number or a string", IdentifierWire::found(value)))
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
        if matches!(self.object.get(key), Some(Value::Null)) {
            return Ok(0.0);
        }
        self.number_from_zero(key)
    }

    /// A list. The server sends an empty one as an empty object.
    fn list_or_nothing(&self, key: &str) -> Result<List<'v>, Problem> {
        match self.object.get(key) {
            Some(Value::Object(object)) if object.is_empty() => Ok(List::default()),
            _ => self.list(key),
        }
    }

    fn optional_list(&self, key: &str) -> Result<List<'v>, Problem> {
        match self.present(key) {
            None => Ok(List::default()),
            Some(_) => self.list_or_nothing(key),
        }
    }

    /// A list of what may be goals; a fault costs no more than the goals.
    fn goals(&self, key: &str) -> Result<List<'v>, Problem> {
        let consequence = Consequence::GoalSetAside;
        Fields {
            consequence,
            ..*self
        }
        .list_or_nothing(key)
    }

    fn variables(&self, key: &str) -> Result<List<'v>, Problem> {
        let list = self.optional_list(key)?;
        self.every(key, list, VariableWire::read)
    }

    /// The list under this key, each element of which can be read so.
    fn every<T>(
        &self,
        key: &str,
        list: List<'v>,
        read: impl Fn(&Place<'_>, Value<'v>) -> Result<T, Problem>,
    ) -> Result<List<'v>, Problem> {
        let place = self.place.key(key);
        for (index, value) in list.iter().enumerate() {
            read(&place.index(index), value)?;
        }
        Ok(list)
    }

    fn identifiers(&self, key: &str) -> Result<List<'v>, Problem> {
        let consequence = self.consequence;
        let list = self.optional_list(key)?;
        self.every(key, list, |place, value| {
            IdentifierWire::read(value).ok_or_else(|| {
                let found = IdentifierWire::found(Some(value));
                place.problem("a number or a string", found, consequence)
            })
        })
    }

    /// An object. The server sends an empty one as an empty list.
    fn optional_object(&self, key: &str) -> Result<Option<Object<'v>>, Problem> {
        match self.present(key) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(Value::List(list)) if list.is_empty() => Ok(None),
            Some(_) => Err(self.unlike(key, "an object")),
        }
    }

    /// An object; any value that is false in Python counts as an empty one.
    fn groups(&self, key: &str) -> Result<Option<Object<'v>>, Problem> {
        match self.present(key) {
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(other) if other.is_truthy() => Err(self.unlike(key, "an object")),
            _ => Ok(None),
        }
    }

    fn weights(&self, key: &str) -> Result<Option<Index<'v>>, Problem> {
        let Some(object) = self.optional_object(key)? else {
            return Ok(None);
        };
        let place = self.place.key(key);
        let weights = Fields {
            place: &place,
            object,
            consequence: self.consequence,
        };
        for (id, value) in object.iter() {
            weights.weight_in(id, value)?;
        }
        Ok(Some(Index::of(object)))
    }

    /// The same as `weight`, for whoever has the value already.
    fn weight_in(&self, key: &str, value: Value<'v>) -> Result<f64, Problem> {
        match value {
            Value::Null => Ok(0.0),
            Value::Number(number) if number.finite().is_some_and(|number| number >= 0.0) => {
                Ok(weight_of(value))
            }
            _ => self.weight(key),
        }
    }
}
