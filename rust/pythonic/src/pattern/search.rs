//! Searching: each place once where no group matters, else going back a limited number of times.
//! Both take every step from a budget.

use super::Search;
use super::budget::{Budget, TooLong};
use super::node::Anchor;
use super::program::{Instruction, Program};
use super::set::{Case, Category, CharacterSet, lower_character};

/// The longest text that is searched, in bytes; a copy of it takes four times as much.
const LONGEST_TEXT: usize = 1 << 20;
/// The most places of program and text together, each of which takes a bit: 16 MiB.
const MOST_PLACES: usize = 1 << 27;
/// How often a search that refers to groups may go back, and how often more for each byte.
const MOST_RETURNS: usize = 10_000;
const RETURNS_PER_BYTE: usize = 10;

/// Searches for a program in a text.
pub(super) fn search(program: &Program, text: &str, budget: &Budget) -> Search {
    match find(program, text, budget) {
        Ok(true) => Search::Found,
        Ok(false) => Search::NotFound,
        Err(TooLong) => Search::GivenUp,
    }
}

fn find(program: &Program, text: &str, budget: &Budget) -> Result<bool, TooLong> {
    if text.len() > LONGEST_TEXT {
        return Err(TooLong);
    }
    budget.spend_on_bytes(text.len())?;
    let text = Text {
        characters: text.chars().collect(),
        bytes: text.len(),
    };
    if program.keeps_groups {
        return Returning::new(program, &text, budget).search();
    }
    Visiting::new(program, &text, budget)?.search()
}

/// Stands for no place.
const NOWHERE: u32 = u32::MAX;

/// A place of the program or of the text, each of which has about a million at most.
fn small(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

struct Text {
    characters: Vec<char>,
    bytes: usize,
}

impl Text {
    fn len(&self) -> usize {
        self.characters.len()
    }

    fn at(&self, place: usize) -> Option<char> {
        self.characters.get(place).copied()
    }

    fn before(&self, place: usize) -> Option<char> {
        self.at(place.checked_sub(1)?)
    }

    fn holds(&self, anchor: Anchor, place: usize) -> bool {
        let end = self.len();
        match anchor {
            Anchor::Start => place == 0,
            Anchor::StartOfLine => place == 0 || self.before(place) == Some('\n'),
            Anchor::End => place == end || (place + 1 == end && self.at(place) == Some('\n')),
            Anchor::EndOfLine => place == end || self.at(place) == Some('\n'),
            Anchor::VeryEnd => place == end,
            // In an empty text there is neither, for Python 3.11.
            Anchor::Boundary { is_ascii } => end != 0 && self.is_boundary(place, is_ascii),
            Anchor::NotBoundary { is_ascii } => end != 0 && !self.is_boundary(place, is_ascii),
        }
    }

    fn is_boundary(&self, place: usize, is_ascii: bool) -> bool {
        let is_word = |character: Option<char>| {
            character.is_some_and(|character| is_word_character(character, is_ascii))
        };
        is_word(self.before(place)) != is_word(self.at(place))
    }
}

fn is_word_character(character: char, is_ascii: bool) -> bool {
    if character.is_ascii() {
        return character.is_ascii_alphanumeric() || character == '_';
    }
    !is_ascii && Category::Word.holds(character)
}

fn takes(sets: &[CharacterSet], set: usize, character: Option<char>) -> bool {
    match (sets.get(set), character) {
        (Some(set), Some(character)) => set.contains(character),
        _ => false,
    }
}

/// Whether a set of characters holds between a place and what was visited there.
struct Visiting<'a> {
    program: &'a Program,
    text: &'a Text,
    /// One bit for each instruction at each place: known to lead nowhere, or on the way.
    visited: Vec<u64>,
    budget: &'a Budget,
}

impl<'a> Visiting<'a> {
    fn new(program: &'a Program, text: &'a Text, budget: &'a Budget) -> Result<Self, TooLong> {
        let places = program.instructions.len() * (text.len() + 1);
        if places > MOST_PLACES {
            return Err(TooLong);
        }
        let words = places.div_ceil(64);
        budget.spend_on_words(words)?;
        Ok(Self {
            program,
            text,
            visited: vec![0; words],
            budget,
        })
    }

