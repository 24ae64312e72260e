//! The tree of an audience, and its evaluation.
//!
//! The tree has exactly two levels: groups of conditions. Where the platform's own client fails on
//! the way, it lets the user in; where it is not known what that client does, the audience matches
//! nobody.
//!
//! Source: `PageSense` spec, section 3.1; pinned by the vectors in `pagesense/decisions.json`.

use super::attributes::Attributes;
use super::condition::{Clause, Condition};
use crate::document::{Document, Object, Value};
use crate::problem::{Consequence, Place, Problems, kind_of};
use pythonic::integer;

/// The audience cannot be evaluated: a user who was not refused before is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LetsIn;

/// An audience of an experiment.
#[derive(Clone, Debug)]
pub struct Audience {
    pub(super) link_name: Box<str>,
    pub(super) tree: Tree,
}

impl Audience {
    /// The identifier by which experiments refer to it.
    #[must_use]
    pub fn link_name(&self) -> &str {
        &self.link_name
    }

    /// The tree of its conditions.
    #[must_use]
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }
}

/// The conditions of an audience.
#[derive(Clone, Debug)]
pub enum Tree {
    /// Groups, all of which are evaluated.
    Groups {
        /// How they are joined.
        connective: Connective,
        /// The groups.
        groups: Box<[Group]>,
    },
    /// It cannot be evaluated.
    LetsIn,
    /// It cannot be compiled; it matches nobody.
    Never,
}

/// How groups or conditions are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connective {
    /// True unless one is false, so also of nothing.
    All,
    /// True where any is.
    Any,
}

/// One group of an audience.
#[derive(Clone, Debug)]
pub enum Group {
    /// Conditions, evaluated up to the first that decides.
    Conditions {
        /// How they are joined.
        connective: Connective,
        /// The conditions.
        conditions: Box<[Leaf]>,
    },
    /// It cannot be evaluated.
    LetsIn,
}

/// A condition, or a value in its place.
#[derive(Clone, Debug)]
pub enum Leaf {
    /// A condition.
    Condition(Condition),
    /// It cannot be evaluated.
    LetsIn,
}

impl Tree {
    /// Compiles `audience_condition_json`; what is wrong in it is added to `problems`.
    #[must_use]
    pub fn compile(place: &Place<'_>, value: Value<'_>, problems: &mut Problems) -> Self {
        let mut compiler = Compiler {
            problems,
            is_broken: false,
        };
        let tree = compiler.tree(place, value);
        if compiler.is_broken {
            return Self::Never;
        }
        tree
    }

    /// Whether the audience is true of these attributes. Every condition that is looked at is
    /// passed to `listen`.
    ///
    /// # Errors
    ///
    /// `LetsIn` where it cannot be evaluated.
    pub fn evaluate(
        &self,
        attributes: &impl Attributes,
        listen: &mut impl FnMut(&dyn Fn() -> Clause),
    ) -> Result<bool, LetsIn> {
        match self {
            Self::Groups { connective, groups } => {
                let (mut is_any_true, mut is_any_false) = (false, false);
                for group in groups {
                    if group.evaluate(attributes, listen)? {
                        is_any_true = true;
                    } else {
                        is_any_false = true;
                    }
                }
                Ok(match connective {
                    Connective::All => !is_any_false,
                    Connective::Any => is_any_true,
                })
            }
            Self::LetsIn => Err(LetsIn),
            Self::Never => Ok(false),
        }
    }
}

impl Group {
    fn evaluate(
        &self,
        attributes: &impl Attributes,
        listen: &mut impl FnMut(&dyn Fn() -> Clause),
    ) -> Result<bool, LetsIn> {
        let Self::Conditions {
            connective,
            conditions,
        } = self
        else {
            return Err(LetsIn);
        };
        let decides = *connective == Connective::Any;
        for leaf in conditions {
            let Leaf::Condition(condition) = leaf else {
                return Err(LetsIn);
            };
            if condition.is_true_of(attributes, listen) == decides {
                return Ok(decides);
            }
        }
        Ok(!decides)
    }
}

