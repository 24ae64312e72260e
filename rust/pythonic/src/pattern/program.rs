//! From a parsed pattern to the steps of a search.

use std::collections::HashMap;

use super::PatternError;
use super::node::{Anchor, Classes, Leaf, Node, Parsed, Repetition};
use super::set::{self, Case, CharacterSet};

/// How long a program may be: repetitions are written out.
const MOST_INSTRUCTIONS: usize = 10_000;
/// How many nodes may be written out: a group of nothing takes no instruction, but time.
const MOST_NODES: usize = 1_000_000;

const TOO_LARGE: PatternError = PatternError::Unsupported("a pattern as large");

/// A step of a search.
#[derive(Clone, Copy, Debug)]
pub(super) enum Instruction {
    /// Takes a character of this set.
    Take(usize),
    /// Goes on where this anchor holds.
    At(Anchor),
    /// Goes on at the first, and where that fails at the second.
    Split(usize, usize),
    /// Goes on there.
    Jump(usize),
    /// Keeps the place as this end of a group.
    Save(usize),
    /// Keeps the place where a round of a loop starts.
    StartRound(usize),
    /// Leaves a loop whose round took nothing, to there.
    LeaveIfIdle(usize, usize),
    /// Looks whether what follows, up to `Accept`, matches there; goes on at `next`.
    Look {
        is_negated: bool,
        /// How far back to start; None: ahead.
        back: Option<usize>,
        next: usize,
    },
    /// Takes the first match of what follows, up to `Accept`, and no other; goes on at `next`.
    Atomic { next: usize },
    /// Takes what a group took.
    Reference(usize, Case),
    /// Goes on at the next instruction where a group took part, and there where it did not.
    Condition { group: usize, otherwise: usize },
    /// The end of the pattern, or of the part that a look or an atomic group is about.
    Accept,
}

/// A pattern as instructions.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) instructions: Box<[Instruction]>,
    pub(super) sets: Box<[CharacterSet]>,
    /// Whether what a group took matters later.
    pub(super) keeps_groups: bool,
    /// Whether parts of it are matched on their own: looks and atomic groups.
    pub(super) has_parts: bool,
    /// Whether it can match at the start of the text only.
    pub(super) is_anchored: bool,
    pub(super) groups: usize,
    pub(super) loops: usize,
}

impl Program {
    /// Writes the program of a pattern.
    ///
    /// # Errors
    ///
    /// `Unsupported` where it would be too long.
    pub(super) fn compile(parsed: &Parsed) -> Result<Self, PatternError> {
        let mut writer = Writer {
            instructions: Vec::new(),
            sets: Vec::new(),
            leaves: HashMap::new(),
            classes: &parsed.classes,
            nodes: 0,
            keeps_groups: keeps_groups(&parsed.root),
            loops: 0,
        };
        writer.write(&parsed.root)?;
        writer.push(Instruction::Accept)?;
        Ok(Self {
            is_anchored: matches!(
                writer.instructions.first(),
                Some(Instruction::At(Anchor::Start))
            ),
            has_parts: writer.instructions.iter().any(|instruction| {
                matches!(
                    instruction,
                    Instruction::Look { .. } | Instruction::Atomic { .. }
                )
            }),
            instructions: writer.instructions.into(),
            sets: writer.sets.into(),
            keeps_groups: writer.keeps_groups,
            groups: parsed.groups,
            loops: writer.loops,
        })
    }
}

struct Writer<'p> {
    instructions: Vec<Instruction>,
    sets: Vec<CharacterSet>,
    /// The leaves whose sets were made, so that a repetition does not make them again.
    leaves: HashMap<Leaf, usize>,
    classes: &'p Classes,
    /// How many nodes were written.
    nodes: usize,
    keeps_groups: bool,
    loops: usize,
}

