//! Rearranging what was read, as Python does before it compiles.

use super::class::distinct;
use super::node::{Class, Classes, Leaf, Node};
use super::set::{Case, Item};

/// Groups without number and flags only hold their content together, and do so no longer.
pub(super) fn unpacked(nodes: Vec<Node>) -> Vec<Node> {
    let mut flat = Vec::with_capacity(nodes.len());
    for node in nodes {
        match node {
            Node::Group(None, inner) => match *inner {
                Node::Sequence(inner) => flat.extend(inner),
                other => flat.push(other),
            },
            other => flat.push(other),
        }
    }
    flat
}

/// Alternatives as Python rearranges them: a common beginning goes in front, and single
/// characters become a class, which compares them in its own way.
pub(super) fn simplified(mut branches: Vec<Vec<Node>>, classes: &mut Classes) -> Vec<Node> {
    let common = common_beginning(&branches);
    let mut nodes: Vec<Node> = Vec::with_capacity(common + 1);
    for (index, branch) in branches.iter_mut().enumerate() {
        let beginning = branch.drain(..common);
        if index == 0 {
            nodes.extend(beginning);
        }
    }
    if let Some(class) = as_class(&branches, classes) {
        nodes.push(Node::Leaf(Leaf::Class(classes.number(class))));
    } else {
        nodes.push(Node::Branch(
            branches.into_iter().map(Node::Sequence).collect(),
        ));
    }
    nodes
}

/// How many nodes all branches begin with.
fn common_beginning(branches: &[Vec<Node>]) -> usize {
    let Some((first, others)) = branches.split_first() else {
        return 0;
    };
    let simple = first
        .iter()
        .take_while(|node| matches!(node, Node::Leaf(_) | Node::At(_) | Node::Reference(..)));
    let mut common = simple.count();
    for other in others {
        let same = first.iter().zip(other).take(common);
        common = same.take_while(|(one, other)| one == other).count();
    }
    common
}

fn as_class(branches: &[Vec<Node>], classes: &Classes) -> Option<Class> {
    let mut items: Vec<Item> = Vec::new();
    let mut common = Case::Exact;
    for branch in branches {
        match branch.as_slice() {
            [Node::Leaf(Leaf::Literal(code, case))] => {
                common = *case;
                items.push(Item::Literal(*code));
            }
            [Node::Leaf(Leaf::Class(number))] => {
                let class = classes.get(*number).filter(|class| !class.is_negated)?;
                common = class.case;
                items.extend(&class.items);
            }
            _ => return None,
        }
    }
    Some(Class {
        items: distinct(items),
        is_negated: false,
        case: common,
    })
}