/// The value in place of an object.
enum Node<'v> {
    Object(Object<'v>),
    /// An object within a string.
    Text(Document<'v>),
    /// Null or an empty object, which is passed over.
    Nothing,
    LetsIn(&'static str),
    Broken(&'static str),
}

impl<'v> Node<'v> {
    fn read(value: Value<'v>) -> Self {
        match value {
            Value::Null => Self::Nothing,
            Value::Object(object) if object.is_empty() => Self::Nothing,
            Value::Object(object) => Self::Object(object),
            Value::List(_) => Self::LetsIn("a list"),
            Value::String(text) => match Document::parse(text.as_bytes()) {
                Ok(document) => match document.value() {
                    Value::Object(object) if object.is_empty() => Self::Nothing,
                    Value::Object(_) => Self::Text(document),
                    _ => Self::LetsIn("a string that holds no object"),
                },
                Err(_) => Self::LetsIn("a string that holds no object"),
            },
            other => Self::Broken(kind_of(Some(other))),
        }
    }

    /// The object, if there is one.
    fn object(&self) -> Option<Object<'_>> {
        match self {
            Self::Object(object) => Some(*object),
            Self::Text(document) => document.value().as_object(),
            _ => None,
        }
    }
}

struct Compiler<'p> {
    problems: &'p mut Problems,
    /// Whether something is in the tree that makes it true of nobody.
    is_broken: bool,
}

impl Compiler<'_> {
    fn tree(&mut self, place: &Place<'_>, value: Value<'_>) -> Tree {
        let node = Node::read(value);
        match node {
            Node::LetsIn(found) => {
                self.lets_in(place, "an object", found);
                return Tree::LetsIn;
            }
            Node::Broken(found) => {
                self.breaks(place, "an object", found);
                return Tree::Never;
            }
            Node::Object(_) | Node::Text(_) | Node::Nothing => {}
        }
        let Some(object) = node.object() else {
            return Tree::Groups {
                connective: Connective::All,
                groups: Box::default(),
            };
        };
        let connective = self.outer_connective(place, object.get("condition_type"));
        let groups = self.children(place, object, Self::group);
        match connective {
            Some(connective) => Tree::Groups { connective, groups },
            None => Tree::LetsIn,
        }
    }

    /// How to join groups; `None` if the platform's own client cannot tell.
    fn outer_connective(
        &mut self,
        place: &Place<'_>,
        value: Option<Value<'_>>,
    ) -> Option<Connective> {
        let Some(Value::String(text)) = value else {
            return Some(connective(value));
        };
        let number = integer::parse(text);
        if number.is_none() {
            let place = place.key("condition_type");
            self.lets_in(&place, "a number", "a string that holds none");
        }
        number.map(Connective::of_number)
    }

    fn group(&mut self, place: &Place<'_>, value: Value<'_>) -> Option<Group> {
        let node = Node::read(value);
        match node {
            Node::LetsIn(found) => {
                self.lets_in(place, "an object", found);
                return Some(Group::LetsIn);
            }
            Node::Broken(found) => {
                self.breaks(place, "an object", found);
                return None;
            }
            Node::Object(_) | Node::Text(_) | Node::Nothing => {}
        }
        let object = node.object()?;
        let conditions = self.children(place, object, Self::leaf);
        let connective = match object.get("condition_type") {
            // Text is not a number here, but the number of a group without conditions is not used.
            Some(Value::String(text)) if conditions.is_empty() => {
                integer::parse(text).map_or(Connective::Any, Connective::of_number)
            }
            other => connective(other),
        };
        Some(Group::Conditions {
            connective,
            conditions,
        })
    }

    fn leaf(&mut self, place: &Place<'_>, value: Value<'_>) -> Option<Leaf> {
        let node = Node::read(value);
        match node {
            Node::LetsIn(found) => {
                self.lets_in(place, "an object", found);
                return Some(Leaf::LetsIn);
            }
            Node::Broken(found) => {
                self.breaks(place, "an object", found);
                return None;
            }
            Node::Object(_) | Node::Text(_) | Node::Nothing => {}
        }
        let condition = Condition::compile(place, node.object()?, self.problems);
        Some(Leaf::Condition(condition))
    }

    fn children<T>(
        &mut self,
        place: &Place<'_>,
        object: Object<'_>,
        compile: impl Fn(&mut Self, &Place<'_>, Value<'_>) -> Option<T>,
    ) -> Box<[T]> {
        let place = place.key("conditions");
        match object.get("conditions") {
            None => Box::default(),
            Some(Value::List(list)) => list
                .iter()
                .enumerate()
                .filter_map(|(index, value)| compile(self, &place.index(index), value))
                .collect(),
            other => {
                self.breaks(&place, "a list", kind_of(other));
                Box::default()
            }
        }
    }

    fn lets_in(&mut self, place: &Place<'_>, wanted: &str, found: &str) {
        self.problems
            .add(|| place.problem(wanted, found, Consequence::LetsIn));
    }

    fn breaks(&mut self, place: &Place<'_>, wanted: &str, found: &str) {
        self.problems
            .add(|| place.problem(wanted, found, Consequence::NeverMatches));
        self.is_broken = true;
    }
}

