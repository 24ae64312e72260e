//! The tree of segments, and its evaluation.
//!
//! Source: VWO spec, section 7; pinned by the vectors in `vwo/segments.jsonl`.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use super::attributes::{self, Attributes};
use super::operand::{Comparison, Fault, Operand, Unanswerable};
use crate::document::{Object, Value};
use crate::problem::{Consequence, Place, Problems, kind_of};
use pythonic::pattern::Budget;
use pythonic::text::strip;

/// The name of the attribute that holds the user's id, for segments that may use it.
pub const USER_ID_ATTRIBUTE: &str = "_vwo_user_id";

/// A rule tree.
#[derive(Clone, Debug)]
pub enum Segment {
    /// True if all are true; evaluated from left to right, up to the first false one.
    All(Box<[Segment]>),
    /// True if any is true; evaluated from left to right, up to the first true one.
    Any(Box<[Segment]>),
    /// True if the inner expression is false.
    Not(Box<Segment>),
    /// A custom variable compared with an operand.
    Variable(Arc<Condition>),
    /// True for the users of this list.
    User(Box<[Box<str>]>),
    /// A node that could not be compiled; its expression is false.
    Broken,
}

/// A custom variable compared with an operand.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The variable's name.
    name: Arc<str>,
    /// The name's number among those of the settings.
    number: usize,
    /// The operand.
    operand: Operand,
    /// The operand as it stood in the settings.
    source: Box<str>,
}

/// The conditions of the settings' segments. Equal ones are compiled once.
#[derive(Debug, Default)]
pub(super) struct Conditions<'v> {
    /// By the variable's name and the operand's source.
    made: HashMap<(&'v str, &'v str), Made>,
    numbers: HashMap<&'v str, usize>,
    names: Vec<Arc<str>>,
}

/// A condition, and the problem of its operand.
type Made = (Arc<Condition>, Option<Fault>);

impl<'v> Conditions<'v> {
    /// This variable compared with this operand.
    fn condition(&mut self, name: &'v str, source: &'v str) -> Made {
        if let Some(made) = self.made.get(&(name, source)) {
            return made.clone();
        }
        let (shared_name, number) = self.numbered(name);
        let mut fault = None;
        let condition = Arc::new(Condition {
            name: shared_name,
            number,
            operand: Operand::compile(source, |found| fault = Some(found)),
            source: source.into(),
        });
        let made = (condition, fault);
        self.made.insert((name, source), made.clone());
        made
    }

    fn numbered(&mut self, name: &'v str) -> (Arc<str>, usize) {
        let number = *self.numbers.entry(name).or_insert_with(|| {
            self.names.push(name.into());
            self.names.len() - 1
        });
        let known = self.names.get(number);
        (known.map_or_else(|| name.into(), Arc::clone), number)
    }

    /// The names of the variables, each once, by their numbers.
    pub(super) fn into_variable_names(self) -> Box<[Arc<str>]> {
        self.names.into()
    }
}

/// The searches for patterns that one decision makes.
#[derive(Debug, Default)]
pub struct Searches {
    /// The budget for all of them together.
    pub budget: Budget,
    /// Whether the engine gave up one of them.
    pub given_up: Cell<bool>,
}

/// The evaluation of a clause, for a listener.
#[derive(Clone, Debug, PartialEq)]
pub struct Clause {
    /// The name of the attribute.
    pub name: String,
    /// The operand, as in the settings.
    pub operand: String,
    /// The value as text; `None` where there is no value, or no such text.
    pub value: Option<String>,
    /// Whether it is under an odd number of `not`.
    pub is_negated: bool,
    /// Whether the clause itself was true; `None` if the comparison is not possible.
    pub is_true: Option<bool>,
}

impl Segment {
    /// Compiles an expression. Adds its problems to `problems`; a broken part never matches.
    #[must_use]
    pub fn compile(place: &Place<'_>, expression: Object<'_>, problems: &mut Problems) -> Self {
        Self::compile_among(place, expression, &mut Conditions::default(), problems)
    }

