//! Parses a pattern as Python 3.11 does, and refuses what Python refuses.

mod group;

use std::collections::HashMap;

use super::PatternError;
use super::flags::Flags;
use super::node::{Anchor, Class, Classes, Leaf, Node, Parsed, Repetition, Width};
use super::set::{Category, Item};
use super::simplify::{simplified, unpacked};
use group::Parenthesis;

/// Python stands for "no upper bound" with this number, and takes no larger one.
const UNBOUNDED: u64 = 4_294_967_295;
const MOST_GROUPS: usize = 1_073_741_823;
const CHARACTER_NAME: &str = r"\N, a character by its name";

/// Parses a pattern.
///
/// # Errors
///
/// `Invalid` where Python refuses the pattern, `Unsupported` where this version does.
pub(super) fn parse(pattern: &str) -> Result<Parsed, PatternError> {
    match parse_whole(pattern) {
        // Whether Python refuses it depends on the names of characters, which are not known here.
        Err(PatternError::Invalid) if names_a_character(pattern) => {
            Err(PatternError::Unsupported(CHARACTER_NAME))
        }
        parsed => parsed,
    }
}

fn names_a_character(pattern: &str) -> bool {
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        if character == '\\' && characters.next() == Some('N') {
            return true;
        }
    }
    false
}

