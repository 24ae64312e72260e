//! The leaves of segments: one rule per kind of operand.
//!
//! Source: VWO spec, section 7; pinned by the vectors in `vwo/segments.jsonl`.

use std::borrow::Cow;

use crate::python::{float, text};

/// The comparison could not be made; the whole expression is false, whatever stands around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unanswerable;

/// What a custom variable is compared with, and how; made once.
#[derive(Clone, Debug)]
pub struct Operand {
    rule: Rule,
    /// What is compared with where the variable is no number.
    as_text: Box<str>,
    /// What is compared with where both sides are numbers.
    as_number: Option<NumberOperand>,
}

#[derive(Clone, Debug)]
struct NumberOperand {
    number: f64,
    /// The number's shortest text; `None` for infinities and what is not a number, which cannot
    /// be compared.
    text: Option<Box<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Equals,
    Lower,
    Contains,
    StartsWith,
    EndsWith,
    LessThan,
    LessThanOrEqual,
    GreaterThan,
    GreaterThanOrEqual,
    /// `wildcard()` with nothing inside.
    NothingToCompareWith,
}

/// Why an operand cannot be compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// What was wanted instead.
    pub wanted: &'static str,
    /// What stood there.
    pub found: &'static str,
}

impl Operand {
    /// Reads an operand such as `lower(chrome)`, `wildcard(*@example.com)`, `gt(18)` or plain
    /// text.
    ///
    /// # Errors
    ///
    /// `Unsupported` where this version cannot say what the operand means.
    pub fn compile(source: &str) -> Result<Self, Unsupported> {
        let (rule, operand) = match split_call(source) {
            Some(("wildcard", inner)) => wildcard(inner),
            Some(("equals", inner)) => (Rule::Equals, inner),
            Some(("lower", inner)) => (Rule::Lower, inner),
            Some(("contains", inner)) => (Rule::Contains, inner),
            // As names of their own the vendor's two are crossed.
            Some(("startswith", inner)) => (Rule::EndsWith, inner),
            Some(("endswith", inner)) => (Rule::StartsWith, inner),
            Some(("lt" | "lessthan", inner)) => (Rule::LessThan, inner),
            Some(("lte" | "lessthanequalto", inner)) => (Rule::LessThanOrEqual, inner),
            Some(("gt" | "greaterthan", inner)) => (Rule::GreaterThan, inner),
            Some(("gte" | "greaterthanequalto", inner)) => (Rule::GreaterThanOrEqual, inner),
            Some(("regex", _)) => {
                return Err(Unsupported {
                    wanted: "an operand of this version",
                    found: "regex()",
                });
            }
            // No call, or one of an unknown name, is plain text.
            None | Some(_) => (Rule::Equals, source),
        };
        Ok(Self {
            rule,
            as_text: compared(rule, operand).into(),
            as_number: float::parse(operand).map(|number| NumberOperand {
                number,
                text: float::shortest_text(number).map(Into::into),
            }),
        })
    }

    /// Whether the rule is true of this value.
    ///
    /// # Errors
    ///
    /// `Unanswerable` where the comparison cannot be made: an infinity, what is not a number, a
    /// numeric comparison with a side that is no number, `wildcard()`.
    pub fn matches(&self, value: &str) -> Result<bool, Unanswerable> {
        if self.rule == Rule::NothingToCompareWith {
            return Err(Unanswerable);
        }
        if value.is_empty() {
            return Ok(false);
        }
        if let Some(operand) = &self.as_number
            && let Some(number) = float::parse(value)
        {
            let (Some(operand_text), Some(text)) = (&operand.text, float::shortest_text(number))
            else {
                return Err(Unanswerable);
            };
            return Ok(match self.rule {
                Rule::LessThan => number < operand.number,
                Rule::LessThanOrEqual => number <= operand.number,
                Rule::GreaterThan => number > operand.number,
                Rule::GreaterThanOrEqual => number >= operand.number,
                rule => text_matches(rule, operand_text, &text),
            });
        }
        match self.rule {
            Rule::LessThan
            | Rule::LessThanOrEqual
            | Rule::GreaterThan
            | Rule::GreaterThanOrEqual => Err(Unanswerable),
            rule => Ok(text_matches(rule, &self.as_text, value)),
        }
    }
}

/// Splits `name(inner)`: the shortest name, the longest inner text, what follows is dropped, and
/// neither part goes over a line.
fn split_call(source: &str) -> Option<(&str, &str)> {
    let line = source.split('\n').next().unwrap_or(source);
    let mut characters = line.char_indices();
    // The name has at least one character, which may itself be a bracket.
    characters.next()?;
    let open = characters.find(|&(_, character)| character == '(')?.0;
    let close = line.rfind(')').filter(|&close| close > open)?;
    Some((&line[..open], &line[open + 1..close]))
}

