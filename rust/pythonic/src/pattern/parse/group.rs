//! Groups: everything in parentheses, with their names, flags, conditions and looks around.

use super::super::PatternError;
use super::super::flags::{Flags, ensure_flag, merged};
use super::super::node::Node;
use super::{Level, MOST_GROUPS, Parser, Token};

/// How deep groups may be nested; Python's own limit is higher and depends on its stack.
const MOST_NESTED: usize = 100;

impl Parser {
    /// Parses what follows an opening parenthesis, up to and with the closing one.
    pub(super) fn parse_group(
        &mut self,
        flags: Flags,
        may_hold_flags: bool,
    ) -> Result<Parenthesis, PatternError> {
        self.nested += 1;
        if self.nested > MOST_NESTED {
            return Err(PatternError::Unsupported("groups nested so deep"));
        }
        let parsed = if self.take_if('?') {
            self.parse_extension(flags, may_hold_flags)?
        } else {
            Parenthesis::Node(self.parse_capture(None, flags)?)
        };
        self.nested -= 1;
        Ok(parsed)
    }

    fn parse_capture(&mut self, name: Option<String>, flags: Flags) -> Result<Node, PatternError> {
        let group = self.group_widths.len();
        if group >= MOST_GROUPS {
            return Err(PatternError::Invalid);
        }
        self.group_widths.push(None);
        if name.is_some_and(|name| self.group_names.insert(name, group).is_some()) {
            return Err(PatternError::Invalid);
        }
        let node = self.parse_inside(flags)?;
        let width = node.width(&self.group_widths);
        if let Some(known) = self.group_widths.get_mut(group) {
            *known = Some(width);
        }
        Ok(Node::Group(Some(group), Box::new(node)))
    }

    /// The content of parentheses, up to and with the closing one.
    fn parse_inside(&mut self, flags: Flags) -> Result<Node, PatternError> {
        let node = self.parse_branches(Level::Nested, flags)?;
        if !self.take_if(')') {
            return Err(PatternError::Invalid);
        }
        Ok(node)
    }

    /// Parses what follows `(?`.
    fn parse_extension(
        &mut self,
        flags: Flags,
        may_hold_flags: bool,
    ) -> Result<Parenthesis, PatternError> {
        let Some(Token::Plain(sign)) = self.take() else {
            return Err(PatternError::Invalid);
        };
        match sign {
            'P' => self.parse_python_extension(flags),
            ':' => {
                let node = self.parse_inside(flags)?;
                Ok(Parenthesis::Node(Node::Group(None, Box::new(node))))
            }
            '>' => {
                let node = self.parse_inside(flags)?;
                Ok(Parenthesis::Node(Node::Atomic(Box::new(node))))
            }
            '#' => loop {
                match self.take() {
                    None => return Err(PatternError::Invalid),
                    Some(Token::Plain(')')) => return Ok(Parenthesis::Nothing),
                    Some(_) => {}
                }
            },
            '=' | '!' => self.parse_look(true, sign == '!', flags),
            '<' => match self.take() {
                Some(Token::Plain(sign @ ('=' | '!'))) => {
                    self.parse_look(false, sign == '!', flags)
                }
                _ => Err(PatternError::Invalid),
            },
            '(' => self.parse_conditional(flags),
            '-' | 'a' | 'i' | 'L' | 'm' | 's' | 't' | 'u' | 'x' => {
                self.parse_flags(sign, flags, may_hold_flags)
            }
            _ => Err(PatternError::Invalid),
        }
    }

    fn parse_python_extension(&mut self, flags: Flags) -> Result<Parenthesis, PatternError> {
        if self.take_if('<') {
            let name = self.take_until('>')?;
            if !is_identifier(&name)? {
                return Err(PatternError::Invalid);
            }
            return Ok(Parenthesis::Node(self.parse_capture(Some(name), flags)?));
        }
        if self.take_if('=') {
            let name = self.take_until(')')?;
            let group = self.group_named(&name)?;
            return Ok(Parenthesis::Node(self.reference(group, flags)?));
        }
        Err(PatternError::Invalid)
    }

    pub(super) fn group_named(&self, name: &str) -> Result<usize, PatternError> {
        let known = self.group_names.get(name).copied();
        known.ok_or(PatternError::Invalid)
    }

    fn parse_look(
        &mut self,
        is_ahead: bool,
        is_negated: bool,
        flags: Flags,
    ) -> Result<Parenthesis, PatternError> {
        let outer = self.first_group_of_look_behind;
        if !is_ahead && outer.is_none() {
            self.first_group_of_look_behind = Some(self.group_widths.len());
        }
        let node = self.parse_branches(Level::Nested, flags)?;
        if !is_ahead && outer.is_none() {
            self.first_group_of_look_behind = None;
        }
        if !self.take_if(')') {
            return Err(PatternError::Invalid);
        }
        let width = if is_ahead {
            0
        } else {
            let (least, most) = node.width(&self.group_widths);
            if least != most {
                return Err(PatternError::Invalid);
            }
            // Python looks back at most 2³² - 1 characters.
            u32::try_from(least).map_err(|_| PatternError::Invalid)? as usize
        };
        Ok(Parenthesis::Node(Node::Look {
            is_ahead,
            is_negated,
            width,
            node: Box::new(node),
        }))
    }

