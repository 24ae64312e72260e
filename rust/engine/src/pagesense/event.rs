//! Events as the queue holds them: the number of the event's type, followed by its JSON.
//!
//! An event is encoded once, when it is made: its size is known from then on, and a retry carries
//! the same bytes. The client makes the request of it: a GET with everything in its query.
//!
//! Source: `PageSense` spec, sections 6.2 to 6.4; pinned by `pagesense/http-capture.json`.

use super::settings::{Experiment, Goal, MappedGoal, Settings, Variation};
use pythonic::json::push_string;

/// The platform's number for a visitor of an experiment.
const VISITOR: &str = "22";
/// The platform's number for a goal.
const GOAL: &str = "23";
/// The platform's number for its Python SDK.
const LANGUAGE: &str = "5";
/// A list of fields that holds none.
pub const NO_FIELDS: &str = "[]";

/// The user of an event, as far as the event tells of them.
#[derive(Clone, Copy, Debug)]
pub struct Visitor<'a> {
    /// The user's id as a JSON string.
    pub id: &'a str,
    /// The user's attributes as a JSON list of fields.
    pub attributes: &'a str,
}

/// A user saw a variation; section 6.2.
#[must_use]
pub fn visit(
    settings: &Settings,
    experiment: &Experiment,
    variation: &Variation,
    visitor: &Visitor<'_>,
) -> String {
    let mut event = start(VISITOR, visitor, r#", "fvrd": [{"a": "#);
    push_string(&mut event, settings.portal_name());
    push_text(&mut event, "b", experiment.key());
    push_text(&mut event, "c", variation.key());
    push_text(&mut event, "p", settings.project_key());
    push_text(&mut event, "ek", experiment.environment_key());
    push_json(&mut event, "lk", LANGUAGE);
    push_json(&mut event, "fsca", visitor.attributes);
    event.push_str("}]}");
    event
}

/// A user of a variation reached a goal of its experiment; section 6.4.
///
/// The properties are a JSON list of fields; `None` where the call gives none.
#[must_use]
pub fn goal(
    settings: &Settings,
    (experiment, variation): (&Experiment, &Variation),
    mapped: MappedGoal,
    visitor: &Visitor<'_>,
    properties: Option<&str>,
) -> String {
    let link_name = settings
        .goals()
        .get(mapped.goal())
        .map_or("", Goal::link_name);
    let is_primary = if mapped.is_primary() { "true" } else { "false" };
    let mut event = start(GOAL, visitor, r#", "fgrd": [{"a": "#);
    push_string(&mut event, settings.portal_name());
    push_text(&mut event, "b", experiment.key());
    push_text(&mut event, "c", variation.key());
    push_text(&mut event, "p", settings.project_key());
    push_text(&mut event, "gln", link_name);
    push_json(&mut event, "ipl", is_primary);
    push_text(&mut event, "ek", experiment.environment_key());
    push_text(&mut event, "lk", experiment.language_key());
    if visitor.attributes != NO_FIELDS {
        push_json(&mut event, "fsca", visitor.attributes);
    }
    if let Some(properties) = properties {
        push_json(&mut event, "gp", properties);
    }
    event.push_str("}]}");
    event
}

/// A user reached a goal of the project, with the variations that they have; section 6.3.
#[must_use]
pub fn project_goal(
    settings: &Settings,
    goal: &Goal,
    seen: &[(&Experiment, &Variation)],
    visitor: &Visitor<'_>,
    properties: &str,
) -> String {
    let mut event = start(GOAL, visitor, r#", "fgrd": [{"a": "#);
    push_string(&mut event, settings.portal_name());
    push_text(&mut event, "b", "");
    push_text(&mut event, "c", "");
    push_text(&mut event, "p", settings.project_key());
    push_text(&mut event, "gln", goal.link_name());
    push_json(&mut event, "ipl", "true");
    push_text(&mut event, "ek", settings.sdk_key());
    push_json(&mut event, "lk", LANGUAGE);
    push_json(&mut event, "fsca", visitor.attributes);
    event.push_str(r#", "el": ["#);
    for (index, (experiment, variation)) in seen.iter().enumerate() {
        event.push_str(if index == 0 {
            r#"{"b": "#
        } else {
            r#", {"b": "#
        });
        push_string(&mut event, experiment.key());
        push_text(&mut event, "c", variation.key());
        event.push('}');
    }
    event.push(']');
    push_json(&mut event, "gp", properties);
    event.push_str("}]}");
    event
}

/// Appends a field to a list of fields that is not closed yet; its value is JSON.
pub fn push_field(fields: &mut String, name: &str, value: &str) {
    fields.push_str(if fields.len() > 1 {
        r#", {"ln": "#
    } else {
        r#"{"ln": "#
    });
    push_string(fields, name);
    push_json(fields, "v", value);
    fields.push('}');
}

fn start(number: &str, visitor: &Visitor<'_>, record: &str) -> String {
    let mut event = String::with_capacity(320 + visitor.id.len() + visitor.attributes.len());
    event.push_str(number);
    event.push_str(r#"{"furd": {"f": "#);
    event.push_str(visitor.id);
    event.push('}');
    event.push_str(record);
    event
}

fn push_text(json: &mut String, name: &str, value: &str) {
    push_name(json, name);
    push_string(json, value);
}

fn push_json(json: &mut String, name: &str, value: &str) {
    push_name(json, name);
    json.push_str(value);
}

fn push_name(json: &mut String, name: &str) {
    json.push_str(", \"");
    json.push_str(name);
    json.push_str("\": ");
}

#[cfg(test)]
mod tests {
    use super::push_field;

    #[test]
    fn fields_stand_in_a_list() {
        let mut fields = String::from("[");
        push_field(&mut fields, "é", "1");
        push_field(&mut fields, "b", "null");
        let wanted = r#"[{"ln": "\u00e9", "v": 1}, {"ln": "b", "v": null}"#;
        assert_eq!(fields, wanted);
    }
}
