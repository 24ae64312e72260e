//! The leaves of audiences: one attribute compared with values.
//!
//! Source: `PageSense` spec, section 3.2; pinned by the vectors in `pagesense/decisions.json`.

use super::attributes::{Attribute, Attributes};
use crate::document::{Document, Object, Value};
use crate::problem::{Consequence, Place, Problems, kind_of};
use pythonic::json::number_text;
use pythonic::text::{lower, strip};

/// How an attribute is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The attribute equals at least one value.
    Equal,
    /// The attribute equals no value.
    NotEqual,
    /// At least one *value contains the attribute*: the reverse of what the name suggests, and
    /// what the platform's own clients do.
    Contain,
    /// No value contains the attribute.
    NotContain,
}

impl Operator {
    /// Every operator.
    pub const ALL: [Self; 4] = [Self::Equal, Self::NotEqual, Self::Contain, Self::NotContain];

    /// The name both engines give it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::NotEqual => "not_equal",
            Self::Contain => "contain",
            Self::NotContain => "not_contain",
        }
    }

    fn from_json(value: Option<Value<'_>>) -> Option<Self> {
        let number = match value {
            Some(Value::Number(number)) => number.finite()?,
            // The platform's own client is written in Python, whose `True` equals 1.
            Some(Value::Bool(true)) => 1.0,
            _ => return None,
        };
        match number {
            1.0 => Some(Self::Equal),
            2.0 => Some(Self::NotEqual),
            3.0 => Some(Self::Contain),
            4.0 => Some(Self::NotContain),
            _ => None,
        }
    }
}

/// An attribute and what it is compared with.
#[derive(Clone, Debug)]
pub struct Condition {
    attribute: Box<str>,
    /// The comparison; `None` if the condition is broken, and so false.
    operator: Option<Operator>,
    /// The values, in lower case.
    values: Box<[Box<str>]>,
}

/// The evaluation of a condition, for a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// The name of the attribute.
    pub attribute: String,
    /// How it was compared; `None` for a condition that is broken.
    pub operator: Option<Operator>,
    /// The values, in lower case.
    pub values: Vec<String>,
    /// The attribute's text; `None` if it is missing or not text.
    pub value: Option<String>,
    /// Whether the condition was true.
    pub is_true: bool,
}

impl Condition {
    /// Compiles a condition; what is wrong in it is added to `problems` and makes it false.
    #[must_use]
    pub fn compile(place: &Place<'_>, condition: Object<'_>, problems: &mut Problems) -> Self {
        let mut wrong = |key: &str, wanted: &str, found: &str| {
            let place = place.key(key);
            problems.add(|| place.problem(wanted, found, Consequence::ClauseFalse));
        };
        let name = condition.get("attribute_name");
        let attribute = match name {
            Some(Value::String(attribute)) if !attribute.is_empty() => attribute,
            other => {
                wrong("attribute_name", "a name", kind_of(other));
                return Self::broken("");
            }
        };
        let operator = condition.get("operator");
        let Some(operator) = Operator::from_json(operator) else {
            let found = match operator {
                Some(Value::Number(_)) => "another number",
                other => kind_of(other),
            };
            wrong("operator", "a number from 1 to 4", found);
            return Self::broken(attribute);
        };
        match read_values(condition.get("values")) {
            Ok(values) => {
                if values.is_empty() && matches!(operator, Operator::Equal | Operator::Contain) {
                    wrong("values", "values to compare with", "none");
                }
                Self {
                    attribute: attribute.into(),
                    operator: Some(operator),
                    values,
                }
            }
            Err((wanted, found)) => {
                wrong("values", wanted, found);
                Self::broken(attribute)
            }
        }
    }

    fn broken(attribute: &str) -> Self {
        Self {
            attribute: attribute.into(),
            operator: None,
            values: Box::default(),
        }
    }

    /// Whether the condition is true of these attributes, which is passed to `listen`. One that is
    /// missing, blank or no text makes it false, whatever the operator.
    pub fn is_true_of(
        &self,
        attributes: &impl Attributes,
        listen: &mut impl FnMut(&dyn Fn() -> Clause),
    ) -> bool {
        let attribute = attributes.get(&self.attribute);
        let is_true = self
            .operator
            .is_some_and(|operator| self.compares(operator, &attribute));
        listen(&|| Clause {
            attribute: self.attribute.to_string(),
            operator: self.operator,
            values: self.values.iter().map(ToString::to_string).collect(),
            value: match &attribute {
                Attribute::Text(text) => Some(text.to_string()),
                _ => None,
            },
            is_true,
        });
        is_true
    }

    fn compares(&self, operator: Operator, attribute: &Attribute<'_>) -> bool {
        let text = match attribute {
            Attribute::Text(text) if !strip(text).is_empty() => Some(lower(text)),
            Attribute::Unencodable => None,
            _ => return false,
        };
        let any = |is_like: &dyn Fn(&str, &str) -> bool| {
            let text = text.as_deref();
            text.is_some_and(|text| self.values.iter().any(|value| is_like(value, text)))
        };
        match operator {
            Operator::Equal => any(&|value, text| value == text),
            Operator::NotEqual => !any(&|value, text| value == text),
            Operator::Contain => any(&|value, text| value.contains(text)),
            Operator::NotContain => !any(&|value, text| value.contains(text)),
        }
    }
}

/// The expected value in place of a condition's values, and the one found.
type Fault = (&'static str, &'static str);