    fn parse_conditional(&mut self, flags: Flags) -> Result<Parenthesis, PatternError> {
        let name = self.take_until(')')?;
        let group = if is_identifier(&name)? {
            self.group_named(&name)?
        } else {
            let group = python_int(&name)?.ok_or(PatternError::Invalid)?;
            if group == 0 || group >= MOST_GROUPS {
                return Err(PatternError::Invalid);
            }
            self.conditions.push(group);
            group
        };
        self.ensure_outside_of_look_behind(group)?;
        if self.group_widths.get(group) == Some(&None) {
            // Python may use the group's text from before it went back.
            return Err(PatternError::Unsupported(
                "a condition inside of its own group",
            ));
        }
        let yes = Node::Sequence(self.parse_sequence(Level::Nested, flags, false)?);
        let no = if self.take_if('|') {
            let no = Node::Sequence(self.parse_sequence(Level::Nested, flags, false)?);
            if self.next() == Some(Token::Plain('|')) {
                return Err(PatternError::Invalid);
            }
            Some(Box::new(no))
        } else {
            None
        };
        if !self.take_if(')') {
            return Err(PatternError::Invalid);
        }
        Ok(Parenthesis::Node(Node::Conditional {
            group,
            yes: Box::new(yes),
            no,
        }))
    }

    fn parse_flags(
        &mut self,
        first: char,
        flags: Flags,
        may_hold_flags: bool,
    ) -> Result<Parenthesis, PatternError> {
        let mut on = Flags::default();
        let mut sign = first;
        if sign != '-' {
            loop {
                if sign == 'L' {
                    return Err(PatternError::Invalid);
                }
                on.set(sign);
                if on.ascii && on.unicode {
                    return Err(PatternError::Invalid);
                }
                sign = self.take_flag_sign()?;
                match sign {
                    ')' | '-' | ':' => break,
                    _ => ensure_flag(sign)?,
                }
            }
        }
        if sign == ')' {
            if on.template {
                // With it, Python refuses almost any pattern.
                return Err(PatternError::Unsupported("the flag t"));
            }
            if !may_hold_flags {
                return Err(PatternError::Invalid);
            }
            self.flags = merged(self.flags, on);
            if self.flags.ascii && self.flags.unicode {
                return Err(PatternError::Invalid);
            }
            return Ok(Parenthesis::GlobalFlags);
        }
        if on.template {
            return Err(PatternError::Invalid);
        }
        let mut off = Flags::default();
        if sign == '-' {
            sign = self.take_flag_sign()?;
            ensure_flag(sign)?;
            loop {
                if matches!(sign, 'a' | 'u' | 'L') {
                    return Err(PatternError::Invalid);
                }
                off.set(sign);
                sign = self.take_flag_sign()?;
                if sign == ':' {
                    break;
                }
                ensure_flag(sign)?;
            }
        }
        if off.template || "aimsux".chars().any(|flag| on.has(flag) && off.has(flag)) {
            return Err(PatternError::Invalid);
        }
        let node = self.parse_inside(flags.with(on, off))?;
        if on.ascii || on.unicode {
            // Python 3.11 forgets these when it looks for the first character of a match.
            return Err(PatternError::Unsupported("the flag a or u for a group"));
        }
        // Unlike a group without flags, this one stays a group.
        Ok(Parenthesis::Node(Node::Sequence(vec![node])))
    }

    fn take_flag_sign(&mut self) -> Result<char, PatternError> {
        match self.take() {
            Some(Token::Plain(sign)) => Ok(sign),
            _ => Err(PatternError::Invalid),
        }
    }
}

/// The meaning of parentheses.
pub(super) enum Parenthesis {
    Node(Node),
    /// A comment.
    Nothing,
    GlobalFlags,
}

/// `name.isidentifier()`.
fn is_identifier(name: &str) -> Result<bool, PatternError> {
    if !name.is_ascii() {
        return Err(PatternError::Unsupported(
            "the name of a group with letters that are not ASCII",
        ));
    }
    let mut characters = name.chars();
    let starts_well = characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    Ok(starts_well && characters.all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

/// `int(text)`; None where it raises or is negative.
fn python_int(text: &str) -> Result<Option<usize>, PatternError> {
    let trimmed = text.trim_matches(|character| matches!(character, '\t'..='\r' | ' '));
    if trimmed.contains('_') {
        return Err(PatternError::Unsupported(
            "the number of a group with an underscore",
        ));
    }
    let trimmed = trimmed.strip_prefix('+').unwrap_or(trimmed);
    if trimmed.is_empty() || !trimmed.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    Ok(trimmed.parse().ok())
}