fn parse_whole(pattern: &str) -> Result<Parsed, PatternError> {
    // A backslash at the very end escapes nothing, wherever it stands.
    let characters: Vec<char> = pattern.chars().collect();
    let trailing = characters.iter().rev().take_while(|&&c| c == '\\').count();
    if trailing % 2 == 1 {
        return Err(PatternError::Invalid);
    }
    let mut parser = Parser {
        characters,
        index: 0,
        flags: Flags::default(),
        group_names: HashMap::new(),
        classes: Classes::default(),
        group_widths: vec![None],
        first_group_of_look_behind: None,
        conditions: Vec::new(),
        nested: 0,
    };
    let root = parser.parse_branches(Level::Top, Flags::default())?;
    if parser.next().is_some() {
        // An unbalanced closing bracket.
        return Err(PatternError::Invalid);
    }
    if parser
        .conditions
        .iter()
        .any(|&group| group >= parser.group_widths.len())
    {
        return Err(PatternError::Invalid);
    }
    Ok(Parsed {
        root,
        groups: parser.group_widths.len(),
        classes: parser.classes,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Top,
    Nested,
}

pub(super) struct Parser {
    characters: Vec<char>,
    index: usize,
    /// The flags of the whole pattern, which stand at its start.
    flags: Flags,
    group_names: HashMap<String, usize>,
    pub(super) classes: Classes,
    /// The width of each group; None while it is open. The first stands for the whole pattern.
    group_widths: Vec<Option<Width>>,
    /// Inside a look behind: groups from here on were opened in it.
    first_group_of_look_behind: Option<usize>,
    /// The groups that conditions ask for by number.
    conditions: Vec<usize>,
    nested: usize,
}

/// A character, or an escape of a backslash and one character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Plain(char),
    Escaped(char),
}

impl Parser {
    fn next(&self) -> Option<Token> {
        match self.characters.get(self.index) {
            Some('\\') => self
                .characters
                .get(self.index + 1)
                .map(|&escaped| Token::Escaped(escaped)),
            Some(&plain) => Some(Token::Plain(plain)),
            None => None,
        }
    }

    pub(super) fn take(&mut self) -> Option<Token> {
        let token = self.next()?;
        self.index += match token {
            Token::Plain(_) => 1,
            Token::Escaped(_) => 2,
        };
        Some(token)
    }

    pub(super) fn take_if(&mut self, wanted: char) -> bool {
        if self.next() == Some(Token::Plain(wanted)) {
            self.index += 1;
            return true;
        }
        false
    }

    pub(super) fn take_digits(&mut self, most: usize, is_digit: impl Fn(char) -> bool) -> String {
        let mut digits = String::new();
        while digits.len() < most
            && let Some(Token::Plain(digit)) = self.next()
            && is_digit(digit)
        {
            digits.push(digit);
            self.index += 1;
        }
        digits
    }

    /// The text up to a terminator, which is taken too.
    fn take_until(&mut self, terminator: char) -> Result<String, PatternError> {
        let mut text = String::new();
        loop {
            match self.take() {
                None => return Err(PatternError::Invalid),
                Some(Token::Plain(plain)) if plain == terminator => break,
                Some(Token::Plain(plain)) => text.push(plain),
                Some(Token::Escaped(escaped)) => {
                    text.push('\\');
                    text.push(escaped);
                }
            }
        }
        if text.is_empty() {
            return Err(PatternError::Invalid);
        }
        Ok(text)
    }

    /// Alternatives: `a|b|c`.
    fn parse_branches(&mut self, level: Level, flags: Flags) -> Result<Node, PatternError> {
        let mut flags = flags;
        let mut branches: Vec<Vec<Node>> = Vec::new();
        loop {
            let is_first = level == Level::Top && branches.is_empty();
            branches.push(self.parse_sequence(level, flags, is_first)?);
            if !self.take_if('|') {
                break;
            }
            if level == Level::Top {
                flags = self.flags;
            }
        }
        if branches.len() == 1 {
            return Ok(Node::Sequence(branches.pop().unwrap_or_default()));
        }
        Ok(Node::Sequence(simplified(branches, &mut self.classes)))
    }

    fn parse_sequence(
        &mut self,
        level: Level,
        flags: Flags,
        is_first: bool,
    ) -> Result<Vec<Node>, PatternError> {
        let mut flags = flags;
        let mut nodes: Vec<Node> = Vec::new();
        while let Some(token) = self.next() {
            if matches!(token, Token::Plain('|' | ')')) {
                break;
            }
            self.take();
            let plain = match token {
                Token::Escaped(escaped) => {
                    nodes.push(self.parse_escape(escaped, flags)?);
                    continue;
                }
                Token::Plain(plain) => plain,
            };
            if flags.verbose && self.skip_verbose(plain) {
                continue;
            }
            match plain {
                '[' => nodes.push(Node::Leaf(self.parse_class(flags)?)),
                '?' | '*' | '+' | '{' => self.parse_repetition(plain, flags, &mut nodes)?,
                '.' => nodes.push(Node::Leaf(Leaf::Any {
                    matches_line_feed: flags.dot_all,
                })),
                '(' => match self.parse_group(flags, is_first && nodes.is_empty())? {
                    Parenthesis::Node(node) => nodes.push(node),
                    Parenthesis::Nothing => {}
                    Parenthesis::GlobalFlags => {
                        debug_assert!(level == Level::Top);
                        flags = self.flags;
                    }
                },
                '^' => nodes.push(Node::At(if flags.multi_line {
                    Anchor::StartOfLine
                } else {
                    Anchor::Start
                })),
                '$' => nodes.push(Node::At(if flags.multi_line {
                    Anchor::EndOfLine
                } else {
                    Anchor::End
                })),
                _ => nodes.push(literal(u32::from(plain), flags)),
            }
        }
        Ok(unpacked(nodes))
    }

    /// Whether the character means nothing in a verbose pattern; takes a comment with it.
    fn skip_verbose(&mut self, plain: char) -> bool {
        match plain {
            ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' => true,
            '#' => {
                while let Some(token) = self.take() {
                    if token == Token::Plain('\n') {
                        break;
                    }
                }
                true
            }
            _ => false,
        }
    }

    fn parse_escape(&mut self, escaped: char, flags: Flags) -> Result<Node, PatternError> {
        if let Some((category, is_negated)) = category(escaped) {
            let number = self.classes.number(Class {
                items: vec![Item::Category {
                    category,
                    is_negated,
                    is_ascii: flags.ascii,
                }],
                is_negated: false,
                case: flags.case(),
            });
            return Ok(Node::Leaf(Leaf::Class(number)));
        }
        let is_ascii = flags.ascii;
        match escaped {
            'A' => return Ok(Node::At(Anchor::Start)),
            'Z' => return Ok(Node::At(Anchor::VeryEnd)),
            'b' => return Ok(Node::At(Anchor::Boundary { is_ascii })),
            'B' => return Ok(Node::At(Anchor::NotBoundary { is_ascii })),
            '0' => {
                let digits = self.take_digits(2, is_octal);
                return Ok(literal(octal(&digits), flags));
            }
            '1'..='9' => return self.parse_reference(escaped, flags),
            _ => {}
        }
        Ok(literal(self.parse_literal_escape(escaped)?, flags))
    }

    /// Escapes that mean the same inside and outside of a class.
    pub(super) fn parse_literal_escape(&mut self, escaped: char) -> Result<u32, PatternError> {
        let hexadecimal = |parser: &mut Self, length: usize| {
            let digits = parser.take_digits(length, |digit| digit.is_ascii_hexdigit());
            if digits.len() != length {
                return Err(PatternError::Invalid);
            }
            u32::from_str_radix(&digits, 16).map_err(|_| PatternError::Invalid)
        };
        match escaped {
            'a' => Ok(0x7),
            'f' => Ok(0xc),
            'n' => Ok(0xa),
            'r' => Ok(0xd),
            't' => Ok(0x9),
            'v' => Ok(0xb),
            'x' => hexadecimal(self, 2),
            'u' => hexadecimal(self, 4),
            'U' => {
                let code = hexadecimal(self, 8)?;
                if code > 0x10_ffff {
                    return Err(PatternError::Invalid);
                }
                Ok(code)
            }
            'N' => Err(PatternError::Unsupported(CHARACTER_NAME)),
            _ if escaped.is_ascii_alphabetic() => Err(PatternError::Invalid),
            _ => Ok(u32::from(escaped)),
        }
    }

    /// A reference to a group, or an octal escape, which look alike.
    fn parse_reference(&mut self, first: char, flags: Flags) -> Result<Node, PatternError> {
        let mut digits = String::from(first);
        if let Some(Token::Plain(second @ '0'..='9')) = self.next() {
            self.index += 1;
            digits.push(second);
            if is_octal(first)
                && is_octal(second)
                && let Some(Token::Plain(third)) = self.next()
                && is_octal(third)
            {
                self.index += 1;
                digits.push(third);
                let code = octal(&digits);
                if code > 0o377 {
                    return Err(PatternError::Invalid);
                }
                return Ok(literal(code, flags));
            }
        }
        let group: usize = digits.parse().map_err(|_| PatternError::Invalid)?;
        self.reference(group, flags)
    }

    fn reference(&self, group: usize, flags: Flags) -> Result<Node, PatternError> {
        if self.group_widths.get(group).is_none_or(Option::is_none) {
            // There is no such group yet, or it is still open.
            return Err(PatternError::Invalid);
        }
        self.ensure_outside_of_look_behind(group)?;
        Ok(Node::Reference(group, flags.case()))
    }

    /// A look behind refers to no group that was opened in it, nor to an open one.
    fn ensure_outside_of_look_behind(&self, group: usize) -> Result<(), PatternError> {
        let Some(first) = self.first_group_of_look_behind else {
            return Ok(());
        };
        let is_closed = self.group_widths.get(group).is_some_and(Option::is_some);
        if !is_closed || group >= first {
            return Err(PatternError::Invalid);
        }
        Ok(())
    }

    fn parse_repetition(
        &mut self,
        sign: char,
        flags: Flags,
        nodes: &mut Vec<Node>,
    ) -> Result<(), PatternError> {
        let (least, most) = match sign {
            '?' => (0, Some(1)),
            '*' => (0, None),
            '+' => (1, None),
            _ => {
                let Some(bounds) = self.parse_bounds()? else {
                    nodes.push(literal(u32::from('{'), flags));
                    return Ok(());
                };
                bounds
            }
        };
        match nodes.last() {
            None | Some(Node::At(_) | Node::Repeat { .. }) => return Err(PatternError::Invalid),
            Some(_) => {}
        }
        let kind = if self.take_if('?') {
            Repetition::Lazy
        } else if self.take_if('+') {
            Repetition::Possessive
        } else {
            Repetition::Greedy
        };
        if let Some(node) = nodes.pop() {
            nodes.push(Node::Repeat {
                node: Box::new(node),
                least,
                most,
                kind,
            });
        }
        Ok(())
    }

    /// The bounds after an opening brace; None where the brace is a plain character.
    fn parse_bounds(&mut self) -> Result<Option<(u64, Option<u64>)>, PatternError> {
        if self.next() == Some(Token::Plain('}')) {
            return Ok(None);
        }
        let here = self.index;
        let is_digit = |digit: char| digit.is_ascii_digit();
        let low = self.take_digits(usize::MAX, is_digit);
        let high = if self.take_if(',') {
            self.take_digits(usize::MAX, is_digit)
        } else {
            low.clone()
        };
        if !self.take_if('}') {
            self.index = here;
            return Ok(None);
        }
        let bound = |digits: &str| match digits.parse::<u64>() {
            Ok(bound) if bound < UNBOUNDED => Ok(bound),
            _ => Err(PatternError::Invalid),
        };
        let least = if low.is_empty() { 0 } else { bound(&low)? };
        let most = if high.is_empty() {
            None
        } else {
            Some(bound(&high)?)
        };
        if most.is_some_and(|most| most < least) {
            return Err(PatternError::Invalid);
        }
        Ok(Some((least, most)))
    }
}

fn literal(code: u32, flags: Flags) -> Node {
    Node::Leaf(Leaf::Literal(code, flags.case()))
}

pub(super) fn category(escaped: char) -> Option<(Category, bool)> {
    match escaped {
        'd' => Some((Category::Digit, false)),
        'D' => Some((Category::Digit, true)),
        's' => Some((Category::Space, false)),
        'S' => Some((Category::Space, true)),
        'w' => Some((Category::Word, false)),
        'W' => Some((Category::Word, true)),
        _ => None,
    }
}

pub(super) fn is_octal(digit: char) -> bool {
    matches!(digit, '0'..='7')
}

pub(super) fn octal(digits: &str) -> u32 {
    u32::from_str_radix(digits, 8).unwrap_or(0)
}
