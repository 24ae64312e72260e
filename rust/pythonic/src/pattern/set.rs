//! Sets of characters: the classes of patterns, and comparing without regard to case.

use crate::unicode::{DIGIT_ZEROS, HAS_CASE, LOWERCASE, SAME_UPPERCASE, SPACES, WORD};

const LAST: u32 = 0x10_ffff;
const LAST_OF_BASIC_PLANE: u32 = 0xffff;
/// `İ`, whose only lower-case character is `i`, though `str.lower` gives two.
const CAPITAL_I_WITH_DOT: (u32, u32) = (0x130, 0x69);
const ASCII_WORD: &[(u32, u32)] = &[(0x30, 0x39), (0x41, 0x5a), (0x5f, 0x5f), (0x61, 0x7a)];
const ASCII_SPACE: &[(u32, u32)] = &[(0x9, 0xd), (0x20, 0x20)];
const ASCII_DIGIT: &[(u32, u32)] = &[(0x30, 0x39)];

/// How letters are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Case {
    /// As they are.
    Exact,
    /// Without regard to the case of any letter.
    Ignored,
    /// Without regard to the case of the letters of ASCII.
    AsciiIgnored,
}

/// The characters that a shorthand such as `\w` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Category {
    Digit,
    Space,
    Word,
}

impl Category {
    /// Whether a character belongs to it, by Unicode.
    pub(super) fn holds(self, character: char) -> bool {
        let code = u32::from(character);
        match self {
            Self::Digit => crate::text::decimal_digit(character).is_some(),
            Self::Space => is_in(SPACES, code),
            Self::Word => is_in(WORD, code),
        }
    }

    pub(super) fn set(self, is_ascii: bool) -> CharacterSet {
        let ranges = match (self, is_ascii) {
            (Self::Digit, true) => ASCII_DIGIT,
            (Self::Space, true) => ASCII_SPACE,
            (Self::Word, true) => ASCII_WORD,
            (Self::Space, false) => SPACES,
            (Self::Word, false) => WORD,
            (Self::Digit, false) => {
                let runs = DIGIT_ZEROS.iter().map(|&zero| (zero, zero + 9));
                return CharacterSet::of(runs);
            }
        };
        CharacterSet::of(ranges.iter().copied())
    }
}

/// One part of a class in brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Item {
    Literal(u32),
    Range(u32, u32),
    Category {
        category: Category,
        is_negated: bool,
        is_ascii: bool,
    },
}

/// A set of characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CharacterSet {
    /// Ascending, apart from one another, both ends included.
    ranges: Box<[(u32, u32)]>,
    /// One bit for each character of ASCII.
    ascii: u128,
}

impl CharacterSet {
    /// The characters of these ranges, in any order.
    pub(super) fn of(ranges: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut sorted: Vec<(u32, u32)> = ranges.into_iter().collect();
        sorted.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(sorted.len());
        for (first, last) in sorted {
            match merged.last_mut() {
                Some(previous) if first <= previous.1.saturating_add(1) => {
                    previous.1 = previous.1.max(last);
                }
                _ => merged.push((first, last)),
            }
        }
        let mut ascii = 0;
        for code in 0..128 {
            if is_in(&merged, code) {
                ascii |= 1 << code;
            }
        }
        Self {
            ranges: merged.into(),
            ascii,
        }
    }

    pub(super) fn contains(&self, character: char) -> bool {
        let code = u32::from(character);
        if code < 128 {
            return self.ascii >> code & 1 == 1;
        }
        is_in(&self.ranges, code)
    }

    fn negated(&self) -> Self {
        let mut rest = Vec::with_capacity(self.ranges.len() + 1);
        let mut next = 0;
        for &(first, last) in &self.ranges {
            if first > next {
                rest.push((next, first - 1));
            }
            next = last + 1;
        }
        if next <= LAST {
            rest.push((next, LAST));
        }
        Self::of(rest)
    }
}

/// The characters that a single literal stands for.
pub(super) fn literal(code: u32, case: Case) -> CharacterSet {
    if case == Case::Exact || !has_case(code, case) {
        return CharacterSet::of([(code, code)]);
    }
    let lower = lower(code, case);
    let mut lowered = vec![(lower, lower)];
    if case == Case::Ignored {
        lowered.extend(same_uppercase(lower).map(|other| (other, other)));
    }
    all_that_lower_into(&CharacterSet::of(lowered), case)
}