impl Connective {
    const fn of_number(number: i64) -> Self {
        if number == 1 { Self::All } else { Self::Any }
    }
}

/// How a `condition_type` joins: 1 and its absence mean all, everything else any.
fn connective(value: Option<Value<'_>>) -> Connective {
    match value {
        None => Connective::All,
        Some(Value::Number(number)) if number.finite() == Some(1.0) => Connective::All,
        Some(_) => Connective::Any,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::{Value as Json, json};

    use super::super::attributes::Attribute;
    use super::*;

    fn compiled(tree: &Json) -> (Tree, Problems) {
        let text = tree.to_string();
        let document = Document::parse(text.as_bytes()).unwrap();
        let mut problems = Problems::default();
        let tree = Tree::compile(&Place::Document, document.value(), &mut problems);
        (tree, problems)
    }

    fn answer(tree: &Json) -> Result<bool, LetsIn> {
        let attributes = HashMap::from([("a".to_owned(), Attribute::Text("x".into()))]);
        compiled(tree).0.evaluate(&attributes, &mut |_| ())
    }

    fn leaf(is_true: bool) -> Json {
        let value = if is_true { "x" } else { "y" };
        json!({"attribute_name": "a", "operator": 1, "values": [value]})
    }

    fn one_group(group: &Json) -> Json {
        json!({"condition_type": 1, "conditions": [group]})
    }

    #[test]
    fn nothing_in_a_tree_is_true() {
        for tree in [json!({}), json!("{}"), json!({"condition_type": "1"})] {
            assert_eq!(answer(&tree), Ok(true));
        }
        assert_eq!(answer(&json!({"condition_type": 2})), Ok(false));
    }

    #[test]
    fn one_as_text_joins_groups_and_not_conditions() {
        let group = |connective: Json| {
            let conditions = [leaf(true), leaf(false)];
            json!({"condition_type": connective, "conditions": conditions})
        };
        assert_eq!(answer(&one_group(&group(json!(1)))), Ok(false));
        assert_eq!(answer(&one_group(&group(json!("1")))), Ok(true));
        let empty = json!({"condition_type": "1", "conditions": [null, {}]});
        assert_eq!(answer(&one_group(&empty)), Ok(true));
        let groups = [group(json!(1)), group(json!(2))];
        let tree = json!({"condition_type": " 1 ", "conditions": groups});
        assert_eq!(answer(&tree), Ok(false));
        let tree = json!({"condition_type": "2", "conditions": groups});
        assert_eq!(answer(&tree), Ok(true));
    }

    #[test]
    fn what_cannot_be_evaluated_lets_in() {
        for tree in [
            json!([]),
            json!("no JSON"),
            json!("[]"),
            json!({"condition_type": "AND"}),
            one_group(&json!([])),
            one_group(&json!("5")),
            json!({"condition_type": 2, "conditions": [{"conditions": [leaf(true)]}, []]}),
            one_group(&json!({"conditions": [leaf(true), "text"]})),
        ] {
            assert_eq!(answer(&tree), Err(LetsIn), "{tree}");
            let problems = compiled(&tree).1;
            assert_eq!(problems.count(), 1);
            assert_eq!(problems.first()[0].consequence, Consequence::LetsIn);
        }
        // An earlier condition decides before the one that cannot be evaluated is reached.
        let group = json!({"conditions": [leaf(false), "text"]});
        assert_eq!(answer(&one_group(&group)), Ok(false));
    }

    #[test]
    fn what_is_not_known_matches_nobody() {
        for tree in [
            json!(5),
            json!({"conditions": null}),
            one_group(&json!(true)),
            one_group(&json!({"conditions": "[]"})),
            one_group(&json!({"conditions": [7, "text"]})),
        ] {
            assert_eq!(answer(&tree), Ok(false), "{tree}");
            let (_, problems) = compiled(&tree);
            assert_eq!(problems.first()[0].consequence, Consequence::NeverMatches);
        }
    }

    #[test]
    fn a_group_in_the_place_of_a_condition_is_false() {
        let inner = json!({"condition_type": 1, "conditions": [leaf(true)]});
        let group = json!({"condition_type": 1, "conditions": [inner]});
        assert_eq!(answer(&one_group(&group)), Ok(false));
    }
}
