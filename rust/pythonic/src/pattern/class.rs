//! Classes in square brackets: `[a-z_]`.

use std::collections::HashSet;

use super::PatternError;
use super::flags::Flags;
use super::node::{Class, Leaf};
use super::parse::{Parser, Token, category, is_octal, octal};
use super::set::Item;

impl Parser {
    /// What stands in square brackets, up to and with the closing one.
    pub(super) fn parse_class(&mut self, flags: Flags) -> Result<Leaf, PatternError> {
        let is_negated = self.take_if('^');
        let mut items: Vec<Item> = Vec::new();
        loop {
            let token = self.take().ok_or(PatternError::Invalid)?;
            if token == Token::Plain(']') && !items.is_empty() {
                break;
            }
            let first = self.parse_class_item(token, flags)?;
            if !self.take_if('-') {
                items.push(first);
                continue;
            }
            let token = self.take().ok_or(PatternError::Invalid)?;
            if token == Token::Plain(']') {
                items.push(first);
                items.push(Item::Literal(u32::from('-')));
                break;
            }
            let last = self.parse_class_item(token, flags)?;
            match (first, last) {
                (Item::Literal(first), Item::Literal(last)) if first <= last => {
                    items.push(Item::Range(first, last));
                }
                _ => return Err(PatternError::Invalid),
            }
        }
        let (items, case) = (distinct(items), flags.case());
        Ok(match items.as_slice() {
            [Item::Literal(code)] if is_negated => Leaf::NotLiteral(*code, case),
            [Item::Literal(code)] => Leaf::Literal(*code, case),
            _ => Leaf::Class(self.classes.number(Class {
                items,
                is_negated,
                case,
            })),
        })
    }

    fn parse_class_item(&mut self, token: Token, flags: Flags) -> Result<Item, PatternError> {
        let escaped = match token {
            Token::Plain(plain) => return Ok(Item::Literal(u32::from(plain))),
            Token::Escaped(escaped) => escaped,
        };
        if let Some((category, is_negated)) = category(escaped) {
            return Ok(Item::Category {
                category,
                is_negated,
                is_ascii: flags.ascii,
            });
        }
        match escaped {
            'b' => Ok(Item::Literal(0x8)),
            '0'..='7' => {
                let mut digits = String::from(escaped);
                digits += &self.take_digits(2, is_octal);
                let code = octal(&digits);
                if code > 0o377 {
                    return Err(PatternError::Invalid);
                }
                Ok(Item::Literal(code))
            }
            '8' | '9' => Err(PatternError::Invalid),
            _ => self.parse_literal_escape(escaped).map(Item::Literal),
        }
    }
}

/// Each of these once, in their order.
pub(super) fn distinct(items: Vec<Item>) -> Vec<Item> {
    let mut seen = HashSet::with_capacity(items.len());
    items
        .into_iter()
        .filter(|item| seen.insert(*item))
        .collect()
}