/// The texts of a condition's values, in lower case.
fn read_values(values: Option<Value<'_>>) -> Result<Box<[Box<str>]>, Fault> {
    match values {
        None => Ok(Box::default()),
        // Text that is not JSON, and JSON of another type, counts as an empty list.
        Some(Value::String(text)) => match Document::parse(text.as_bytes()) {
            Ok(document) => match document.value() {
                values @ (Value::List(_) | Value::Object(_)) => texts(values),
                _ => Ok(Box::default()),
            },
            Err(_) => Ok(Box::default()),
        },
        Some(values) => texts(values),
    }
}

fn texts(values: Value<'_>) -> Result<Box<[Box<str>]>, Fault> {
    let kept = |text: &str| Box::from(&*lower(text));
    let values = match values {
        Value::List(values) => values,
        Value::Object(object) => return Ok(object.iter().map(|(key, _)| kept(key)).collect()),
        other => return Err(("a list", kind_of(Some(other)))),
    };
    let simple = "a list of strings, numbers, booleans and nulls";
    values
        .iter()
        .map(|value| match value {
            Value::String(text) => Ok(kept(text)),
            Value::Bool(true) => Ok(kept("True")),
            Value::Bool(false) => Ok(kept("False")),
            Value::Null => Ok(kept("None")),
            Value::Number(number) => number_text(number.as_str())
                .map(|text| kept(&text))
                .ok_or((simple, "one with a number that is too large")),
            Value::List(_) | Value::Object(_) => Err((simple, "one with a list or an object")),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::{Value as Json, json};

    use super::*;

    fn compiled(condition: &Json) -> (Condition, Problems) {
        let text = condition.to_string();
        let document = Document::parse(text.as_bytes()).unwrap();
        let mut problems = Problems::default();
        let condition = document.value().as_object().unwrap();
        let condition = Condition::compile(&Place::Document, condition, &mut problems);
        (condition, problems)
    }

    fn is_true(operator: &Json, values: &Json, attribute: Attribute<'static>) -> bool {
        let condition = json!({"attribute_name": "a", "operator": operator, "values": values});
        let attributes = HashMap::from([("a".to_owned(), attribute)]);
        compiled(&condition).0.is_true_of(&attributes, &mut |_| ())
    }

    fn text(text: &'static str) -> Attribute<'static> {
        Attribute::Text(text.into())
    }

    #[test]
    fn a_value_contains_the_attribute_and_not_the_other_way_round() {
        let values = json!(["Chrome"]);
        assert!(is_true(&json!(3), &values, text("ROM")));
        assert!(!is_true(&json!(3), &values, text("Chrome Mobile")));
        assert!(!is_true(&json!(4), &values, text("rom")));
        assert!(is_true(&json!(4), &values, text("Chrome Mobile")));
    }

    #[test]
    fn a_missing_or_blank_attribute_is_false_for_every_operator() {
        for operator in [1, 2, 3, 4] {
            for attribute in [text(" "), text(""), Attribute::Missing, Attribute::Other] {
                assert!(!is_true(
                    &json!(operator),
                    &json!(["a", " ", ""]),
                    attribute
                ));
            }
        }
    }

    #[test]
    fn half_of_a_surrogate_pair_is_like_no_value() {
        for (operator, answer) in [(1, false), (2, true), (3, false), (4, true)] {
            let is_true = is_true(&json!(operator), &json!(["a"]), Attribute::Unencodable);
            assert_eq!(is_true, answer);
        }
    }

    #[test]
    fn no_values_make_the_negative_operators_true() {
        for values in [
            json!([]),
            json!({}),
            json!("no JSON"),
            json!("5"),
            json!("null"),
        ] {
            for (operator, answer) in [(1, false), (2, true), (3, false), (4, true)] {
                assert_eq!(is_true(&json!(operator), &values, text("a")), answer);
            }
        }
    }

    #[test]
    fn values_become_text_as_python_makes_it() {
        let values = json!([42, 1.5, true, false, null, 1e16]);
        for attribute in ["42", "1.5", "TRUE", "false", "none", "1E+16"] {
            assert!(is_true(&json!(1), &values, text(attribute)), "{attribute}");
        }
        assert!(!is_true(&json!(1), &values, text("null")));
        assert!(is_true(&json!(1), &json!({"A": 1}), text("a")));
        assert!(is_true(&json!(1), &json!("[\"A\"]"), text("a")));
    }

    #[test]
    fn a_number_is_an_operator_and_so_is_true() {
        let values = json!(["a"]);
        for operator in [json!(1), json!(1.0), json!(true)] {
            assert!(is_true(&operator, &values, text("A")));
        }
        for operator in [json!("1"), json!(null), json!(false), json!(0), json!(5)] {
            assert!(!is_true(&operator, &values, text("A")));
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (condition, problem) in [
            (
                json!({"operator": 1}),
                "attribute_name: expected a name, found nothing",
            ),
            (
                json!({"attribute_name": "a", "operator": 9}),
                "operator: expected a number from 1 to 4, found another number",
            ),
            (
                json!({"attribute_name": "a", "operator": 1, "values": 5}),
                "values: expected a list, found a number",
            ),
            (
                json!({"attribute_name": "a", "operator": 3, "values": []}),
                "values: expected values to compare with, found none",
            ),
        ] {
            let (_, problems) = compiled(&condition);
            assert_eq!(problems.count(), 1);
            assert_eq!(problems.first()[0].to_string(), problem);
            assert_eq!(problems.first()[0].consequence, Consequence::ClauseFalse);
        }
    }
}