    fn search(&mut self) -> Result<bool, TooLong> {
        let last_start = if self.program.is_anchored {
            0
        } else {
            self.text.len()
        };
        for start in 0..=last_start {
            if self.run(0, start)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Where the first match of the part from this instruction at this place ends.
    fn run(&mut self, start: usize, place: usize) -> Result<Option<usize>, TooLong> {
        let mut choices = vec![(small(start), small(place))];
        let mut touched: Vec<u32> = Vec::new();
        // What the whole pattern visited is of no use once it is found.
        let is_part = start != 0;
        while let Some((at, place)) = choices.pop() {
            let (mut at, mut place) = (at as usize, place as usize);
            while let Some(bit) = self.visit(at, place)? {
                if is_part {
                    touched.push(small(bit));
                }
                let Some(&instruction) = self.program.instructions.get(at) else {
                    break;
                };
                match instruction {
                    Instruction::Accept => {
                        // What led here may lead here again; the rest of what was visited is
                        // not known to fail either.
                        for bit in touched {
                            self.forget(bit as usize);
                        }
                        return Ok(Some(place));
                    }
                    Instruction::Take(set) => {
                        if !takes(&self.program.sets, set, self.text.at(place)) {
                            break;
                        }
                        place += 1;
                        at += 1;
                    }
                    Instruction::At(anchor) => {
                        if !self.text.holds(anchor, place) {
                            break;
                        }
                        at += 1;
                    }
                    Instruction::Split(first, second) => {
                        self.budget.spend(1)?;
                        choices.push((small(second), small(place)));
                        at = first;
                    }
                    Instruction::Jump(target) => at = target,
                    Instruction::Look {
                        is_negated,
                        back,
                        next,
                    } => {
                        if self.looks(at + 1, place, back)? == is_negated {
                            break;
                        }
                        at = next;
                    }
                    Instruction::Atomic { next } => match self.run(at + 1, place)? {
                        Some(end) => {
                            place = end;
                            at = next;
                        }
                        None => break,
                    },
                    // These are written only where groups matter.
                    Instruction::Save(_)
                    | Instruction::StartRound(_)
                    | Instruction::LeaveIfIdle(..)
                    | Instruction::Reference(..)
                    | Instruction::Condition { .. } => at += 1,
                }
            }
        }
        Ok(None)
    }

    fn looks(&mut self, part: usize, place: usize, back: Option<usize>) -> Result<bool, TooLong> {
        match place.checked_sub(back.unwrap_or(0)) {
            Some(start) => Ok(self.run(part, start)?.is_some()),
            None => Ok(false),
        }
    }

    /// Marks an instruction at a place; None where it was marked already.
    fn visit(&mut self, at: usize, place: usize) -> Result<Option<usize>, TooLong> {
        let bit = at * (self.text.len() + 1) + place;
        let Some(word) = self.visited.get_mut(bit / 64) else {
            return Ok(None);
        };
        let mask = 1 << (bit % 64);
        if *word & mask != 0 {
            return Ok(None);
        }
        *word |= mask;
        self.budget.spend(1)?;
        Ok(Some(bit))
    }

    fn forget(&mut self, bit: usize) {
        if let Some(word) = self.visited.get_mut(bit / 64) {
            *word &= !(1 << (bit % 64));
        }
    }
}

/// The steps to take if a path fails.
enum Return {
    /// Try this instruction at this place.
    Choice(u32, u32),
    /// Put back what a slot held.
    Slot(u32, u32),
    Round(u32, u32),
}

/// A search that goes back, with what the groups took on the way.
struct Returning<'a> {
    program: &'a Program,
    text: &'a Text,
    /// Start and end of each group.
    slots: Vec<u32>,
    /// Where the round of each loop started.
    rounds: Vec<u32>,
    returns: Vec<Return>,
    returned: usize,
    most_returns: usize,
    budget: &'a Budget,
}

impl<'a> Returning<'a> {
    fn new(program: &'a Program, text: &'a Text, budget: &'a Budget) -> Self {
        Self {
            program,
            text,
            slots: vec![NOWHERE; 2 * program.groups],
            rounds: vec![NOWHERE; program.loops],
            returns: Vec::new(),
            returned: 0,
            most_returns: MOST_RETURNS + RETURNS_PER_BYTE * text.bytes,
            budget,
        }
    }

    fn search(&mut self) -> Result<bool, TooLong> {
        let last_start = if self.program.is_anchored {
            0
        } else {
            self.text.len()
        };
        for start in 0..=last_start {
            if self.run(0, start)?.is_some() {
                return Ok(true);
            }
            self.count_return()?;
        }
        Ok(false)
    }

    fn count_return(&mut self) -> Result<(), TooLong> {
        self.returned += 1;
        if self.returned > self.most_returns {
            return Err(TooLong);
        }
        Ok(())
    }

    /// Where the first match of the part from this instruction at this place ends. What the
    /// groups took is kept where there is one, and put back where there is none.
    fn run(&mut self, start: usize, place: usize) -> Result<Option<usize>, TooLong> {
        let bottom = self.returns.len();
        self.returns
            .push(Return::Choice(small(start), small(place)));
        while self.returns.len() > bottom {
            match self.returns.pop() {
                Some(Return::Choice(at, place)) => {
                    if let Some(end) = self.follow(at as usize, place as usize)? {
                        self.keep_only_slots(bottom)?;
                        return Ok(Some(end));
                    }
                    self.count_return()?;
                }
                Some(other) => self.put_back(&other),
                None => break,
            }
        }
        Ok(None)
    }

