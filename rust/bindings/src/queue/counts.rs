//! The ledger's numbers: how many events of each kind are in which state.
//!
//! Every change is one call, which no signal handler can interrupt.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::calling::dictionary;
use crate::queue::waiting::Waiting;

/// The kind of an event, as an index into the names that the ledger knows.
pub(crate) type Kind = usize;

/// A user is a visitor of a campaign.
pub(crate) const VISITOR: Kind = 0;
/// A user reached a goal.
pub(crate) const CONVERSION: Kind = 1;

/// The terms of the ledger that are counted by kind alone.
#[derive(Clone, Copy)]
pub(crate) enum Term {
    Accepted,
    Adopted,
    Delivered,
    Queued,
    InFlight,
    Spooled,
    PossiblyDuplicated,
    LeftOut,
    AnsweredWithHtml,
}

const TERMS: [(&str, Term); 9] = [
    ("accepted", Term::Accepted),
    ("adopted", Term::Adopted),
    ("delivered", Term::Delivered),
    ("queued", Term::Queued),
    ("in_flight", Term::InFlight),
    ("spooled", Term::Spooled),
    ("possibly_duplicated", Term::PossiblyDuplicated),
    ("left_out", Term::LeftOut),
    ("answered_with_html", Term::AnsweredWithHtml),
];

/// Numbers of events, by kind.
type ByKind = Vec<i64>;

fn add(numbers: &mut ByKind, kind: Kind, count: i64) {
    if numbers.len() <= kind {
        numbers.resize(kind + 1, 0);
    }
    if let Some(number) = numbers.get_mut(kind) {
        *number += count;
    }
}

/// Numbers of events by reason, then by kind.
#[derive(Clone, Default)]
struct ByReason(Vec<(Box<str>, ByKind)>);

impl ByReason {
    fn of(&mut self, reason: &str) -> &mut ByKind {
        let index = self.0.iter().position(|(known, _)| **known == *reason);
        let index = index.unwrap_or_else(|| {
            self.0.push((reason.into(), ByKind::new()));
            self.0.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "found or made just before")]
        &mut self.0[index].1
    }
}

/// All numbers of a ledger.
#[derive(Clone)]
pub(crate) struct Numbers {
    kinds: Vec<Box<str>>,
    terms: [ByKind; TERMS.len()],
    dropped: ByReason,
    refused: ByReason,
    /// The events lost or refused since the client last reported them, by reason.
    untold: ByReason,
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            kinds: vec!["visitor".into(), "conversion".into()],
            terms: Default::default(),
            dropped: ByReason::default(),
            refused: ByReason::default(),
            untold: ByReason::default(),
        }
    }
}

impl Numbers {
    pub(crate) fn kind(&mut self, name: &str) -> Kind {
        let known = self.kinds.iter().position(|known| **known == *name);
        known.unwrap_or_else(|| {
            self.kinds.push(name.into());
            self.kinds.len() - 1
        })
    }

    pub(crate) fn name(&self, kind: Kind) -> &str {
        self.kinds.get(kind).map_or("", |name| name)
    }

    pub(crate) fn add(&mut self, term: Term, kind: Kind, count: i64) {
        #[expect(clippy::indexing_slicing, reason = "there is one for each term")]
        add(&mut self.terms[term as usize], kind, count);
    }

    pub(crate) fn move_between(&mut self, source: Term, target: Term, kind: Kind) {
        self.add(source, kind, -1);
        self.add(target, kind, 1);
    }

    pub(crate) fn drop_from(&mut self, source: Term, kind: Kind, reason: &str, count: i64) {
        self.add(source, kind, -count);
        add(self.dropped.of(reason), kind, count);
    }

    pub(crate) fn refuse(&mut self, kind: Kind, reason: &str, count: i64) {
        add(self.refused.of(reason), kind, count);
    }

    /// Notes that the client has to tell of a loss.
    pub(crate) fn note(&mut self, reason: &str, count: i64) {
        add(self.untold.of(reason), 0, count);
    }

    pub(crate) fn has_untold(&self) -> bool {
        !self.untold.0.is_empty()
    }

    fn is_at_rest(&self) -> bool {
        [Term::Queued, Term::InFlight].into_iter().all(|term| {
            self.terms
                .get(term as usize)
                .is_none_or(|numbers| numbers.iter().all(|number| *number == 0))
        })
    }

    fn in_python<'py>(&self, py: Python<'py>, numbers: &ByKind) -> PyResult<Bound<'py, PyDict>> {
        let made = dictionary(py);
        for (kind, number) in numbers
            .iter()
            .enumerate()
            .filter(|(_, number)| **number != 0)
        {
            made.set_item(self.name(kind), number)?;
        }
        Ok(made)
    }

    fn reasons_in_python<'py>(
        &self,
        py: Python<'py>,
        reasons: &ByReason,
    ) -> PyResult<Bound<'py, PyDict>> {
        let made = dictionary(py);
        for (reason, numbers) in &reasons.0 {
            made.set_item(&**reason, self.in_python(py, numbers)?)?;
        }
        Ok(made)
    }
}

/// The state that changes together: the numbers and the waiting events.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) numbers: Numbers,
    pub(crate) waiting: Waiting,
}

/// A state that several objects share. Its lock is never held while anything of Python's runs.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<State>>);

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // Code under the lock does not panic halfway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Numbers of events by the names of their kinds, as Python gives them.
fn kinds_of(kinds: &Bound<'_, PyDict>) -> PyResult<Vec<(String, i64)>> {
    kinds
        .iter()
        .map(|(kind, count)| Ok((kind.extract()?, count.extract()?)))
        .collect()
}

fn term_of(name: &str) -> PyResult<Term> {
    let found = TERMS.iter().find(|(known, _)| *known == name);
    found
        .map(|(_, term)| *term)
        .ok_or_else(|| PyValueError::new_err("no such term"))
}

