//! Events that were taken without a frame of Python's, until the queue gathers them.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};

use crate::error::without_panic;

/// What an event tells.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A user is a visitor of a campaign.
    Visitor,
    /// A user reached a goal.
    Conversion,
}

impl Kind {
    /// Its name in the ledger.
    fn in_python(self, py: Python<'_>) -> Bound<'_, PyString> {
        match self {
            Self::Visitor => intern!(py, "visitor"),
            Self::Conversion => intern!(py, "conversion"),
        }
        .clone()
    }
}

/// Where one event ends in the bytes of all.
struct Taken {
    kind: Kind,
    end: usize,
    at: Instant,
}

#[derive(Default)]
struct Contents {
    events: Vec<Taken>,
    bytes: Vec<u8>,
    /// How many events, and how many bytes of them, may be in here.
    most_events: usize,
    most_bytes: usize,
}

/// Takes events within what the queue has granted, and holds them until the queue gathers them.
///
/// Nothing that the queue has to do something about fits in: the first event, which wakes the thread,
/// the one that fills a batch, one for which there is no room. Those go the queue's own way.
#[pyclass(frozen, module = "sortition._core")]
pub(crate) struct Inbox {
    largest: usize,
    /// Never held while anything of Python's runs.
    contents: Mutex<Contents>,
}

impl Inbox {
    fn contents(&self) -> MutexGuard<'_, Contents> {
        // What is done under the lock is whole at every step.
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an event; false where it has to go the queue's own way.
    pub(crate) fn take(&self, kind: Kind, event: &[u8]) -> bool {
        let mut contents = self.contents();
        let end = contents.bytes.len().saturating_add(event.len());
        let has_room = contents.events.len() < contents.most_events
            && end <= contents.most_bytes
            && event.len() <= self.largest;
        if has_room {
            contents.bytes.extend_from_slice(event);
            let at = now();
            contents.events.push(Taken { kind, end, at });
        }
        has_room
    }
}

#[pymethods]
impl Inbox {
    #[new]
    fn new(largest: usize) -> Self {
        Self {
            largest,
            contents: Mutex::default(),
        }
    }

    fn grant(&self, events: usize, size: usize) {
        let mut contents = self.contents();
        contents.most_events = events;
        contents.most_bytes = size;
    }

    fn gather<'py>(&self, py: Python<'py>, now_s: f64) -> PyResult<Gathered<'py>> {
        let taken = mem::take(&mut *self.contents());
        without_panic(|| taken.in_python(py, now_s)).inspect_err(|_| self.put_back(taken))
    }

    fn kinds<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counts = self.contents().counts();
        counts.in_python(py)
    }
}

impl Inbox {
    /// What could not be handed over is there for the next time.
    fn put_back(&self, mut taken: Contents) {
        let mut contents = self.contents();
        let later = mem::take(&mut *contents);
        let start = taken.bytes.len();
        taken.bytes.extend(later.bytes);
        taken
            .events
            .extend(later.events.into_iter().map(|one| Taken {
                end: start.saturating_add(one.end),
                ..one
            }));
        taken.most_events = later.most_events;
        taken.most_bytes = later.most_bytes;
        *contents = taken;
    }
}

impl Contents {
    fn counts(&self) -> Counts {
        let is_visitor = |one: &&Taken| matches!(one.kind, Kind::Visitor);
        let visitors = self.events.iter().filter(is_visitor).count();
        Counts {
            visitors,
            conversions: self.events.len() - visitors,
        }
    }

    /// The events as the queue has them, how many of each kind, and their bytes.
    fn in_python<'py>(&self, py: Python<'py>, now_s: f64) -> PyResult<Gathered<'py>> {
        let now = now();
        let mut start = 0;
        let mut events = Vec::with_capacity(self.events.len());
        for one in &self.events {
            let event = self.bytes.get(start..one.end).unwrap_or_default();
            start = one.end;
            let age_s = now.saturating_duration_since(one.at).as_secs_f64();
            let kind = one.kind.in_python(py);
            events.push((PyBytes::new(py, event), kind, now_s - age_s, py.None()));
        }
        let counts = self.counts().in_python(py)?;
        Ok((PyList::new(py, events)?, counts, self.bytes.len()))
    }
}

/// The events, how many of each kind, and their bytes.
type Gathered<'py> = (Bound<'py, PyList>, Bound<'py, PyDict>, usize);

/// How many events of each kind.
struct Counts {
    visitors: usize,
    conversions: usize,
}

impl Counts {
    /// A dictionary of those that there are.
    fn in_python<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counts = PyDict::new(py);
        for (kind, count) in [
            (Kind::Visitor, self.visitors),
            (Kind::Conversion, self.conversions),
        ] {
            if count > 0 {
                counts.set_item(kind.in_python(py), count)?;
            }
        }
        Ok(counts)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long an event has waited, which is part of no decision"
)]
fn now() -> Instant {
    Instant::now()
}