    /// The same, for one of many that share their conditions.
    pub(super) fn compile_among<'v>(
        place: &Place<'_>,
        expression: Object<'v>,
        conditions: &mut Conditions<'v>,
        problems: &mut Problems,
    ) -> Self {
        let Some((operator, argument)) = only_key(place, expression, problems) else {
            return broken(place, "an operator", "an empty object", problems);
        };
        let inner = place.key(operator);
        match operator {
            "and" => Self::All(Self::compile_list(&inner, argument, conditions, problems)),
            "or" => {
                if matches!(argument, Value::List(list) if list.is_empty()) {
                    is_false(
                        &inner,
                        "a list with something in it",
                        "an empty list",
                        problems,
                    );
                }
                Self::Any(Self::compile_list(&inner, argument, conditions, problems))
            }
            "not" => {
                let negated = Self::compile_value(&inner, argument, conditions, problems);
                Self::Not(Box::new(negated))
            }
            "custom_variable" => Self::compile_variable(&inner, argument, conditions, problems),
            "user" => match argument {
                Value::String(users) => {
                    let users: Box<[Box<str>]> =
                        users.split(',').map(|user| strip(user).into()).collect();
                    if users.iter().all(|user| user.is_empty()) {
                        is_false(&inner, "users", "none", problems);
                    }
                    Self::User(users)
                }
                other => broken(&inner, "a string", kind_of(Some(other)), problems),
            },
            _ => broken(
                &inner,
                "one of and, or, not, custom_variable, user",
                "an unknown operator",
                problems,
            ),
        }
    }

    fn compile_value<'v>(
        place: &Place<'_>,
        value: Value<'v>,
        conditions: &mut Conditions<'v>,
        problems: &mut Problems,
    ) -> Self {
        match value {
            Value::Object(expression) => {
                Self::compile_among(place, expression, conditions, problems)
            }
            other => broken(place, "an object", kind_of(Some(other)), problems),
        }
    }

    fn compile_list<'v>(
        place: &Place<'_>,
        value: Value<'v>,
        conditions: &mut Conditions<'v>,
        problems: &mut Problems,
    ) -> Box<[Segment]> {
        match value {
            Value::List(list) => {
                let mut segments: Vec<Self> = Vec::new();
                for (index, value) in list.iter().enumerate() {
                    let place = place.index(index);
                    let segment = Self::compile_value(&place, value, conditions, problems);
                    // Parts after a broken one are never evaluated.
                    if !matches!(segments.last(), Some(Self::Broken)) {
                        segments.push(segment);
                    }
                }
                segments.into()
            }
            other => Box::new([broken(place, "a list", kind_of(Some(other)), problems)]),
        }
    }

    fn compile_variable<'v>(
        place: &Place<'_>,
        value: Value<'v>,
        conditions: &mut Conditions<'v>,
        problems: &mut Problems,
    ) -> Self {
        let only = value
            .as_object()
            .and_then(|object| only_key(place, object, problems));
        let Some((name, operand)) = only else {
            return broken(
                place,
                "an object with one key",
                kind_of(Some(value)),
                problems,
            );
        };
        let place = place.key(name);
        let Value::String(source) = operand else {
            return broken(&place, "a string", kind_of(Some(operand)), problems);
        };
        let (condition, fault) = conditions.condition(name, source);
        if let Some(fault) = fault {
            problems.add(|| place.problem(fault.wanted, fault.found, fault.consequence));
        }
        Self::Variable(condition)
    }

    /// Whether the attributes satisfy the expression. Every evaluated clause is
    /// passed to `listen`.
    ///
    /// # Errors
    ///
    /// `Unanswerable` if the answer depends on a comparison that is not possible: the expression
    /// then counts as false.
    pub fn evaluate(
        &self,
        attributes: &impl Attributes,
        searches: &Searches,
        listen: &mut impl FnMut(&dyn Fn() -> Clause),
    ) -> Result<bool, Unanswerable> {
        self.answer(attributes, searches, false, listen)
    }

    fn answer(
        &self,
        attributes: &impl Attributes,
        searches: &Searches,
        is_negated: bool,
        listen: &mut impl FnMut(&dyn Fn() -> Clause),
    ) -> Result<bool, Unanswerable> {
        match self {
            Self::All(segments) => {
                for segment in segments {
                    if !segment.answer(attributes, searches, is_negated, listen)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Any(segments) => {
                for segment in segments {
                    if segment.answer(attributes, searches, is_negated, listen)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(segment) => Ok(!segment.answer(attributes, searches, !is_negated, listen)?),
            Self::Variable(condition) => {
                let Condition {
                    name,
                    number,
                    operand,
                    source,
                } = &**condition;
                let attribute = attributes.get_numbered(*number, name);
                let clause = |value: Option<&str>, answer: Option<bool>| Clause {
                    name: name.to_string(),
                    operand: source.to_string(),
                    value: value.map(str::to_owned),
                    is_negated,
                    is_true: answer,
                };
                if let Some(is_true) = operand.is_true_of_number(&attribute) {
                    listen(&|| clause(attribute.clone().into_text().as_deref(), Some(is_true)));
                    return Ok(is_true);
                }
                let is_missing = matches!(attribute, attributes::Value::Missing);
                let value = attribute.into_text();
                let comparison = match &value {
                    Some(value) => operand.matches(value, &searches.budget),
                    None => Err(Unanswerable),
                };
                if comparison == Ok(Comparison::GivenUp) {
                    searches.given_up.set(true);
                }
                let answer = comparison.map(|comparison| comparison == Comparison::True);
                listen(&|| clause(value.as_deref().filter(|_| !is_missing), answer.ok()));
                answer
            }
            Self::User(users) => {
                let user_id = match attributes.get(USER_ID_ATTRIBUTE) {
                    attributes::Value::Text(user_id) => Some(user_id),
                    _ => None,
                };
                let names = |user_id: &str| users.iter().any(|user| **user == *user_id);
                let other_id = user_id
                    .as_deref()
                    .is_none_or(|user_id| !names(user_id))
                    .then(|| attributes.user_named_by(&names))
                    .flatten();
                let is_listed = other_id.is_some() || user_id.as_deref().is_some_and(names);
                listen(&|| Clause {
                    name: USER_ID_ATTRIBUTE.to_owned(),
                    operand: format!("user({})", users.join(", ")),
                    value: other_id
                        .as_deref()
                        .or(user_id.as_deref())
                        .map(str::to_owned),
                    is_negated,
                    is_true: Some(is_listed),
                });
                Ok(is_listed)
            }
            Self::Broken => Err(Unanswerable),
        }
    }

    /// Whether the attributes satisfy the expression; false on errors.
    #[must_use]
    pub fn is_true_of(&self, attributes: &impl Attributes) -> bool {
        self.evaluate(attributes, &Searches::default(), &mut |_| {})
            .unwrap_or(false)
    }
}

fn broken(place: &Place<'_>, wanted: &str, found: &str, problems: &mut Problems) -> Segment {
    problems.add(|| place.problem(wanted, found, Consequence::NeverMatches));
    Segment::Broken
}

fn is_false(place: &Place<'_>, wanted: &str, found: &str, problems: &mut Problems) {
    problems.add(|| place.problem(wanted, found, Consequence::ClauseFalse));
}

/// The key and value of an object that should have exactly one key; the first if it has more.
fn only_key<'v>(
    place: &Place<'_>,
    object: Object<'v>,
    problems: &mut Problems,
) -> Option<(&'v str, Value<'v>)> {
    if object.has_several() {
        problems.add(|| {
            place.problem(
                "an object with one key",
                "one with several, of which the first counts",
                Consequence::UsedAsItIs,
            )
        });
    }
    object.first()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::document::Document;

    fn compile(expression: &str) -> (Segment, Problems) {
        let document = Document::parse(expression.as_bytes()).unwrap();
        let mut problems = Problems::default();
        let expression = document.value().as_object().unwrap();
        let segment = Segment::compile(&Place::Document, expression, &mut problems);
        (segment, problems)
    }

    fn ann() -> HashMap<String, attributes::Value<'static>> {
        HashMap::from([
            ("name".to_owned(), attributes::Value::Text("Ann".into())),
            ("age".to_owned(), attributes::Value::Integer(30)),
            (
                USER_ID_ATTRIBUTE.to_owned(),
                attributes::Value::Text("u1".into()),
            ),
        ])
    }

    fn answer(expression: &str) -> Result<bool, Unanswerable> {
        compile(expression)
            .0
            .evaluate(&ann(), &Searches::default(), &mut |_| {})
    }

    #[test]
    fn operators_stop_at_the_first_answer() {
        let unanswerable = r#"{"custom_variable": {"name": "gt(1)"}}"#;
        let no = r#"{"custom_variable": {"name": "Bob"}}"#;
        let yes = r#"{"custom_variable": {"name": "Ann"}}"#;
        assert_eq!(
            answer(&format!(r#"{{"and": [{no}, {unanswerable}]}}"#)),
            Ok(false)
        );
        assert_eq!(
            answer(&format!(r#"{{"or": [{yes}, {unanswerable}]}}"#)),
            Ok(true)
        );
        assert_eq!(
            answer(&format!(r#"{{"or": [{no}, {unanswerable}, {yes}]}}"#)),
            Err(Unanswerable)
        );
        assert_eq!(
            answer(&format!(r#"{{"not": {unanswerable}}}"#)),
            Err(Unanswerable)
        );
    }

    #[test]
    fn empty_operators() {
        assert_eq!(answer(r#"{"and": []}"#), Ok(true));
        assert_eq!(answer(r#"{"or": []}"#), Ok(false));
    }

    #[test]
    fn users_are_a_trimmed_list() {
        assert_eq!(answer(r#"{"user": "u0 , u1"}"#), Ok(true));
        assert_eq!(answer(r#"{"user": "u0"}"#), Ok(false));
        let number = HashMap::from([(USER_ID_ATTRIBUTE.to_owned(), attributes::Value::Integer(1))]);
        assert!(!compile(r#"{"user": "1"}"#).0.is_true_of(&number));
    }

    #[test]
    fn what_is_wrong_has_a_place_and_never_matches() {
        for (expression, problem) in [
            (
                r#"{"or": [{"xor": []}]}"#,
                "or[0].xor: expected one of and, or, not, custom_variable, user, found an unknown operator",
            ),
            (r#"{"and": {}}"#, "and: expected a list, found an object"),
            (r#"{"not": [1]}"#, "not: expected an object, found a list"),
            (r#"{"user": 5}"#, "user: expected a string, found a number"),
            (
                r#"{"custom_variable": {"a b": null}}"#,
                "custom_variable[\"a b\"]: expected a string, found null",
            ),
            (
                r#"{"custom_variable": {}}"#,
                "custom_variable: expected an object with one key, found an object",
            ),
            (
                "{}",
                "settings: expected an operator, found an empty object",
            ),
        ] {
            let (segment, problems) = compile(expression);
            assert_eq!(problems.count(), 1);
            assert_eq!(problems.first()[0].to_string(), problem);
            assert!(!segment.is_true_of(&ann()), "{expression}");
        }
    }

    #[test]
    fn a_condition_is_made_once_and_its_fault_told_at_each_place() {
        let document = Document::parse(
            br#"{"or": [
                {"custom_variable": {"a": "regex(()"}},
                {"custom_variable": {"b": "regex(()"}},
                {"custom_variable": {"a": "regex(()"}},
                {"custom_variable": {"a": "regex(.)"}}
            ]}"#,
        )
        .unwrap();
        let mut conditions = Conditions::default();
        let mut problems = Problems::default();
        let segment = Segment::compile_among(
            &Place::Document,
            document.value().as_object().unwrap(),
            &mut conditions,
            &mut problems,
        );
        let Segment::Any(parts) = segment else {
            unreachable!()
        };
        let [
            Segment::Variable(first),
            Segment::Variable(second),
            Segment::Variable(third),
            Segment::Variable(fourth),
        ] = &*parts
        else {
            unreachable!()
        };
        assert!(Arc::ptr_eq(first, third));
        assert!(!Arc::ptr_eq(first, second));
        assert!(!Arc::ptr_eq(first, fourth));
        assert_eq!(
            [first, second, third, fourth].map(|condition| condition.number),
            [0, 1, 0, 0]
        );
        let places: Vec<&str> = problems
            .first()
            .iter()
            .map(|problem| &*problem.path)
            .collect();
        assert_eq!(
            places,
            [
                "or[0].custom_variable.a",
                "or[1].custom_variable.b",
                "or[2].custom_variable.a"
            ]
        );
        assert_eq!(&*conditions.into_variable_names(), ["a".into(), "b".into()]);
    }

    #[test]
    fn a_listener_hears_each_clause_with_what_it_saw() {
        let (segment, _) = compile(
            r#"{"and": [{"custom_variable": {"age": "gt(18)"}}, {"custom_variable": {"plan": "pro"}}]}"#,
        );
        let mut clauses = Vec::new();
        let answer = segment.evaluate(&ann(), &Searches::default(), &mut |clause| {
            clauses.push(clause());
        });
        assert_eq!(answer, Ok(false));
        assert_eq!(
            clauses,
            [
                Clause {
                    name: "age".to_owned(),
                    operand: "gt(18)".to_owned(),
                    value: Some("30".to_owned()),
                    is_negated: false,
                    is_true: Some(true),
                },
                Clause {
                    name: "plan".to_owned(),
                    operand: "pro".to_owned(),
                    value: None,
                    is_negated: false,
                    is_true: Some(false),
                },
            ]
        );
    }
}
