//! The parts of a parsed pattern.

use std::collections::HashMap;
use std::rc::Rc;

use super::set::{Case, Item};

const MOST_WIDTH: u128 = 1 << 64;

/// A parsed pattern.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) root: Node,
    pub(super) groups: usize,
    pub(super) classes: Classes,
}

/// A node of a pattern.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Leaf(Leaf),
    At(Anchor),
    Sequence(Vec<Node>),
    Branch(Vec<Node>),
    Repeat {
        node: Box<Node>,
        least: u64,
        /// None: no upper bound.
        most: Option<u64>,
        kind: Repetition,
    },
    /// A group; without a number it only holds its flags together.
    Group(Option<usize>, Box<Node>),
    Atomic(Box<Node>),
    Look {
        is_ahead: bool,
        is_negated: bool,
        /// How far back a look behind starts.
        width: usize,
        node: Box<Node>,
    },
    Reference(usize, Case),
    Conditional {
        group: usize,
        yes: Box<Node>,
        no: Option<Box<Node>>,
    },
}

/// The nodes that match one character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Leaf {
    Literal(u32, Case),
    NotLiteral(u32, Case),
    /// The class of this number among the pattern's.
    Class(usize),
    Any {
        matches_line_feed: bool,
    },
}

/// A class in brackets.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Class {
    /// Each once, in the pattern's order.
    pub(super) items: Vec<Item>,
    pub(super) is_negated: bool,
    pub(super) case: Case,
}

/// The classes of a pattern, each once, by number: so they are compared at no cost, however large.
#[derive(Debug, Default)]
pub(super) struct Classes {
    by_number: Vec<Rc<Class>>,
    numbers: HashMap<Rc<Class>, usize>,
}

impl Classes {
    /// The number of this class.
    pub(super) fn number(&mut self, class: Class) -> usize {
        if let Some(&known) = self.numbers.get(&class) {
            return known;
        }
        let (class, number) = (Rc::new(class), self.by_number.len());
        self.by_number.push(Rc::clone(&class));
        self.numbers.insert(class, number);
        number
    }

    pub(super) fn get(&self, number: usize) -> Option<&Class> {
        self.by_number.get(number).map(Rc::as_ref)
    }
}

/// A place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    StartOfLine,
    /// The end, or before a line feed that ends the text.
    End,
    EndOfLine,
    VeryEnd,
    Boundary {
        is_ascii: bool,
    },
    NotBoundary {
        is_ascii: bool,
    },
}

/// How a repetition goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repetition {
    Greedy,
    Lazy,
    Possessive,
}

/// The smallest and largest number of characters that a node takes up.
pub(super) type Width = (u128, u128);

impl Node {
    /// How many characters the node takes up, where the groups before it take up this much.
    pub(super) fn width(&self, groups: &[Option<Width>]) -> Width {
        let (least, most) = match self {
            Node::Leaf(_) => (1, 1),
            Node::At(_) | Node::Look { .. } => (0, 0),
            Node::Sequence(nodes) => nodes
                .iter()
                .map(|node| node.width(groups))
                .fold((0, 0), |sum, width| (sum.0 + width.0, sum.1 + width.1)),
            Node::Branch(branches) => branches
                .iter()
                .map(|branch| branch.width(groups))
                .reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
                .unwrap_or((0, 0)),
            Node::Repeat {
                node, least, most, ..
            } => {
                let width = node.width(groups);
                let most = match most {
                    Some(most) => width.1 * u128::from(*most),
                    None if width.1 == 0 => 0,
                    None => MOST_WIDTH,
                };
                (width.0 * u128::from(*least), most)
            }
            Node::Group(_, node) | Node::Atomic(node) => node.width(groups),
            Node::Reference(group, _) => groups.get(*group).copied().flatten().unwrap_or((0, 0)),
            Node::Conditional { yes, no, .. } => {
                let yes = yes.width(groups);
                match no {
                    Some(no) => {
                        let no = no.width(groups);
                        (yes.0.min(no.0), yes.1.max(no.1))
                    }
                    None => (0, yes.1),
                }
            }
        };
        (least.min(MOST_WIDTH), most.min(MOST_WIDTH))
    }
}
