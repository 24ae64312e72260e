//! The leaves of segments: one rule per kind of operand.
//!
//! Source: VWO spec, section 7; pinned by the vectors in `vwo/segments.jsonl`.

use std::borrow::Cow;

use super::attributes::Value;
use crate::problem::Consequence;
use pythonic::pattern::{Budget, Pattern, PatternError, Search};
use pythonic::{float, text};

/// The comparison is not possible; the whole expression is false, even under `not`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unanswerable;

/// The right-hand side of a custom variable's comparison: a rule and its value, compiled once.
#[derive(Clone, Debug)]
pub struct Operand {
    rule: Rule,
    /// The number to compare with if both sides are numbers. Infinities and NaN
    /// cannot be compared.
    as_number: Option<f64>,
    /// The text to compare with if the variable is not a number; None for rules that compare no
    /// text.
    as_text: Option<Compared>,
    /// The text of the number to compare with, for rules that compare texts.
    as_text_of_number: Option<Box<Compared>>,
}

/// The text or pattern of a rule.
#[derive(Clone, Debug)]
enum Compared {
    /// A text.
    Text(Box<str>),
    /// The pattern to search for; `None` for an invalid pattern.
    Pattern(Option<Box<Pattern>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Equals,
    Lower,
    Contains,
    StartsWith,
    EndsWith,
    Regex,
    LessThan,
    LessThanOrEqual,
    GreaterThan,
    GreaterThanOrEqual,
    /// There is nothing to compare with: `wildcard()`, or a pattern that is not supported.
    Unanswerable,
}

/// The outcome of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The rule is true of the value.
    True,
    /// It is not.
    False,
    /// It counts as not: the search for a pattern would have taken too long.
    GivenUp,
}

/// A problem of an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The expected value.
    pub wanted: &'static str,
    /// The value found.
    pub found: &'static str,
    /// The consequence.
    pub consequence: Consequence,
}

impl Operand {
    /// Reads an operand such as `lower(chrome)`, `wildcard(*@example.com)`, `gt(18)`, `regex(^a+$)`
    /// or plain text. Calls `report` for each problem.
    pub fn compile(source: &str, report: impl FnOnce(Fault)) -> Self {
        let (rule, operand) = match split_call(source) {
            Some(("wildcard", inner)) => wildcard(inner),
            Some(("equals", inner)) => (Rule::Equals, inner),
            Some(("lower", inner)) => (Rule::Lower, inner),
            Some(("contains", inner)) => (Rule::Contains, inner),
            // The vendor's SDK swaps these two names.
            Some(("startswith", inner)) => (Rule::EndsWith, inner),
            Some(("endswith", inner)) => (Rule::StartsWith, inner),
            Some(("regex", inner)) => (Rule::Regex, inner),
            Some(("lt" | "lessthan", inner)) => (Rule::LessThan, inner),
            Some(("lte" | "lessthanequalto", inner)) => (Rule::LessThanOrEqual, inner),
            Some(("gt" | "greaterthan", inner)) => (Rule::GreaterThan, inner),
            Some(("gte" | "greaterthanequalto", inner)) => (Rule::GreaterThanOrEqual, inner),
            // No call, or one of an unknown name, is plain text.
            None | Some(_) => (Rule::Equals, source),
        };
        let mut fault = None;
        let (rule, as_text) = match rule {
            Rule::Regex => {
                let (rule, pattern) = pattern_of(operand, &mut fault);
                (rule, Some(Compared::Pattern(pattern)))
            }
            rule if rule.compares_numbers() || rule == Rule::Unanswerable => (rule, None),
            rule => (rule, Some(Compared::Text(compared(rule, operand).into()))),
        };
        let as_number = float::parse(operand);
        if let Some(fault) = fault.or_else(|| fault_of(source, rule, operand, as_number)) {
            report(fault);
        }
        let text_of_number = as_number
            .filter(|_| !rule.compares_numbers())
            .and_then(float::shortest_text);
        let as_text_of_number = text_of_number.map(|text| {
            Box::new(if rule == Rule::Regex {
                Compared::Pattern(Pattern::compile(&text).ok().map(Box::new))
            } else {
                Compared::Text(text.into())
            })
        });
        Self {
            rule,
            as_number,
            as_text,
            as_text_of_number,
        }
    }

