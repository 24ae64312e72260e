//! Events as they stand in a batch.
//!
//! An event is encoded once, when it is made: its size is known from then on, and whatever is sent
//! again is the same bytes.
//!
//! Source: VWO spec, section 9; pinned by the batches in `vwo/scenarios.jsonl`.

use std::fmt::Write as _;

use super::settings::{Campaign, Goal, Variation};
use super::wire::{Identifier, IdentifierKind};
use pythonic::json::push_string;

const BATCH_START: &[u8] = br#"{"ev": ["#;
const BATCH_BETWEEN: &[u8] = b", ";
const BATCH_END: &[u8] = b"]}";

/// The user of an event, as far as the event tells of them.
#[derive(Clone, Copy, Debug)]
pub struct Visitor<'a> {
    /// The id that stands for the user.
    pub id: &'a str,
    /// When the event happened, in seconds since 1970.
    pub at_s: u64,
    /// The User-Agent of the user's browser; empty if it is unknown.
    pub user_agent: &'a str,
    /// The user's IP address; empty if it is unknown.
    pub ip_address: &'a str,
}

/// A user saw a variation.
#[must_use]
pub fn impression(visitor: &Visitor<'_>, campaign: &Campaign, variation: &Variation) -> String {
    let mut json = start(visitor);
    push_arm(&mut json, campaign, variation);
    json.push_str(r#", "eT": 1}"#);
    json
}

/// A user reached a goal; the revenue is JSON.
#[must_use]
pub fn conversion(
    visitor: &Visitor<'_>,
    campaign: &Campaign,
    variation: &Variation,
    goal: &Goal,
    revenue: Option<&str>,
) -> String {
    let mut json = start(visitor);
    push_arm(&mut json, campaign, variation);
    json.push_str(r#", "g": "#);
    push_identifier(&mut json, goal.id());
    json.push_str(r#", "eT": 2"#);
    if let Some(revenue) = revenue {
        json.push_str(r#", "r": "#);
        json.push_str(revenue);
    }
    json.push('}');
    json
}

/// A user has a value of a custom dimension.
#[must_use]
pub fn push(visitor: &Visitor<'_>, key: &str, value: &str) -> String {
    // JSON within JSON: the platform takes it as text.
    let mut tags = String::from(r#"{"u": {"#);
    push_string(&mut tags, key);
    tags.push_str(": ");
    push_string(&mut tags, value);
    tags.push_str("}}");
    let mut json = start(visitor);
    json.push_str(r#", "t": "#);
    push_string(&mut json, &tags);
    json.push_str(r#", "eT": 3}"#);
    json
}

/// A batch of encoded events.
#[must_use]
pub fn batch<E: AsRef<[u8]>>(events: &[E]) -> Vec<u8> {
    let separators = BATCH_BETWEEN.len() * events.len().saturating_sub(1);
    let inner: usize = events.iter().map(|event| event.as_ref().len()).sum();
    let mut bytes = Vec::with_capacity(BATCH_START.len() + inner + separators + BATCH_END.len());
    bytes.extend_from_slice(BATCH_START);
    for (index, event) in events.iter().enumerate() {
        if index > 0 {
            bytes.extend_from_slice(BATCH_BETWEEN);
        }
        bytes.extend_from_slice(event.as_ref());
    }
    bytes.extend_from_slice(BATCH_END);
    bytes
}

fn start(visitor: &Visitor<'_>) -> String {
    let mut json = String::with_capacity(
        160 + visitor.id.len() + visitor.user_agent.len() + visitor.ip_address.len(),
    );
    json.push_str(r#"{"u": "#);
    push_string(&mut json, visitor.id);
    // Writing to a string cannot fail.
    let _ = write!(json, r#", "sId": {}, "visitor_ua": "#, visitor.at_s);
    push_string(&mut json, visitor.user_agent);
    json.push_str(r#", "visitor_ip": "#);
    push_string(&mut json, visitor.ip_address);
    json
}

fn push_arm(json: &mut String, campaign: &Campaign, variation: &Variation) {
    json.push_str(r#", "c": "#);
    push_identifier(json, variation.id());
    json.push_str(r#", "e": "#);
    push_identifier(json, campaign.id());
}

fn push_identifier(json: &mut String, identifier: &Identifier) {
    match identifier.kind() {
        IdentifierKind::Integer | IdentifierKind::Number => json.push_str(identifier.as_str()),
        IdentifierKind::Text => push_string(json, identifier.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Visitor, batch, push};

    const ANN: Visitor<'_> = Visitor {
        id: "A1",
        at_s: 5,
        user_agent: "",
        ip_address: "127.0.0.1",
    };

    #[test]
    fn a_push_is_json_within_json() {
        assert_eq!(
            push(&ANN, "é", "\""),
            concat!(
                r#"{"u": "A1", "sId": 5, "visitor_ua": "", "visitor_ip": "127.0.0.1", "#,
                r#""t": "{\"u\": {\"\\u00e9\": \"\\\"\"}}", "eT": 3}"#,
            )
        );
    }

    #[test]
    fn a_batch_joins_its_events() {
        assert_eq!(batch(&["{}", "{}"]), br#"{"ev": [{}, {}]}"#);
        assert_eq!(batch::<&str>(&[]), br#"{"ev": []}"#);
    }
}
