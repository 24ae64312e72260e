//! A settings document, or another text of a platform, as JSON.
//!
//! A document may be large and hostile, and most of it may be ignored. So no object is built for
//! a value: reading makes a table with eight bytes for each, which points into the text. Whoever
//! looks at a value gets a view of it.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use crate::problem::{Consequence, Place, Problem};

/// How deep a document may be nested.
const MOST_LEVELS: usize = 127;

/// The documents that a table can point into are shorter than this, in bytes.
const TOO_LONG: usize = 1 << 30;

/// Half of a surrogate pair: the first code units, and the second ones.
const FIRST_HALVES: std::ops::RangeInclusive<u32> = 0xD800..=0xDBFF;

/// A JSON text that was read.
///
/// # Examples
///
/// ```
/// use sortition_engine::document::{Document, Value};
///
/// let document = Document::parse(br#"{"version": 1, "version": 2}"#).expect("it is JSON");
/// let Value::Object(object) = document.value() else {
///     panic!("it is an object");
/// };
/// // As in Python, the last of two equal keys counts.
/// assert_eq!(object.get("version").unwrap().to_string(), "2");
/// ```
#[derive(Debug)]
pub struct Document<'t> {
    text: &'t str,
    /// The strings that have escapes, without them.
    unescaped: String,
    entries: Vec<Entry>,
}

/// A value of the table: its kind and two numbers, of 4, 30 and 30 bits.
///
/// The numbers of a scalar are where its text begins and how long it is; the first number of a
/// list or an object is the index of the entry behind the last that lies in it.
#[derive(Clone, Copy, Debug)]
struct Entry(u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Null,
    False,
    True,
    Number,
    /// A string that stands in the text as it is.
    Plain,
    /// A string that stands in `unescaped`.
    Unescaped,
    List,
    Object,
}

impl Entry {
    const BITS: u32 = 30;
    const MASK: u64 = (1 << Self::BITS) - 1;

    /// An entry; both numbers are below [`TOO_LONG`].
    const fn new(kind: Kind, one: usize, other: usize) -> Self {
        let (one, other) = (one as u64 & Self::MASK, other as u64 & Self::MASK);
        Self(((kind as u64) << (2 * Self::BITS)) | (one << Self::BITS) | other)
    }

    const fn kind(self) -> Kind {
        match self.0 >> (2 * Self::BITS) {
            0 => Kind::Null,
            1 => Kind::False,
            2 => Kind::True,
            3 => Kind::Number,
            4 => Kind::Plain,
            5 => Kind::Unescaped,
            6 => Kind::List,
            _ => Kind::Object,
        }
    }

    const fn one(self) -> usize {
        ((self.0 >> Self::BITS) & Self::MASK) as usize
    }

    const fn other(self) -> usize {
        (self.0 & Self::MASK) as usize
    }
}

/// A value of a document.
#[derive(Clone, Copy, Debug)]
pub enum Value<'d> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as its text.
    Number(Number<'d>),
    /// A string, without its escapes.
    String(&'d str),
    /// A list.
    List(List<'d>),
    /// An object.
    Object(Object<'d>),
}

/// A number of a document.
#[derive(Clone, Copy, Debug)]
pub struct Number<'d>(&'d str);

impl<'d> Number<'d> {
    /// The number as the document has it.
    #[must_use]
    pub const fn as_str(self) -> &'d str {
        self.0
    }

    /// The nearest binary64 number; `None` where that is infinite.
    #[must_use]
    pub fn finite(self) -> Option<f64> {
        self.0
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
    }
}

/// A list of a document.
#[derive(Clone, Copy, Debug, Default)]
pub struct List<'d> {
    /// The document; only an empty list may have none.
    document: Option<&'d Document<'d>>,
    first: usize,
    end: usize,
}

