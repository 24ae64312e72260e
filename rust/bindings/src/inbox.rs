//! Events that were taken without a frame of Python's, until the queue gathers them.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFloat, PyList, PyString};

use crate::calling::{append, dictionary, item_of, list_of, spread, waiting};
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
    fn in_python(self, py: Python<'_>) -> &Bound<'_, PyString> {
        match self {
            Self::Visitor => intern!(py, "visitor"),
            Self::Conversion => intern!(py, "conversion"),
        }
    }
}

/// Where one event ends in the bytes of all.
struct Taken {
    kind: Kind,
    end: usize,
}

#[derive(Default)]
struct Contents {
    events: Vec<Taken>,
    bytes: Vec<u8>,
    /// When the first of them was taken.
    since: Option<Instant>,
    /// How many events, and how many bytes of them, may be in here.
    most_events: usize,
    most_bytes: usize,
    /// Whether what was in it is on its way into the queue, and what that is.
    is_gathered: bool,
    in_hand: Counts,
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
            contents.since.get_or_insert_with(now);
            contents.events.push(Taken { kind, end });
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
        if !contents.is_gathered {
            contents.most_events = events;
            contents.most_bytes = size;
        }
    }

    fn gather(
        &self,
        py: Python<'_>,
        worker: &Bound<'_, PyAny>,
        intake: &Bound<'_, PyAny>,
        accepted: &Bound<'_, PyDict>,
        queued: &Bound<'_, PyDict>,
        now_s: f64,
    ) -> PyResult<()> {
        let Some(taken) = self.begin() else {
            return Ok(());
        };
        let (counts, size) = (taken.counts(), taken.bytes.len());
        let at_s = now_s - taken.age_s();
        let run = Arc::new(taken);
        let moved = without_panic(|| {
            let queue = worker.getattr(intern!(py, "queue"))?;
            let run = Bound::new(py, Run(Arc::clone(&run)))?;
            let (nothing, at) = (py.None().into_bound(py), PyFloat::new(py, at_s));
            append(&queue, &waiting(&run, &nothing, &at)?)
        });
        if let Err(error) = moved {
            self.put_back(run);
            return Err(error);
        }
        let counted = without_panic(|| {
            let events = counts.all();
            add_to(worker, intern!(py, "queued_events"), events)?;
            add_to(worker, intern!(py, "queued_bytes"), size)?;
            add_to(intake, intern!(py, "events"), events)?;
            add_to(intake, intern!(py, "size"), size)?;
            counts.add_to(accepted)?;
            counts.add_to(queued)
        });
        self.end();
        counted
    }

    fn kinds<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counts = {
            let contents = self.contents();
            contents.counts().with(&contents.in_hand)
        };
        let kinds = dictionary(py)?;
        counts.add_to(&kinds)?;
        Ok(kinds)
    }
}

impl Inbox {
    /// Takes out what is in it, unless that is under way already: creating an object of Python's may
    /// run a finalizer of the caller's, which may come here again.
    fn begin(&self) -> Option<Contents> {
        let mut contents = self.contents();
        if contents.is_gathered {
            return None;
        }
        let taken = mem::take(&mut *contents);
        if taken.events.is_empty() {
            return None;
        }
        contents.is_gathered = true;
        contents.in_hand = taken.counts();
        Some(taken)
    }

    fn end(&self) {
        let mut contents = self.contents();
        contents.is_gathered = false;
        contents.in_hand = Counts::default();
    }

    /// What could not be handed over is there for the next time.
    fn put_back(&self, run: Arc<Contents>) {
        // Nothing was granted meanwhile, and nobody else has it.
        *self.contents() = Arc::into_inner(run).unwrap_or_default();
    }
}

/// Events that were gathered together: one item of the queue, until they are sent.
#[pyclass(frozen, module = "sortition._core")]
pub(crate) struct Run(Arc<Contents>);

#[pymethods]
impl Run {
    fn kinds<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let kinds = dictionary(py)?;
        self.0.counts().add_to(&kinds)?;
        Ok(kinds)
    }

    fn spread(&self, queue: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = queue.py();
        without_panic(|| {
            let item = queue.get_item(0)?;
            let at = item.get_item(2)?;
            let events = self.0.in_python(py, at.cast()?)?;
            spread(queue, &events)
        })
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

    /// For how long the first of them has been in it, in seconds.
    fn age_s(&self) -> f64 {
        let age = self
            .since
            .map(|since| now().saturating_duration_since(since));
        age.unwrap_or_default().as_secs_f64()
    }

    /// The events as the queue has them, the last one first.
    fn in_python<'py>(
        &self,
        py: Python<'py>,
        at: &Bound<'py, PyFloat>,
    ) -> PyResult<Bound<'py, PyList>> {
        let mut events = Vec::with_capacity(self.events.len());
        for (index, one) in self.events.iter().enumerate().rev() {
            let before = index
                .checked_sub(1)
                .and_then(|index| self.events.get(index));
            let start = before.map_or(0, |before| before.end);
            let event = self.bytes.get(start..one.end).unwrap_or_default();
            let event = PyBytes::new(py, event);
            events.push(waiting(&event, one.kind.in_python(py), at)?);
        }
        list_of(py, events)
    }
}

/// How many events of each kind.
#[derive(Clone, Copy, Default)]
struct Counts {
    visitors: usize,
    conversions: usize,
}

impl Counts {
    const fn all(self) -> usize {
        self.visitors + self.conversions
    }

    const fn with(self, other: &Self) -> Self {
        Self {
            visitors: self.visitors + other.visitors,
            conversions: self.conversions + other.conversions,
        }
    }

    /// Adds those that there are to the numbers in a dictionary.
    fn add_to(self, numbers: &Bound<'_, PyDict>) -> PyResult<()> {
        let py = numbers.py();
        for (kind, count) in [
            (Kind::Visitor, self.visitors),
            (Kind::Conversion, self.conversions),
        ] {
            if count > 0 {
                let kind = kind.in_python(py);
                let known = item_of(numbers, kind)?;
                let known = known.map_or(Ok(0), |known| known.extract::<usize>())?;
                numbers.set_item(kind, known + count)?;
            }
        }
        Ok(())
    }
}

/// Adds to a number that an object has.
fn add_to(object: &Bound<'_, PyAny>, name: &Bound<'_, PyString>, amount: usize) -> PyResult<()> {
    let known: usize = object.getattr(name)?.extract()?;
    object.setattr(name, known + amount)
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long an event has waited, which is part of no decision"
)]
fn now() -> Instant {
    Instant::now()
}