/// The characters that a class in brackets stands for.
pub(super) fn class(items: &[Item], is_negated: bool, case: Case) -> CharacterSet {
    let set = if case == Case::Exact {
        CharacterSet::of(items.iter().flat_map(|item| exact_ranges(*item)))
    } else {
        class_ignoring_case(items, case)
    };
    if is_negated { set.negated() } else { set }
}

/// All but the characters that a single literal stands for.
pub(super) fn all_but_literal(code: u32, case: Case) -> CharacterSet {
    literal(code, case).negated()
}

/// Any character, or any but a line feed.
pub(super) fn any(matches_line_feed: bool) -> CharacterSet {
    if matches_line_feed {
        return CharacterSet::of([(0, LAST)]);
    }
    CharacterSet::of([(u32::from('\n'), u32::from('\n'))]).negated()
}

/// The one lower-case character of this one, as patterns compare.
pub(super) fn lower_character(character: char, case: Case) -> u32 {
    lower(u32::from(character), case)
}

fn exact_ranges(item: Item) -> Vec<(u32, u32)> {
    match item {
        Item::Literal(code) => vec![(code, code)],
        Item::Range(first, last) => vec![(first, last)],
        Item::Category {
            category,
            is_negated,
            is_ascii,
        } => {
            let set = category.set(is_ascii);
            let set = if is_negated { set.negated() } else { set };
            set.ranges.into_vec()
        }
    }
}

/// A class, as `CPython` builds it: its parts are lowered, and what is compared with them too.
///
/// Literals beyond the basic plane are not lowered, so that a capital letter from there is in no
/// class at all; that is how `CPython` 3.11 has it.
fn class_ignoring_case(items: &[Item], case: Case) -> CharacterSet {
    let mut lowered: Vec<(u32, u32)> = Vec::new();
    let mut any_has_case = false;
    // The ranges within the basic plane, those beyond it, and those that are in both.
    let (mut within, mut beyond, mut across) = (Vec::new(), Vec::new(), Vec::new());
    for &item in items {
        match item {
            Item::Literal(code) if code > LAST_OF_BASIC_PLANE => {
                lowered.push((code, code));
                any_has_case = true;
            }
            Item::Literal(code) => {
                push_lowered(&mut lowered, code, case);
                any_has_case = any_has_case || has_case(code, case);
            }
            Item::Range(first, last) if last <= LAST_OF_BASIC_PLANE => within.push((first, last)),
            Item::Range(first, last) if first > LAST_OF_BASIC_PLANE => beyond.push((first, last)),
            Item::Range(first, last) => across.push((first, last)),
            Item::Category { .. } => lowered.extend(exact_ranges(item)),
        }
    }
    // Ranges of a kind are merged first: else each of many might look at every letter.
    let ranges: Vec<(u32, u32)> = [within, beyond, across]
        .into_iter()
        .flat_map(|ranges| CharacterSet::of(ranges).ranges)
        .collect();
    any_has_case = any_has_case
        || ranges
            .iter()
            .any(|&(first, last)| last > LAST_OF_BASIC_PLANE || range_has_case(first, last, case));
    lowered.extend(lowered_ranges(&ranges, case));
    let lowered = CharacterSet::of(lowered);
    if any_has_case {
        all_that_lower_into(&lowered, case)
    } else {
        lowered
    }
}

fn push_lowered(lowered: &mut Vec<(u32, u32)>, code: u32, case: Case) {
    let lower = lower(code, case);
    lowered.push((lower, lower));
    if case == Case::Ignored {
        lowered.extend(same_uppercase(lower).map(|other| (other, other)));
    }
}

fn lowered_ranges(ranges: &[(u32, u32)], case: Case) -> Vec<(u32, u32)> {
    let changed = changed_by_lowering(case);
    let changed_by_unicode = changed_by_lowering(Case::Ignored);
    let (mut basic, mut all) = (Vec::new(), Vec::new());
    for &(first, last) in ranges {
        if first <= LAST_OF_BASIC_PLANE {
            let last = last.min(LAST_OF_BASIC_PLANE);
            // What has no other lower case stands for itself; what has one, for that.
            for &(upper, _) in between(&changed, first, last) {
                push_lowered(&mut basic, upper, case);
            }
            push_unchanged(&mut basic, first, last, &changed);
        }
        if last > LAST_OF_BASIC_PLANE {
            all.push((first, last));
            let lowers = between(&changed_by_unicode, first, last).iter();
            all.extend(lowers.map(|&(_, lower)| (lower, lower)));
        }
    }
    if case == Case::Ignored {
        let sorted = CharacterSet::of(basic.iter().copied());
        for &(lower, others) in SAME_UPPERCASE {
            if is_in(&sorted.ranges, lower) {
                basic.extend(others.iter().map(|&other| (other, other)));
            }
        }
    }
    all.extend(basic);
    all
}