    /// Follows one way to its end: accepted there, or leading nowhere.
    fn follow(&mut self, at: usize, place: usize) -> Result<Option<usize>, TooLong> {
        let (mut at, mut place) = (at, place);
        while let Some(&instruction) = self.program.instructions.get(at) {
            // Going back is not all that takes time: a part that is matched on its own goes over the
            // text without ever going back, and a reference compares what may be long.
            self.budget.spend(1)?;
            at += 1;
            match instruction {
                Instruction::Accept => return Ok(Some(place)),
                Instruction::Take(set) => {
                    if !takes(&self.program.sets, set, self.text.at(place)) {
                        return Ok(None);
                    }
                    place += 1;
                }
                Instruction::At(anchor) => {
                    if !self.text.holds(anchor, place) {
                        return Ok(None);
                    }
                }
                Instruction::Split(first, second) => {
                    self.budget.spend(1)?;
                    self.returns
                        .push(Return::Choice(small(second), small(place)));
                    at = first;
                }
                Instruction::Jump(target) => at = target,
                Instruction::Save(slot) => self.save(slot, place)?,
                Instruction::StartRound(round) => self.start_round(round, place)?,
                Instruction::LeaveIfIdle(round, end) => {
                    if self.rounds.get(round) == Some(&small(place)) {
                        at = end;
                    }
                }
                Instruction::Look {
                    is_negated,
                    back,
                    next,
                } => {
                    if self.looks(at, place, back, is_negated)? == is_negated {
                        return Ok(None);
                    }
                    at = next;
                }
                Instruction::Atomic { next } => match self.run(at, place)? {
                    Some(end) => {
                        place = end;
                        at = next;
                    }
                    None => return Ok(None),
                },
                Instruction::Reference(group, case) => match self.refer(group, case, place)? {
                    Some(end) => place = end,
                    None => return Ok(None),
                },
                Instruction::Condition { group, otherwise } => {
                    if self.taken_by(group).is_none() {
                        at = otherwise;
                    }
                }
            }
        }
        Ok(None)
    }

    fn looks(
        &mut self,
        part: usize,
        place: usize,
        back: Option<usize>,
        is_negated: bool,
    ) -> Result<bool, TooLong> {
        let Some(start) = place.checked_sub(back.unwrap_or(0)) else {
            return Ok(false);
        };
        let bottom = self.returns.len();
        let found = self.run(part, start)?.is_some();
        if is_negated {
            // What its groups took is of no account.
            while self.returns.len() > bottom {
                if let Some(last) = self.returns.pop() {
                    self.put_back(&last);
                }
            }
        }
        Ok(found)
    }

    /// The start and end of what a group took.
    fn taken_by(&self, group: usize) -> Option<(usize, usize)> {
        let place = |slot: usize| self.slots.get(slot).filter(|&&place| place != NOWHERE);
        let (&start, &end) = (place(2 * group)?, place(2 * group + 1)?);
        (start <= end).then_some((start as usize, end as usize))
    }

    /// Where what the group took ends when it stands here too.
    fn refer(&mut self, group: usize, case: Case, place: usize) -> Result<Option<usize>, TooLong> {
        let Some((start, end)) = self.taken_by(group) else {
            return Ok(None);
        };
        let text = self.text;
        let taken = text.characters.get(start..end).unwrap_or_default();
        let Some(here) = text.characters.get(place..place + taken.len()) else {
            return Ok(None);
        };
        let same = taken
            .iter()
            .zip(here)
            .take_while(|&(&one, &other)| {
                one == other || lower_character(one, case) == lower_character(other, case)
            })
            .count();
        self.budget.spend(same)?;
        Ok((same == taken.len()).then_some(place + same))
    }

    fn save(&mut self, slot: usize, place: usize) -> Result<(), TooLong> {
        self.budget.spend(1)?;
        if let Some(held) = self.slots.get_mut(slot) {
            self.returns.push(Return::Slot(small(slot), *held));
            *held = small(place);
        }
        Ok(())
    }

    fn start_round(&mut self, round: usize, place: usize) -> Result<(), TooLong> {
        self.budget.spend(1)?;
        if let Some(started) = self.rounds.get_mut(round) {
            self.returns.push(Return::Round(small(round), *started));
            *started = small(place);
        }
        Ok(())
    }

    fn put_back(&mut self, returned: &Return) {
        match *returned {
            Return::Choice(..) => {}
            Return::Slot(slot, held) => {
                if let Some(slot) = self.slots.get_mut(slot as usize) {
                    *slot = held;
                }
            }
            Return::Round(round, started) => {
                if let Some(round) = self.rounds.get_mut(round as usize) {
                    *round = started;
                }
            }
        }
    }

    /// Gives up the choices since then, and keeps what is to be put back.
    fn keep_only_slots(&mut self, bottom: usize) -> Result<(), TooLong> {
        self.budget.spend(self.returns.len() - bottom)?;
        let kept: Vec<Return> = self
            .returns
            .drain(bottom..)
            .filter(|one| !matches!(one, Return::Choice(..)))
            .collect();
        self.returns.extend(kept);
        Ok(())
    }
}