/// The outcome of every event, by number.
#[pyclass(frozen, module = "sortition._core")]
pub(crate) struct Counts(pub(crate) Shared);

#[pymethods]
impl Counts {
    #[new]
    fn new() -> Self {
        Self(Shared::default())
    }

    /// Counts events that a call sends itself, until the object that is returned is ended.
    fn begin(&self, kinds: &Bound<'_, PyDict>) -> PyResult<InFlight> {
        let kinds = kinds_of(kinds)?;
        let mut state = self.0.lock();
        let numbers = &mut state.numbers;
        let kinds: Vec<_> = kinds
            .into_iter()
            .map(|(name, count)| (numbers.kind(&name), count))
            .collect();
        for &(kind, count) in &kinds {
            numbers.add(Term::Accepted, kind, count);
            numbers.add(Term::InFlight, kind, count);
        }
        drop(state);
        Ok(InFlight {
            shared: self.0.clone(),
            kinds: Mutex::new(kinds),
        })
    }

    #[pyo3(signature = (kind, reason, count = 1))]
    fn refuse(&self, kind: &str, reason: &str, count: i64) {
        let mut state = self.0.lock();
        let kind = state.numbers.kind(kind);
        state.numbers.refuse(kind, reason, count);
    }

    fn leave_out(&self, kind: &str) {
        let mut state = self.0.lock();
        let kind = state.numbers.kind(kind);
        state.numbers.add(Term::LeftOut, kind, 1);
    }

    fn adopt(&self, kinds: &Bound<'_, PyDict>) -> PyResult<()> {
        self.change(kinds, |numbers, kind, count| {
            numbers.add(Term::Adopted, kind, count);
            numbers.add(Term::Spooled, kind, count);
        })
    }

    fn drop_spooled(&self, kinds: &Bound<'_, PyDict>, reason: &str) -> PyResult<()> {
        self.change(kinds, |numbers, kind, count| {
            numbers.drop_from(Term::Spooled, kind, reason, count);
            numbers.note(reason, count);
        })
    }

    fn repeat(&self, kinds: &Bound<'_, PyDict>) -> PyResult<()> {
        self.change(kinds, |numbers, kind, count| {
            numbers.add(Term::PossiblyDuplicated, kind, count);
        })
    }

    fn note_html(&self, kinds: &Bound<'_, PyDict>) -> PyResult<()> {
        self.change(kinds, |numbers, kind, count| {
            numbers.add(Term::AnsweredWithHtml, kind, count);
        })
    }

    #[getter]
    fn has_untold(&self) -> bool {
        self.0.lock().numbers.has_untold()
    }

    fn take_untold<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let made = dictionary(py);
        let untold = std::mem::take(&mut self.0.lock().numbers.untold);
        for (reason, numbers) in &untold.0 {
            made.set_item(&**reason, numbers.iter().sum::<i64>())?;
        }
        Ok(made)
    }

    fn is_at_rest(&self) -> bool {
        self.0.lock().numbers.is_at_rest()
    }

    fn total(&self, term: &str) -> PyResult<i64> {
        let term = term_of(term)?;
        let state = self.0.lock();
        Ok(state
            .numbers
            .terms
            .get(term as usize)
            .map_or(0, |numbers| numbers.iter().sum()))
    }

    fn terms<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let made = dictionary(py);
        let numbers = self.0.lock().numbers.clone();
        for (name, term) in TERMS {
            let counted = numbers.terms.get(term as usize);
            let counted =
                counted.map_or_else(|| Ok(dictionary(py)), |one| numbers.in_python(py, one))?;
            made.set_item(name, counted)?;
        }
        made.set_item("dropped", numbers.reasons_in_python(py, &numbers.dropped)?)?;
        made.set_item("refused", numbers.reasons_in_python(py, &numbers.refused)?)?;
        Ok(made)
    }
}

impl Counts {
    fn change(
        &self,
        kinds: &Bound<'_, PyDict>,
        change: impl Fn(&mut Numbers, Kind, i64),
    ) -> PyResult<()> {
        let kinds = kinds_of(kinds)?;
        let mut state = self.0.lock();
        for (name, count) in kinds {
            let kind = state.numbers.kind(&name);
            change(&mut state.numbers, kind, count);
        }
        Ok(())
    }
}

/// Events that a call has on their way. Whatever ends the call, they are counted once.
#[pyclass(frozen, module = "sortition._core")]
pub(crate) struct InFlight {
    shared: Shared,
    kinds: Mutex<Vec<(Kind, i64)>>,
}

impl InFlight {
    fn end_with(&self, reason: Option<&str>) {
        let kinds = std::mem::take(&mut *self.kinds.lock().unwrap_or_else(PoisonError::into_inner));
        let mut state = self.shared.lock();
        for (kind, count) in kinds {
            match reason {
                None => {
                    state.numbers.add(Term::InFlight, kind, -count);
                    state.numbers.add(Term::Delivered, kind, count);
                }
                Some(reason) => state.numbers.drop_from(Term::InFlight, kind, reason, count),
            }
        }
    }
}

#[pymethods]
impl InFlight {
    /// Counts the events as delivered, or as dropped for a reason; the first end counts.
    #[pyo3(signature = (reason = None))]
    fn end(&self, reason: Option<&Bound<'_, PyString>>) -> PyResult<()> {
        match reason {
            None => self.end_with(None),
            Some(reason) => self.end_with(Some(reason.to_str()?)),
        }
        Ok(())
    }
}

impl Drop for InFlight {
    /// The call was interrupted: the outcome of the events is unknown.
    fn drop(&mut self) {
        self.end_with(Some("unknown_outcome"));
    }
}