/// The characters whose lower case is in the set.
fn all_that_lower_into(lowered: &CharacterSet, case: Case) -> CharacterSet {
    let mut ranges = Vec::new();
    let changed = changed_by_lowering(case);
    for &(first, last) in &lowered.ranges {
        // A character that has another lower case is in only by that.
        push_unchanged(&mut ranges, first, last, &changed);
    }
    ranges.extend(
        changed
            .iter()
            .filter(|&&(_, lower)| is_in(&lowered.ranges, lower))
            .map(|&(upper, _)| (upper, upper)),
    );
    CharacterSet::of(ranges)
}

/// Adds what has no other lower case in this range.
fn push_unchanged(ranges: &mut Vec<(u32, u32)>, first: u32, last: u32, changed: &[(u32, u32)]) {
    let mut start = first;
    for &(upper, _) in between(changed, first, last) {
        if upper > start {
            ranges.push((start, upper - 1));
        }
        start = upper + 1;
    }
    if start <= last {
        ranges.push((start, last));
    }
}

/// Those of the characters, which ascend, that are in this range.
fn between(changed: &[(u32, u32)], first: u32, last: u32) -> &[(u32, u32)] {
    let start = changed.partition_point(|&(upper, _)| upper < first);
    let end = changed.partition_point(|&(upper, _)| upper <= last);
    changed.get(start..end).unwrap_or_default()
}

/// Every character that has another lower case, ascending, with that lower case.
fn changed_by_lowering(case: Case) -> Vec<(u32, u32)> {
    match case {
        Case::Exact => Vec::new(),
        Case::AsciiIgnored => (0x41..=0x5a).map(|upper| (upper, upper + 0x20)).collect(),
        Case::Ignored => {
            let runs = LOWERCASE.iter().flat_map(|&(first, last, step, distance)| {
                (first..=last)
                    .step_by(step as usize)
                    .filter_map(move |upper| Some((upper, upper.checked_add_signed(distance)?)))
            });
            let mut all: Vec<(u32, u32)> = runs.chain([CAPITAL_I_WITH_DOT]).collect();
            all.sort_unstable();
            all
        }
    }
}

fn lower(code: u32, case: Case) -> u32 {
    match case {
        Case::AsciiIgnored if (0x41..=0x5a).contains(&code) => code + 0x20,
        Case::Exact | Case::AsciiIgnored => code,
        Case::Ignored if code == CAPITAL_I_WITH_DOT.0 => CAPITAL_I_WITH_DOT.1,
        Case::Ignored => {
            let following = LOWERCASE.partition_point(|&(first, ..)| first <= code);
            let run = following
                .checked_sub(1)
                .and_then(|index| LOWERCASE.get(index));
            match run {
                Some(&(first, last, step, distance))
                    if code <= last && (code - first).is_multiple_of(step) =>
                {
                    code.checked_add_signed(distance).unwrap_or(code)
                }
                _ => code,
            }
        }
    }
}

fn same_uppercase(lower: u32) -> impl Iterator<Item = u32> {
    SAME_UPPERCASE
        .binary_search_by_key(&lower, |&(code, _)| code)
        .ok()
        .and_then(|index| SAME_UPPERCASE.get(index))
        .into_iter()
        .flat_map(|&(_, others)| others.iter().copied())
}

fn has_case(code: u32, case: Case) -> bool {
    match case {
        Case::Exact => false,
        Case::AsciiIgnored => (0x41..=0x5a).contains(&code) || (0x61..=0x7a).contains(&code),
        Case::Ignored => is_in(HAS_CASE, code),
    }
}

fn range_has_case(first: u32, last: u32, case: Case) -> bool {
    let cased: &[(u32, u32)] = match case {
        Case::Exact => &[],
        Case::AsciiIgnored => &[(0x41, 0x5a), (0x61, 0x7a)],
        Case::Ignored => HAS_CASE,
    };
    let next = cased.partition_point(|&(_, end)| end < first);
    cased.get(next).is_some_and(|&(start, _)| start <= last)
}

fn is_in(ranges: &[(u32, u32)], code: u32) -> bool {
    let following = ranges.partition_point(|&(first, _)| first <= code);
    following
        .checked_sub(1)
        .and_then(|index| ranges.get(index))
        .is_some_and(|&(_, last)| code <= last)
}
