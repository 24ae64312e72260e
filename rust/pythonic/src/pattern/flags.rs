//! The flags of a pattern, and of a group.

use super::PatternError;
use super::set::Case;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a flag of a pattern is on or off"
)]
pub(super) struct Flags {
    pub(super) ascii: bool,
    /// Written out; the default all the same.
    pub(super) unicode: bool,
    pub(super) ignore_case: bool,
    pub(super) multi_line: bool,
    pub(super) dot_all: bool,
    pub(super) verbose: bool,
    pub(super) template: bool,
}

impl Flags {
    pub(super) fn set(&mut self, flag: char) {
        match flag {
            'a' => self.ascii = true,
            'u' => self.unicode = true,
            'i' => self.ignore_case = true,
            'm' => self.multi_line = true,
            's' => self.dot_all = true,
            'x' => self.verbose = true,
            _ => self.template = true,
        }
    }

    pub(super) fn has(self, flag: char) -> bool {
        match flag {
            'a' => self.ascii,
            'u' => self.unicode,
            'i' => self.ignore_case,
            'm' => self.multi_line,
            's' => self.dot_all,
            'x' => self.verbose,
            _ => self.template,
        }
    }

    /// These flags with others turned on and off for a group.
    pub(super) fn with(mut self, on: Self, off: Self) -> Self {
        if on.ascii || on.unicode {
            self.ascii = on.ascii;
        }
        self.ignore_case = (self.ignore_case || on.ignore_case) && !off.ignore_case;
        self.multi_line = (self.multi_line || on.multi_line) && !off.multi_line;
        self.dot_all = (self.dot_all || on.dot_all) && !off.dot_all;
        self.verbose = (self.verbose || on.verbose) && !off.verbose;
        self
    }

    pub(super) fn case(self) -> Case {
        match (self.ignore_case, self.ascii) {
            (false, _) => Case::Exact,
            (true, false) => Case::Ignored,
            (true, true) => Case::AsciiIgnored,
        }
    }
}

pub(super) fn merged(one: Flags, other: Flags) -> Flags {
    let mut both = one;
    for flag in "aimsux".chars() {
        if other.has(flag) {
            both.set(flag);
        }
    }
    both
}

pub(super) fn ensure_flag(sign: char) -> Result<(), PatternError> {
    if "aiLmstux".contains(sign) {
        return Ok(());
    }
    Err(PatternError::Invalid)
}