impl<'d> List<'d> {
    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.first == self.end
    }

    /// Its values, in order.
    pub fn iter(self) -> impl Iterator<Item = Value<'d>> {
        let mut next = self.first;
        std::iter::from_fn(move || {
            let document = self.document.filter(|_| next < self.end)?;
            let value = document.value_at(next);
            next = document.after(next);
            Some(value)
        })
    }
}

/// An object of a document.
///
/// As in Python, a key that stands in it twice has the place of the first and the value of the
/// last.
#[derive(Clone, Copy, Debug)]
pub struct Object<'d> {
    document: &'d Document<'d>,
    first: usize,
    end: usize,
}

impl<'d> Object<'d> {
    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.first == self.end
    }

    /// The value under this key. Takes longer the more keys there are; see [`Index`].
    #[must_use]
    pub fn get(self, key: &str) -> Option<Value<'d>> {
        let mut found = None;
        for entry in self.pairs() {
            if self.document.string_at(entry) == key {
                found = Some(entry);
            }
        }
        found.map(|entry| self.document.value_at(entry + 1))
    }

    /// The first key, with its value.
    #[must_use]
    pub fn first(self) -> Option<(&'d str, Value<'d>)> {
        let key = self.document.string_at(self.pairs().next()?);
        Some((key, self.get(key)?))
    }

    /// Whether it has more than one key.
    #[must_use]
    pub fn has_several(self) -> bool {
        let mut keys = self.pairs().map(|entry| self.document.string_at(entry));
        let first = keys.next();
        keys.any(|key| Some(key) != first)
    }

    /// Its keys with their values, in order.
    pub fn iter(self) -> impl Iterator<Item = (&'d str, Value<'d>)> {
        let index = Index::of(self);
        let mut seen = HashSet::new();
        // A set is needed only where a key stands twice.
        let is_plain = !index.has_doubles();
        self.pairs().filter_map(move |entry| {
            let key = self.document.string_at(entry);
            if is_plain {
                return Some((key, self.document.value_at(entry + 1)));
            }
            seen.insert(key)
                .then(|| index.get(key))
                .flatten()
                .map(|value| (key, value))
        })
    }

    /// The indices of the entries of its keys.
    fn pairs(self) -> impl Iterator<Item = usize> {
        let mut next = self.first;
        std::iter::from_fn(move || {
            (next < self.end).then(|| {
                let key = next;
                next = self.document.after(key + 1);
                key
            })
        })
    }
}

/// The keys of an object in alphabetical order, for whoever looks up many.
#[derive(Debug)]
pub(crate) struct Index<'d> {
    document: &'d Document<'d>,
    keys: Box<[u32]>,
}

impl<'d> Index<'d> {
    /// The index of this object.
    pub(crate) fn of(object: Object<'d>) -> Self {
        let document = object.document;
        let mut keys: Vec<u32> = object
            .pairs()
            .filter_map(|entry| entry.try_into().ok())
            .collect();
        // Equal keys keep their order.
        keys.sort_by_key(|entry| document.string_at(*entry as usize));
        Self {
            document,
            keys: keys.into(),
        }
    }

    /// The value under this key.
    pub(crate) fn get(&self, key: &str) -> Option<Value<'d>> {
        let string_at = |entry: &u32| self.document.string_at(*entry as usize);
        let after = self.keys.partition_point(|entry| string_at(entry) <= key);
        let last = self.keys.get(after.checked_sub(1)?)?;
        (string_at(last) == key).then(|| self.document.value_at(*last as usize + 1))
    }

    fn has_doubles(&self) -> bool {
        let string_at = |entry: u32| self.document.string_at(entry as usize);
        self.keys
            .windows(2)
            .any(|pair| matches!(pair, [one, other] if string_at(*one) == string_at(*other)))
    }
}