    /// Whether the rule is true of this number, where it compares numbers: the same answer as
    /// `matches` gives of the number's text, without making and reading that. `None` where only
    /// `matches` knows.
    #[must_use]
    pub fn is_true_of_number(&self, value: &Value<'_>) -> Option<bool> {
        let operand = self.as_number.filter(|operand| operand.is_finite())?;
        let number = match value {
            #[expect(
                clippy::cast_precision_loss,
                reason = "reading the integer's text rounds it just so"
            )]
            Value::Integer(integer) => *integer as f64,
            Value::Number(number) if number.is_finite() => *number,
            _ => return None,
        };
        self.rule.is_true_of_numbers(number, operand)
    }

    /// Whether the value satisfies the rule. The search for a pattern uses the budget.
    ///
    /// # Errors
    ///
    /// `Unanswerable` where the comparison cannot be made: an infinity, what is not a number, a
    /// numeric comparison with a side that is no number, `wildcard()`, a pattern that this version
    /// does not support.
    pub fn matches(&self, value: &str, budget: &Budget) -> Result<Comparison, Unanswerable> {
        if self.rule == Rule::Unanswerable {
            return Err(Unanswerable);
        }
        if value.is_empty() {
            return Ok(Comparison::False);
        }
        if let Some(operand) = self.as_number
            && let Some(number) = float::parse(value)
        {
            if !operand.is_finite() || !number.is_finite() {
                return Err(Unanswerable);
            }
            if let Some(is_true) = self.rule.is_true_of_numbers(number, operand) {
                return Ok(is_true.into());
            }
            let text = float::shortest_text(number).ok_or(Unanswerable)?;
            let operand = self.as_text_of_number.as_deref().ok_or(Unanswerable)?;
            return Ok(operand.matches(self.rule, &text, budget));
        }
        let operand = self.as_text.as_ref().ok_or(Unanswerable)?;
        Ok(operand.matches(self.rule, value, budget))
    }
}

impl Rule {
    const fn compares_numbers(self) -> bool {
        matches!(
            self,
            Self::LessThan | Self::LessThanOrEqual | Self::GreaterThan | Self::GreaterThanOrEqual
        )
    }

    /// Whether the rule is true of a number and an operand; `None` for a rule that compares texts.
    fn is_true_of_numbers(self, number: f64, operand: f64) -> Option<bool> {
        match self {
            Self::LessThan => Some(number < operand),
            Self::LessThanOrEqual => Some(number <= operand),
            Self::GreaterThan => Some(number > operand),
            Self::GreaterThanOrEqual => Some(number >= operand),
            _ => None,
        }
    }
}

impl Compared {
    fn matches(&self, rule: Rule, value: &str, budget: &Budget) -> Comparison {
        match self {
            Self::Text(text) => text_matches(rule, text, value).into(),
            Self::Pattern(pattern) => searched(pattern.as_deref(), value, budget),
        }
    }
}

impl From<bool> for Comparison {
    fn from(is_true: bool) -> Self {
        if is_true { Self::True } else { Self::False }
    }
}

/// The pattern of a `regex()`, and the rule that it then is.
fn pattern_of(pattern: &str, fault: &mut Option<Fault>) -> (Rule, Option<Box<Pattern>>) {
    match Pattern::compile(pattern) {
        Ok(pattern) => (Rule::Regex, Some(Box::new(pattern))),
        Err(PatternError::Invalid) => {
            *fault = Some(Fault {
                wanted: "a pattern that Python compiles",
                found: "another text",
                consequence: Consequence::ClauseFalse,
            });
            (Rule::Regex, None)
        }
        Err(PatternError::Unsupported(found)) => {
            *fault = Some(Fault {
                wanted: "a pattern that is supported",
                found,
                consequence: Consequence::NeverMatches,
            });
            (Rule::Unanswerable, None)
        }
    }
}

/// The problem of an operand that never matches, or that is probably a mistake.
fn fault_of(source: &str, rule: Rule, operand: &str, as_number: Option<f64>) -> Option<Fault> {
    let is_infinite = as_number.is_some_and(|number| !number.is_finite());
    let (wanted, found) = match rule {
        Rule::Unanswerable => ("text within the brackets", "nothing"),
        rule if rule.compares_numbers() => match as_number {
            None if operand.is_empty() => ("a number to compare with", "nothing"),
            None => ("a number to compare with", "other text"),
            Some(_) if is_infinite => ("a number to compare with", NOT_FINITE),
            Some(_) => return None,
        },
        Rule::Equals | Rule::Lower if operand.is_empty() => {
            return Some(Fault {
                wanted: "text to compare with",
                found: "nothing",
                consequence: Consequence::ClauseFalse,
            });
        }
        Rule::Equals | Rule::Lower if is_infinite => ("text, or a finite number", NOT_FINITE),
        Rule::Equals if operand == source && is_almost_a_rule(source) => {
            return Some(Fault {
                wanted: "the name of an operator",
                found: "one that is spelt otherwise, so that all of it is plain text",
                consequence: Consequence::UsedAsItIs,
            });
        }
        _ => return None,
    };
    Some(Fault {
        wanted,
        found,
        consequence: Consequence::NeverMatches,
    })
}

const NOT_FINITE: &str = "one that is infinite or not a number";

/// Whether text would be a rule if its name were in lower case and without punctuation.
fn is_almost_a_rule(source: &str) -> bool {
    let Some((name, _)) = split_call(source) else {
        return false;
    };
    let name: String = name
        .chars()
        .filter(|sign| !matches!(sign, ' ' | '_' | '-'))
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    NAMES.contains(&&*name)
}

