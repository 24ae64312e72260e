//! Searching: each place once where no group matters, else going back a limited number of times.
//! Neither visits more than a fixed number of places in all.

use super::Search;
use super::parse::Anchor;
use super::program::{Instruction, Program};
use super::set::{Case, Category, CharacterSet, lower_character};

/// How many places of the program and the text a search may visit: some 50 to 100 milliseconds.
const MOST_VISITS: usize = 10_000_000;
/// How often a search that refers to groups may go back, and how often more for each byte.
const MOST_RETURNS: usize = 10_000;
const RETURNS_PER_BYTE: usize = 10;

/// It would take too long.
struct TooLong;

/// Searches for a program in a text.
pub(super) fn search(program: &Program, text: &str) -> Search {
    let text = Text {
        characters: text.chars().collect(),
        bytes: text.len(),
    };
    let found = if program.keeps_groups {
        Returning::new(program, &text).search()
    } else {
        Visiting::new(program, &text).and_then(|mut visiting| visiting.search())
    };
    match found {
        Ok(true) => Search::Found,
        Ok(false) => Search::NotFound,
        Err(TooLong) => Search::GivenUp,
    }
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
    visits: usize,
}

impl<'a> Visiting<'a> {
    fn new(program: &'a Program, text: &'a Text) -> Result<Self, TooLong> {
        let bits = program.instructions.len() * (text.len() + 1);
        if bits > 64 * MOST_VISITS {
            return Err(TooLong);
        }
        Ok(Self {
            program,
            text,
            visited: vec![0; bits.div_ceil(64)],
            visits: 0,
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
        let mut choices = vec![(start, place)];
        let mut touched = Vec::new();
        while let Some((mut at, mut place)) = choices.pop() {
            while let Some(bit) = self.visit(at, place)? {
                touched.push(bit);
                let Some(&instruction) = self.program.instructions.get(at) else {
                    break;
                };
                match instruction {
                    Instruction::Accept => {
                        // What led here may lead here again; the rest of what was visited is
                        // not known to fail either.
                        for bit in touched {
                            self.forget(bit);
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
                        choices.push((second, place));
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
        self.visits += 1;
        if self.visits > MOST_VISITS {
            return Err(TooLong);
        }
        Ok(Some(bit))
    }

    fn forget(&mut self, bit: usize) {
        if let Some(word) = self.visited.get_mut(bit / 64) {
            *word &= !(1 << (bit % 64));
        }
    }
}

/// What is to be done where a way leads nowhere.
enum Return {
    /// Try this instruction at this place.
    Choice(usize, usize),
    /// Put back what a slot held.
    Slot(usize, Option<usize>),
    Round(usize, usize),
}

/// A search that goes back, with what the groups took on the way.
struct Returning<'a> {
    program: &'a Program,
    text: &'a Text,
    /// Start and end of each group.
    slots: Vec<Option<usize>>,
    /// Where the round of each loop started.
    rounds: Vec<usize>,
    returns: Vec<Return>,
    returned: usize,
    most_returns: usize,
    visits: usize,
}

impl<'a> Returning<'a> {
    fn new(program: &'a Program, text: &'a Text) -> Self {
        Self {
            program,
            text,
            slots: vec![None; 2 * program.groups],
            rounds: vec![usize::MAX; program.loops],
            returns: Vec::new(),
            returned: 0,
            most_returns: MOST_RETURNS + RETURNS_PER_BYTE * text.bytes,
            visits: 0,
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

    /// Going back is not all that takes time: a part that is matched on its own goes over the text
    /// without ever going back, and a reference compares what may be long.
    fn count_visits(&mut self, visits: usize) -> Result<(), TooLong> {
        self.visits = self.visits.saturating_add(visits);
        if self.visits > MOST_VISITS {
            return Err(TooLong);
        }
        Ok(())
    }

    /// Where the first match of the part from this instruction at this place ends. What the
    /// groups took is kept where there is one, and put back where there is none.
    fn run(&mut self, start: usize, place: usize) -> Result<Option<usize>, TooLong> {
        let bottom = self.returns.len();
        self.returns.push(Return::Choice(start, place));
        while self.returns.len() > bottom {
            match self.returns.pop() {
                Some(Return::Choice(at, place)) => {
                    if let Some(end) = self.follow(at, place)? {
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
            self.count_visits(1)?;
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
                    self.returns.push(Return::Choice(second, place));
                    at = first;
                }
                Instruction::Jump(target) => at = target,
                Instruction::Save(slot) => self.save(slot, place),
                Instruction::StartRound(round) => self.start_round(round, place),
                Instruction::LeaveIfIdle(round, end) => {
                    if self.rounds.get(round) == Some(&place) {
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
        let start = self.slots.get(2 * group).copied().flatten()?;
        let end = self.slots.get(2 * group + 1).copied().flatten()?;
        (start <= end).then_some((start, end))
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
        self.count_visits(same)?;
        Ok((same == taken.len()).then_some(place + same))
    }

    fn save(&mut self, slot: usize, place: usize) {
        if let Some(held) = self.slots.get_mut(slot) {
            self.returns.push(Return::Slot(slot, *held));
            *held = Some(place);
        }
    }

    fn start_round(&mut self, round: usize, place: usize) {
        if let Some(started) = self.rounds.get_mut(round) {
            self.returns.push(Return::Round(round, *started));
            *started = place;
        }
    }

    fn put_back(&mut self, returned: &Return) {
        match *returned {
            Return::Choice(..) => {}
            Return::Slot(slot, held) => {
                if let Some(slot) = self.slots.get_mut(slot) {
                    *slot = held;
                }
            }
            Return::Round(round, started) => {
                if let Some(round) = self.rounds.get_mut(round) {
                    *round = started;
                }
            }
        }
    }

    /// Gives up the choices since then, and keeps what is to be put back.
    fn keep_only_slots(&mut self, bottom: usize) -> Result<(), TooLong> {
        self.count_visits(self.returns.len() - bottom)?;
        let kept: Vec<Return> = self
            .returns
            .drain(bottom..)
            .filter(|one| !matches!(one, Return::Choice(..)))
            .collect();
        self.returns.extend(kept);
        Ok(())
    }
}