impl<'d> Value<'d> {
    /// The string that it is.
    #[must_use]
    pub const fn as_str(self) -> Option<&'d str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The object that it is.
    #[must_use]
    pub const fn as_object(self) -> Option<Object<'d>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The value under this key, where it is an object that has it.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Self> {
        self.as_object()?.get(key)
    }

    /// Whether Python would call this value true.
    #[must_use]
    pub fn is_truthy(self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(boolean) => boolean,
            Self::Number(number) => number.finite() != Some(0.0),
            Self::String(text) => !text.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Object(object) => !object.is_empty(),
        }
    }
}

/// As JSON, with numbers as they stand in the document.
impl fmt::Display for Value<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("null"),
            Self::Bool(boolean) => write!(formatter, "{boolean}"),
            Self::Number(number) => formatter.write_str(number.as_str()),
            Self::String(text) => formatter.write_str(&quoted(text)),
            Self::List(list) => {
                formatter.write_str("[")?;
                for (index, value) in list.iter().enumerate() {
                    formatter.write_str(if index == 0 { "" } else { ", " })?;
                    value.fmt(formatter)?;
                }
                formatter.write_str("]")
            }
            Self::Object(object) => {
                formatter.write_str("{")?;
                for (index, (key, value)) in object.iter().enumerate() {
                    formatter.write_str(if index == 0 { "" } else { ", " })?;
                    write!(formatter, "{}: {value}", quoted(key))?;
                }
                formatter.write_str("}")
            }
        }
    }
}

/// A text as a JSON string, with as few escapes as there may be.
pub(crate) fn quoted(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            control if control < ' ' => {
                // Writing to a string cannot fail.
                let _ = write!(json, "\\u{:04x}", u32::from(control));
            }
            other => json.push(other),
        }
    }
    json.push('"');
    json
}

impl<'t> Document<'t> {
    /// Reads JSON in UTF-8.
    ///
    /// # Errors
    ///
    /// The problem of a text that is not JSON in UTF-8, that is nested too deep, or that is larger
    /// than a gigabyte.
    pub fn parse(bytes: &'t [u8]) -> Result<Self, Problem> {
        let refused = |wanted: &str, found: String| {
            Place::Document.problem(wanted, found, Consequence::DocumentRefused)
        };
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Err(refused("JSON in UTF-8", "other bytes".to_owned()));
        };
        if text.len() >= TOO_LONG {
            return Err(refused("less than a gigabyte", "more".to_owned()));
        }
        let mut reader = Reader::new(text);
        match reader.read() {
            Ok(()) => Ok(reader.document),
            Err(Stop::TooDeep) => Err(refused(
                &format!("at most {MOST_LEVELS} levels"),
                "more".to_owned(),
            )),
            Err(Stop::NotJson) => {
                let (line, column) = line_and_column(text, reader.at);
                let found = format!("text that is not, at line {line} column {column}");
                Err(refused("JSON", found))
            }
        }
    }

    /// The value that the text is.
    #[must_use]
    pub fn value(&self) -> Value<'_> {
        self.value_at(0)
    }

    fn value_at(&self, index: usize) -> Value<'_> {
        let Some(entry) = self.entries.get(index) else {
            return Value::Null;
        };
        match entry.kind() {
            Kind::Null => Value::Null,
            Kind::False => Value::Bool(false),
            Kind::True => Value::Bool(true),
            Kind::Number => Value::Number(Number(slice(self.text, *entry))),
            Kind::Plain | Kind::Unescaped => Value::String(self.string_at(index)),
            Kind::List => Value::List(List {
                document: Some(self),
                first: index + 1,
                end: entry.one(),
            }),
            Kind::Object => Value::Object(Object {
                document: self,
                first: index + 1,
                end: entry.one(),
            }),
        }
    }

    fn string_at(&self, index: usize) -> &str {
        match self.entries.get(index) {
            Some(entry) if entry.kind() == Kind::Plain => slice(self.text, *entry),
            Some(entry) if entry.kind() == Kind::Unescaped => slice(&self.unescaped, *entry),
            _ => "",
        }
    }

    /// The index of the entry behind this value.
    fn after(&self, index: usize) -> usize {
        match self.entries.get(index) {
            Some(entry) if matches!(entry.kind(), Kind::List | Kind::Object) => entry.one(),
            _ => index + 1,
        }
    }
}