impl Writer<'_> {
    fn push(&mut self, instruction: Instruction) -> Result<usize, PatternError> {
        if self.instructions.len() >= MOST_INSTRUCTIONS {
            return Err(TOO_LARGE);
        }
        self.instructions.push(instruction);
        Ok(self.instructions.len() - 1)
    }

    fn here(&self) -> usize {
        self.instructions.len()
    }

    fn put(&mut self, at: usize, instruction: Instruction) {
        if let Some(place) = self.instructions.get_mut(at) {
            *place = instruction;
        }
    }

    fn write(&mut self, node: &Node) -> Result<(), PatternError> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(TOO_LARGE);
        }
        match node {
            Node::Leaf(leaf) => {
                let set = self.set_of(*leaf);
                self.push(Instruction::Take(set))?;
            }
            Node::At(anchor) => {
                self.push(Instruction::At(*anchor))?;
            }
            Node::Sequence(nodes) => {
                for node in nodes {
                    self.write(node)?;
                }
            }
            Node::Branch(branches) => self.write_branch(branches)?,
            Node::Repeat {
                node,
                least,
                most,
                kind: Repetition::Possessive,
            } => {
                let atomic = self.push(Instruction::Accept)?;
                // Every round is final, not only all of them together.
                let round = Node::Atomic(node.clone());
                self.write_repeat(&round, *least, *most, true)?;
                self.finish_part(atomic, |next| Instruction::Atomic { next })?;
            }
            Node::Repeat {
                node,
                least,
                most,
                kind,
            } => self.write_repeat(node, *least, *most, *kind == Repetition::Greedy)?,
            Node::Group(Some(group), node) if self.keeps_groups => {
                self.push(Instruction::Save(2 * group))?;
                self.write(node)?;
                self.push(Instruction::Save(2 * group + 1))?;
            }
            Node::Group(_, node) => self.write(node)?,
            Node::Atomic(node) => {
                let atomic = self.push(Instruction::Accept)?;
                self.write(node)?;
                self.finish_part(atomic, |next| Instruction::Atomic { next })?;
            }
            Node::Look {
                is_ahead,
                is_negated,
                width,
                node,
            } => {
                let look = self.push(Instruction::Accept)?;
                self.write(node)?;
                let back = (!is_ahead).then_some(*width);
                self.finish_part(look, |next| Instruction::Look {
                    is_negated: *is_negated,
                    back,
                    next,
                })?;
            }
            Node::Reference(group, case) => {
                self.push(Instruction::Reference(*group, *case))?;
            }
            Node::Conditional { group, yes, no } => {
                self.write_conditional(*group, yes, no.as_deref())?;
            }
        }
        Ok(())
    }

    /// Ends a part that is matched on its own, and puts its instruction in front of it.
    fn finish_part(
        &mut self,
        start: usize,
        instruction: impl Fn(usize) -> Instruction,
    ) -> Result<(), PatternError> {
        self.push(Instruction::Accept)?;
        let next = self.here();
        self.put(start, instruction(next));
        Ok(())
    }

    fn write_branch(&mut self, branches: &[Node]) -> Result<(), PatternError> {
        let mut jumps = Vec::with_capacity(branches.len());
        for (index, branch) in branches.iter().enumerate() {
            if index + 1 == branches.len() {
                self.write(branch)?;
                break;
            }
            let split = self.push(Instruction::Accept)?;
            self.write(branch)?;
            jumps.push(self.push(Instruction::Accept)?);
            let second = self.here();
            self.put(split, Instruction::Split(split + 1, second));
        }
        let end = self.here();
        for jump in jumps {
            self.put(jump, Instruction::Jump(end));
        }
        Ok(())
    }

    fn write_repeat(
        &mut self,
        node: &Node,
        least: u64,
        most: Option<u64>,
        is_greedy: bool,
    ) -> Result<(), PatternError> {
        for _ in 0..least {
            let before = self.here();
            self.write(node)?;
            if self.here() == before {
                // What is nothing once is nothing any number of times.
                return Ok(());
            }
        }
        let Some(most) = most else {
            return self.write_loop(node, is_greedy);
        };
        let mut splits = Vec::new();
        for _ in least..most {
            splits.push(self.push(Instruction::Accept)?);
            let before = self.here();
            self.write(node)?;
            if self.here() == before {
                break;
            }
        }
        let end = self.here();
        for split in splits {
            self.put(split, either(split + 1, end, is_greedy));
        }
        Ok(())
    }

    fn write_loop(&mut self, node: &Node, is_greedy: bool) -> Result<(), PatternError> {
        let split = self.push(Instruction::Accept)?;
        // Only a search that goes back needs to be told to leave a loop that takes nothing; the
        // other one comes to no place twice.
        let round = self.keeps_groups.then_some(self.loops);
        if let Some(round) = round {
            self.loops += 1;
            self.push(Instruction::StartRound(round))?;
        }
        self.write(node)?;
        let idle = match round {
            Some(round) => Some((self.push(Instruction::Accept)?, round)),
            None => None,
        };
        self.push(Instruction::Jump(split))?;
        let end = self.here();
        if let Some((idle, round)) = idle {
            self.put(idle, Instruction::LeaveIfIdle(round, end));
        }
        self.put(split, either(split + 1, end, is_greedy));
        Ok(())
    }

    fn write_conditional(
        &mut self,
        group: usize,
        yes: &Node,
        no: Option<&Node>,
    ) -> Result<(), PatternError> {
        let condition = self.push(Instruction::Accept)?;
        self.write(yes)?;
        let otherwise = match no {
            None => self.here(),
            Some(no) => {
                let jump = self.push(Instruction::Accept)?;
                let otherwise = self.here();
                self.write(no)?;
                let end = self.here();
                self.put(jump, Instruction::Jump(end));
                otherwise
            }
        };
        self.put(condition, Instruction::Condition { group, otherwise });
        Ok(())
    }

    fn set_of(&mut self, leaf: Leaf) -> usize {
        if let Some(&known) = self.leaves.get(&leaf) {
            return known;
        }
        let set = match leaf {
            Leaf::Literal(code, case) => set::literal(code, case),
            Leaf::NotLiteral(code, case) => set::all_but_literal(code, case),
            Leaf::Class(number) => self
                .classes
                .get(number)
                .map_or_else(CharacterSet::default, |class| {
                    set::class(&class.items, class.is_negated, class.case)
                }),
            Leaf::Any { matches_line_feed } => set::any(matches_line_feed),
        };
        self.sets.push(set);
        let index = self.sets.len() - 1;
        self.leaves.insert(leaf, index);
        index
    }
}

/// A choice between going on and leaving, in the order of preference.
fn either(go_on: usize, leave: usize, is_greedy: bool) -> Instruction {
    if is_greedy {
        Instruction::Split(go_on, leave)
    } else {
        Instruction::Split(leave, go_on)
    }
}

/// Whether anything in the pattern asks what a group took.
fn keeps_groups(node: &Node) -> bool {
    match node {
        Node::Reference(..) | Node::Conditional { .. } => true,
        Node::Sequence(nodes) | Node::Branch(nodes) => nodes.iter().any(keeps_groups),
        Node::Repeat { node, .. }
        | Node::Group(_, node)
        | Node::Atomic(node)
        | Node::Look { node, .. } => keeps_groups(node),
        Node::Leaf(_) | Node::At(_) => false,
    }
}