/// The names of the rules.
const NAMES: [&str; 15] = [
    "wildcard",
    "equals",
    "lower",
    "contains",
    "startswith",
    "endswith",
    "regex",
    "lt",
    "lessthan",
    "lte",
    "lessthanequalto",
    "gt",
    "greaterthan",
    "gte",
    "greaterthanequalto",
];

fn searched(pattern: Option<&Pattern>, text: &str, budget: &Budget) -> Comparison {
    match pattern.map(|pattern| pattern.search(text, budget)) {
        Some(Search::Found) => Comparison::True,
        Some(Search::NotFound) | None => Comparison::False,
        Some(Search::GivenUp) => Comparison::GivenUp,
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
        return (Rule::Unanswerable, inner);
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

/// The text that a rule compares with: `lower` needs the operand in lower case.
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
        let answer = Operand::compile(operand, |_| {}).matches(value, &Budget::default())?;
        Ok(answer == Comparison::True)
    }

    #[test]
    fn a_number_is_compared_as_its_text_would_be() {
        let values = [
            Value::Integer(-7),
            Value::Integer(20),
            Value::Integer(i64::MAX),
            Value::Integer((1 << 53) + 1),
            Value::Number(20.0),
            Value::Number(-0.0),
            Value::Number(1e300),
            Value::Number(f64::INFINITY),
            Value::Number(f64::NAN),
            Value::Boolean(true),
            Value::Text("20".into()),
            Value::Missing,
        ];
        let mut answered = 0;
        for operand in [
            "gt(20)",
            "gte(20.0)",
            "lt(9007199254740993)",
            "lte(-0)",
            "gt(inf)",
            "20",
        ] {
            let operand = Operand::compile(operand, |_| {});
            for value in &values {
                let Some(answer) = operand.is_true_of_number(value) else {
                    continue;
                };
                answered += 1;
                let text = value.clone().into_text().unwrap();
                assert_eq!(
                    operand.matches(&text, &Budget::default()),
                    Ok(answer.into()),
                    "{operand:?} {value:?}"
                );
            }
        }
        assert_eq!(answered, 4 * 7);
    }

    fn fault(operand: &str) -> Option<Fault> {
        let mut found = None;
        let _ = Operand::compile(operand, |fault| found = Some(fault));
        found
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
    fn patterns_are_searched_for() {
        assert!(is_true("regex(^a+b?$)", "aaab"));
        assert!(!is_true("regex(^a+$)", "ab"));
        assert!(is_true("regex(5)", "2.5"));
        // Both are numbers, so both lose their points before the search.
        assert!(is_true("regex(5.0)", "51"));
        assert_eq!(answer("regex(()", "a"), Ok(false));
        assert_eq!(answer(r"regex(\N{DASH})", "a"), Err(Unanswerable));
    }

    #[test]
    fn what_can_never_be_true_is_said() {
        for operand in [
            "gt(abc)",
            "lte()",
            "wildcard()",
            "lt(inf)",
            "gte(nan)",
            "inf",
            "lower(NaN)",
        ] {
            let consequence = fault(operand).map(|fault| fault.consequence);
            assert_eq!(consequence, Some(Consequence::NeverMatches), "{operand}");
        }
        for operand in ["", "lower()", "equals()"] {
            let consequence = fault(operand).map(|fault| fault.consequence);
            assert_eq!(consequence, Some(Consequence::ClauseFalse), "{operand}");
        }
        for operand in ["LOWER(a)", "less_than(2)", " lower(a)", "Greater-Than(1)"] {
            let consequence = fault(operand).map(|fault| fault.consequence);
            assert_eq!(consequence, Some(Consequence::UsedAsItIs), "{operand}");
        }
        for operand in [
            "gt(1)",
            "lt( 2 )",
            "wildcard(*)",
            "contains()",
            "contains(nan)",
            "regex()",
            "a",
            "Mozilla/5.0 (X11)",
            "lowered(a)",
            "0",
        ] {
            assert_eq!(fault(operand), None, "{operand}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_pattern_is_said() {
        assert_eq!(fault("regex(a)"), None);
        assert_eq!(fault("lower(()"), None);
        assert_eq!(
            fault("regex(()").map(|fault| fault.consequence),
            Some(Consequence::ClauseFalse)
        );
        assert_eq!(
            fault(r"regex(\N{DASH})").map(|fault| fault.consequence),
            Some(Consequence::NeverMatches)
        );
    }

    #[test]
    fn a_hostile_pattern_is_given_up() {
        for pattern in [r"^(a+)+\1$", r"(x)?a++\1b", r"(x)?(?=a*!)a\1b"] {
            let operand = Operand::compile(&format!("regex({pattern})"), |_| {});
            let value = format!("{}!", "a".repeat(10_000));
            assert_eq!(
                operand.matches(&value, &Budget::default()),
                Ok(Comparison::GivenUp)
            );
        }
    }

    #[test]
    fn the_two_crossed_names() {
        assert!(is_true("startswith(x)", "ax"));
        assert!(!is_true("startswith(x)", "xa"));
        assert!(is_true("endswith(x)", "xa"));
    }
}