fn slice(text: &str, entry: Entry) -> &str {
    text.get(entry.one()..entry.one() + entry.other())
        .unwrap_or_default()
}

/// Where a byte of a text stands, both counted from 1 and the column in characters.
fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// Why the reading of a text ends early.
enum Stop {
    /// No JSON begins like the text up to and with the character at which the reader stands.
    NotJson,
    TooDeep,
}

struct Reader<'t> {
    document: Document<'t>,
    at: usize,
    /// The indices of the lists and objects that are open, from the outside in.
    open: Vec<usize>,
}

impl<'t> Reader<'t> {
    const fn new(text: &'t str) -> Self {
        Self {
            document: Document {
                text,
                unescaped: String::new(),
                entries: Vec::new(),
            },
            at: 0,
            open: Vec::new(),
        }
    }

    fn read(&mut self) -> Result<(), Stop> {
        loop {
            let is_open = self.value()?;
            if !is_open && self.next_or_end()? {
                return Ok(());
            }
        }
    }

    /// Reads a value, of a list or an object only its beginning; whether there is a first value in
    /// it to be read.
    fn value(&mut self) -> Result<bool, Stop> {
        self.skip_blanks();
        match self.peek() {
            Some(b'{') => {
                self.open(Kind::Object)?;
                if self.take(b'}') {
                    self.close();
                    return Ok(false);
                }
                self.key()?;
                return Ok(true);
            }
            Some(b'[') => {
                self.open(Kind::List)?;
                if self.take(b']') {
                    self.close();
                    return Ok(false);
                }
                return Ok(true);
            }
            Some(b'"') => self.string()?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b'n') => self.word("null", Kind::Null)?,
            Some(b'f') => self.word("false", Kind::False)?,
            Some(b't') => self.word("true", Kind::True)?,
            _ => return Err(Stop::NotJson),
        }
        Ok(false)
    }

    /// Reads what stands between a value and the next one; whether that was the last one.
    fn next_or_end(&mut self) -> Result<bool, Stop> {
        loop {
            self.skip_blanks();
            let Some(&container) = self.open.last() else {
                return if self.peek().is_none() {
                    Ok(true)
                } else {
                    Err(Stop::NotJson)
                };
            };
            let entry = self.document.entries.get(container);
            let is_object = entry.is_some_and(|entry| entry.kind() == Kind::Object);
            match (is_object, self.peek()) {
                (false, Some(b',')) => {
                    self.at += 1;
                    return Ok(false);
                }
                (true, Some(b',')) => {
                    self.at += 1;
                    self.skip_blanks();
                    self.key()?;
                    return Ok(false);
                }
                (true, Some(b'}')) | (false, Some(b']')) => {
                    self.at += 1;
                    self.close();
                }
                _ => return Err(Stop::NotJson),
            }
        }
    }

    fn open(&mut self, kind: Kind) -> Result<(), Stop> {
        if self.open.len() == MOST_LEVELS {
            return Err(Stop::TooDeep);
        }
        self.at += 1;
        self.open.push(self.document.entries.len());
        self.push(Entry::new(kind, 0, 0));
        self.skip_blanks();
        Ok(())
    }

    fn close(&mut self) {
        let end = self.document.entries.len();
        if let Some(index) = self.open.pop()
            && let Some(entry) = self.document.entries.get_mut(index)
        {
            *entry = Entry::new(entry.kind(), end, 0);
        }
    }

    fn key(&mut self) -> Result<(), Stop> {
        if self.peek() != Some(b'"') {
            return Err(Stop::NotJson);
        }
        self.string()?;
        self.skip_blanks();
        if self.take(b':') {
            Ok(())
        } else {
            Err(Stop::NotJson)
        }
    }

    fn word(&mut self, word: &str, kind: Kind) -> Result<(), Stop> {
        for byte in word.bytes() {
            if !self.take(byte) {
                return Err(Stop::NotJson);
            }
        }
        self.push(Entry::new(kind, 0, 0));
        Ok(())
    }

    fn number(&mut self) -> Result<(), Stop> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        self.push(Entry::new(Kind::Number, start, self.at - start));
        Ok(())
    }

    /// Reads at least one digit.
    fn digits(&mut self) -> Result<(), Stop> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start {
            return Err(Stop::NotJson);
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), Stop> {
        self.at += 1;
        let start = self.at;
        self.skip_plain();
        if self.take(b'"') {
            self.push(Entry::new(Kind::Plain, start, self.at - 1 - start));
            return Ok(());
        }
        let unescaped_from = self.document.unescaped.len();
        let mut plain_from = start;
        loop {
            let plain = self.document.text.get(plain_from..self.at);
            self.document.unescaped.push_str(plain.unwrap_or_default());
            if self.take(b'"') {
                break;
            }
            if !self.take(b'\\') {
                return Err(Stop::NotJson);
            }
            let character = self.escape()?;
            self.document.unescaped.push(character);
            plain_from = self.at;
            self.skip_plain();
        }
        let length = self.document.unescaped.len() - unescaped_from;
        self.push(Entry::new(Kind::Unescaped, unescaped_from, length));
        Ok(())
    }

    /// Goes to the next quotation mark, backslash or control character, or to the end.
    fn skip_plain(&mut self) {
        let rest = self.document.text.as_bytes().get(self.at..);
        let plain = |byte: &u8| *byte >= b' ' && *byte != b'"' && *byte != b'\\';
        let rest = rest.unwrap_or_default();
        self.at += rest
            .iter()
            .position(|byte| !plain(byte))
            .unwrap_or(rest.len());
    }

    /// Reads what stands behind a backslash.
    fn escape(&mut self) -> Result<char, Stop> {
        let character = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode_escape();
            }
            _ => return Err(Stop::NotJson),
        };
        self.at += 1;
        Ok(character)
    }

    /// Reads four hexadecimal digits, and the other half of a pair behind the first half.
    fn unicode_escape(&mut self) -> Result<char, Stop> {
        let unit = self.code_unit(|first, second| first != 0xD || second < 0xC)?;
        if !FIRST_HALVES.contains(&unit) {
            return char::from_u32(unit).ok_or(Stop::NotJson);
        }
        if !self.take(b'\\') || !self.take(b'u') {
            return Err(Stop::NotJson);
        }
        let second = self.code_unit(|first, second| first == 0xD && second >= 0xC)?;
        let code_point = 0x1_0000 + ((unit & 0x3FF) << 10) + (second & 0x3FF);
        char::from_u32(code_point).ok_or(Stop::NotJson)
    }

    /// Reads four hexadecimal digits, of which the first two are to be such.
    fn code_unit(&mut self, may_begin: impl Fn(u32, u32) -> bool) -> Result<u32, Stop> {
        let mut unit = 0;
        for index in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return Err(Stop::NotJson);
            };
            let is_possible = match index {
                0 => (0..16).any(|second| may_begin(digit, second)),
                1 => may_begin(unit, digit),
                _ => true,
            };
            if !is_possible {
                return Err(Stop::NotJson);
            }
            unit = unit * 16 + digit;
            self.at += 1;
        }
        Ok(unit)
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.document.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn push(&mut self, entry: Entry) {
        self.document.entries.push(entry);
    }
}