/// A star at either end stands for any text, unless nothing else would be left.
fn wildcard(inner: &str) -> (Rule, &str) {
    if inner.is_empty() {
        return (Rule::NothingToCompareWith, inner);
    }
    let (starts_open, rest) = match inner.strip_prefix('*') {
        Some(rest) if !rest.is_empty() => (true, rest),
        _ => (false, inner),
    };
    let (ends_open, rest) = match rest.strip_suffix('*') {
        Some(rest) if !rest.is_empty() => (true, rest),
        _ => (false, rest),
    };
    let rule = match (starts_open, ends_open) {
        (true, true) => Rule::Contains,
        (true, false) => Rule::EndsWith,
        (false, true) => Rule::StartsWith,
        (false, false) => Rule::Equals,
    };
    (rule, rest)
}

/// What a rule compares with: `lower` needs the operand in lower case, once.
fn compared(rule: Rule, operand: &str) -> Cow<'_, str> {
    if rule == Rule::Lower {
        return text::lower(operand);
    }
    Cow::Borrowed(operand)
}

fn text_matches(rule: Rule, operand: &str, value: &str) -> bool {
    match rule {
        Rule::Lower => text::lower(value) == operand,
        Rule::Contains => value.contains(operand),
        Rule::StartsWith => value.starts_with(operand),
        Rule::EndsWith => value.ends_with(operand),
        _ => value == operand,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(operand: &str, value: &str) -> Result<bool, Unanswerable> {
        Operand::compile(operand).unwrap().matches(value)
    }

    fn is_true(operand: &str, value: &str) -> bool {
        answer(operand, value) == Ok(true)
    }

    #[test]
    fn a_name_is_the_shortest_and_its_inside_the_longest() {
        assert_eq!(split_call("lower(a(b)c)d"), Some(("lower", "a(b)c")));
        assert_eq!(split_call("((x)"), Some(("(", "x")));
        assert_eq!(split_call("(x)"), None);
        assert_eq!(split_call("()()"), Some(("()", "")));
        assert_eq!(split_call("a(b"), None);
        assert_eq!(split_call("a)b("), None);
        assert_eq!(split_call("a(b)\n)"), Some(("a", "b")));
        assert_eq!(split_call("a\n(b)"), None);
        assert_eq!(split_call(""), None);
        assert_eq!(split_call("ß(x)"), Some(("ß", "x")));
    }

    #[test]
    fn stars_are_taken_off_the_ends() {
        assert_eq!(wildcard("*x*"), (Rule::Contains, "x"));
        assert_eq!(wildcard("*x"), (Rule::EndsWith, "x"));
        assert_eq!(wildcard("x*"), (Rule::StartsWith, "x"));
        assert_eq!(wildcard("x"), (Rule::Equals, "x"));
        assert_eq!(wildcard("*"), (Rule::Equals, "*"));
        assert_eq!(wildcard("**"), (Rule::EndsWith, "*"));
        assert_eq!(wildcard("***"), (Rule::Contains, "*"));
        assert_eq!(wildcard("x**"), (Rule::StartsWith, "x*"));
    }

    #[test]
    fn nothing_in_a_wildcard_is_an_error_even_for_an_empty_value() {
        assert_eq!(answer("wildcard()", ""), Err(Unanswerable));
        assert_eq!(answer("wildcard()", "x"), Err(Unanswerable));
        assert_eq!(answer("gt(x)", ""), Ok(false));
    }

    #[test]
    fn an_empty_value_matches_nothing() {
        for operand in ["", "lower()", "contains()", "equals()", "wildcard(**)"] {
            assert_eq!(answer(operand, ""), Ok(false), "{operand}");
        }
    }

    #[test]
    fn numbers_are_compared_by_their_shortest_text() {
        assert!(is_true("1", "1.0"));
        assert!(is_true("1e3", " 1_000 "));
        assert!(is_true("wildcard(*0)", "1e2"));
        assert!(is_true("lower(0.00001)", "1E-5"));
        assert!(!is_true("contains(0.)", "1.0"));
        assert!(is_true("contains(.)", "1.0x"));
        assert_eq!(answer("nan", "5"), Err(Unanswerable));
        assert_eq!(answer("5", "inf"), Err(Unanswerable));
        assert_eq!(answer("5", "nan(x)"), Ok(false));
    }

    #[test]
    fn numeric_comparisons_need_two_numbers() {
        assert!(is_true("gt(2)", "10"));
        assert!(is_true("gte(2)", "2.0"));
        assert!(is_true("lt(-1)", "-1.5"));
        assert!(is_true("lte(0)", "-0.0"));
        assert!(!is_true("lessthan(2)", "2"));
        assert!(is_true("greaterthanequalto(2)", "2"));
        assert_eq!(answer("gt(a)", "2"), Err(Unanswerable));
        assert_eq!(answer("gt(2)", "a"), Err(Unanswerable));
    }

    #[test]
    fn names_are_matched_exactly() {
        assert!(is_true("LOWER(a)", "LOWER(a)"));
        assert!(!is_true("LOWER(a)", "a"));
        assert!(is_true(" lower(a)", " lower(a)"));
        assert!(is_true("less_than(2)", "less_than(2)"));
    }

    #[test]
    fn the_two_crossed_names() {
        assert!(is_true("startswith(x)", "ax"));
        assert!(!is_true("startswith(x)", "xa"));
        assert!(is_true("endswith(x)", "xa"));
    }
}