/// The texts of a document, each kept once, while it is compiled.
#[derive(Debug, Default)]
pub(crate) struct Texts(HashSet<Arc<str>>);

impl Texts {
    /// This text: the same one each time.
    pub(crate) fn share(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = text.into();
        self.0.insert(Arc::clone(&shared));
        shared
    }
}

/// What stands in a document or was made of what stands there.
pub(crate) type Text<'d> = Cow<'d, str>;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        Document::parse(text.as_bytes())
            .map(|document| document.value().to_string())
            .map_err(|problem| problem.found)
    }

    #[test]
    fn a_text_is_kept_once() {
        let mut texts = Texts::default();
        let first = texts.share("Control");
        assert!(Arc::ptr_eq(&first, &texts.share("Control")));
        assert!(!Arc::ptr_eq(&first, &texts.share("control")));
        assert_eq!(&*first, "Control");
    }

    #[test]
    fn what_is_read_is_what_stands_there() {
        for (text, same) in [
            (" null\n", "null"),
            ("[true ,false]", "[true, false]"),
            ("[-0.10e+5, 0, -0]", "[-0.10e+5, 0, -0]"),
            ("{ }", "{}"),
            (
                r#"{"a":[{"b":"c"},[]],"d":{}}"#,
                r#"{"a": [{"b": "c"}, []], "d": {}}"#,
            ),
            (
                r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude42é""#,
                r#""\"\\/\b\f\n\r\té🙂é""#,
            ),
        ] {
            assert_eq!(read(text).as_deref(), Ok(same));
        }
    }

    #[test]
    fn a_repeated_key_has_the_first_place_and_the_last_value() {
        let text = r#"{"a": 1, "b": 2, "a": 3}"#;
        assert_eq!(read(text).as_deref(), Ok(r#"{"a": 3, "b": 2}"#));
        let document = Document::parse(text.as_bytes()).unwrap();
        let object = document.value().as_object().unwrap();
        let (key, value) = object.first().unwrap();
        assert_eq!((key, value.to_string().as_str()), ("a", "3"));
        let index = Index::of(object);
        let found = |key| index.get(key).map(|value| value.to_string());
        assert_eq!(found("a").as_deref(), Some("3"));
        assert_eq!(found("b").as_deref(), Some("2"));
        assert_eq!(found("c"), None);
        assert_eq!(found(""), None);
        assert!(object.has_several());
    }

    #[test]
    fn a_fault_is_where_no_json_goes_on() {
        for (text, line, column) in [
            ("", 1, 1),
            (" \n ", 2, 2),
            ("\u{feff}{}", 1, 1),
            ("NaN", 1, 1),
            ("[1, NaN]", 1, 5),
            ("nul", 1, 4),
            ("[1,]", 1, 4),
            ("[1 2]", 1, 4),
            ("{\"é\": 01}", 1, 8),
            ("{\"a\" 1}", 1, 6),
            ("{a: 1}", 1, 2),
            ("{\"a\": 1,}", 1, 9),
            ("[-]", 1, 3),
            ("[1.]", 1, 4),
            ("[1e]", 1, 4),
            ("[1e+]", 1, 5),
            ("{} {}", 1, 4),
            ("[\n\"a\nb\"]", 2, 3),
            ("\"\\x\"", 1, 3),
            ("\"\\u12g4\"", 1, 6),
            ("\"\\udc00\"", 1, 5),
            ("\"\\ud83d\"", 1, 8),
            ("\"\\ud83d\\n\"", 1, 9),
            ("\"\\ud83d\\ud83d\"", 1, 11),
            ("\"a", 1, 3),
            ("[", 1, 2),
            ("[}", 1, 2),
        ] {
            let found = format!("text that is not, at line {line} column {column}");
            assert_eq!(read(text), Err(found), "{text}");
        }
    }

    #[test]
    fn it_may_be_nested_so_deep_and_no_deeper() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(read(&nested(MOST_LEVELS)).is_ok());
        assert_eq!(read(&nested(MOST_LEVELS + 1)), Err("more".to_owned()));
        // What comes first counts.
        assert_eq!(read(&"[".repeat(5000)), Err("more".to_owned()));
        assert!(read(&("[,".to_owned() + &"[".repeat(5000))).is_err_and(|found| found != "more"));
    }
}
