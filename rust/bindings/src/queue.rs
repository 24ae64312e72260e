//! The queue of a client in one process, as Python sees it.
//!
//! Each method is one call, so that no signal handler of Python's runs within it: what it changes is
//! changed as a whole. Finalizers and the bell, which are Python's, run while the lock is free.

pub(crate) mod counts;
pub(crate) mod user;
mod waiting;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};

use crate::calling::{list, object, ring};
use crate::error::without_panic;
use crate::queue::counts::{Counts, Kind, Shared, State, Term};
use crate::queue::user::{UserName, text_of};
use crate::queue::waiting::{CLOSED, Event, Flushed, Limits, now};

/// Events that wait to be sent, and those that are on their way.
#[pyclass(frozen, module = "sortition._core")]
pub(crate) struct Queue {
    shared: Shared,
    bell: Py<PyAny>,
    /// Whether a call may put an event into it without asking Python.
    is_plain: bool,
}

impl Queue {
    /// Takes an event of a user where a thread is there to send it: false, and nothing was done,
    /// where it is refused, a thread has to be started, or the event has to be kept in a file first.
    ///
    /// It runs no code of Python's but the bell's.
    pub(crate) fn take_directly(
        &self,
        py: Python<'_>,
        kind: Kind,
        event: Vec<u8>,
        user: &[u8],
    ) -> bool {
        let mut state = self.shared.lock();
        let takes = self.is_plain
            && state.waiting.refusal(event.len()).is_none()
            && !state.waiting.needs_thread(user);
        let wakes = takes && state.accept(kind, event, user.into(), None);
        drop(state);
        self.ring(py, usize::from(wakes));
        takes
    }

    fn ring(&self, py: Python<'_>, times: usize) {
        for _ in 0..times {
            ring(self.bell.bind(py));
        }
    }
}

impl State {
    /// Counts and appends an event. True if the caller must wake a sender.
    fn accept(
        &mut self,
        kind: Kind,
        content: Vec<u8>,
        user: Box<[u8]>,
        place: Option<Py<PyAny>>,
    ) -> bool {
        self.numbers.add(Term::Accepted, kind, 1);
        self.numbers.add(Term::Queued, kind, 1);
        self.waiting.append(kind, content, user, place)
    }
}

fn tell(py: Python<'_>, flushes: Vec<Arc<Flushed>>) {
    for flush in flushes {
        ring(flush.bell.bind(py));
    }
}

fn numbers_of(events: &Bound<'_, PyAny>) -> PyResult<Vec<u64>> {
    events
        .try_iter()?
        .map(|event| Ok(event?.cast::<QueuedEvent>()?.get().number))
        .collect()
}

#[pymethods]
impl Queue {
    #[new]
    #[pyo3(signature = (
        counts, bell, *, events, size, largest, batch_events, threads, is_per_user, is_plain
    ))]
    #[expect(clippy::too_many_arguments, reason = "they have names in Python")]
    fn new(
        counts: &Counts,
        bell: Py<PyAny>,
        events: usize,
        size: usize,
        largest: usize,
        batch_events: usize,
        threads: usize,
        is_per_user: bool,
        is_plain: bool,
    ) -> Self {
        let shared = counts.0.clone();
        let mut state = shared.lock();
        state.waiting.limits = Limits {
            events,
            bytes: size,
            bytes_of_one: largest,
            threads,
        };
        state.waiting.batch_events = batch_events;
        state.waiting.is_per_user = is_per_user;
        drop(state);
        Self {
            shared,
            bell,
            is_plain,
        }
    }

    #[getter]
    fn events(&self) -> usize {
        self.shared.lock().waiting.events
    }

    #[getter]
    fn size(&self) -> usize {
        self.shared.lock().waiting.bytes
    }

    #[getter]
    fn threads(&self) -> usize {
        self.shared.lock().waiting.threads
    }

    #[getter]
    fn flush_count(&self) -> usize {
        self.shared.lock().waiting.flush_count
    }

    #[getter]
    fn is_closing(&self) -> bool {
        self.shared.lock().waiting.is_closing
    }

    fn refusal(&self, size: usize) -> Option<&'static str> {
        self.shared.lock().waiting.refusal(size)
    }

    #[pyo3(signature = (user = UserName::default()), text_signature = "($self, user='')")]
    fn needs_thread(&self, user: UserName<'_>) -> bool {
        self.shared.lock().waiting.needs_thread(&user.into_key())
    }

    #[pyo3(
        signature = (kind, event, user = UserName::default(), place = None),
        text_signature = "($self, kind, event, user='', place=None)"
    )]
    fn put(
        &self,
        py: Python<'_>,
        kind: &str,
        event: &Bound<'_, PyBytes>,
        user: UserName<'_>,
        place: Option<Py<PyAny>>,
    ) -> PyResult<Option<&'static str>> {
        without_panic(|| {
            let content = event.as_bytes();
            let mut state = self.shared.lock();
            let kind = state.numbers.kind(kind);
            let refusal = state.waiting.refusal(content.len());
            let wakes = if let Some(reason) = refusal {
                let is_first = !state.numbers.has_untold();
                state.numbers.refuse(kind, reason, 1);
                // A call after a close is counted only.
                let is_told = reason != CLOSED;
                if is_told {
                    state.numbers.note(reason, 1);
                }
                // Another refusal does not empty the queue.
                state.waiting.is_full |= reason == "queue_full";
                // The first of them wakes a sender, which sends what fills the queue and tells.
                is_told && is_first && state.waiting.wake_one()
            } else {
                state.accept(kind, content.to_vec(), user.into_key().into(), place)
            };
            drop(state);
            self.ring(py, usize::from(wakes));
            Ok(refusal)
        })
    }

    /// Takes an event back from a file.
    fn readmit(
        &self,
        py: Python<'_>,
        kind: &str,
        event: &Bound<'_, PyBytes>,
        user: UserName<'_>,
        place: Py<PyAny>,
    ) {
        let mut state = self.shared.lock();
        let kind = state.numbers.kind(kind);
        state
            .numbers
            .move_between(Term::Spooled, Term::Queued, kind);
        let content = event.as_bytes().to_vec();
        let wakes = state
            .waiting
            .append(kind, content, user.into_key().into(), Some(place));
        drop(state);
        self.ring(py, usize::from(wakes));
    }

    fn wake(&self, py: Python<'_>) {
        let sleeping = self.shared.lock().waiting.wake_all();
        self.ring(py, sleeping);
    }

    fn flush(&self, py: Python<'_>, bell: Py<PyAny>) -> PyResult<Py<Flush>> {
        let mut state = self.shared.lock();
        let (flush, unwanted) = state.waiting.flush(bell);
        let sleeping = state.waiting.wake_all();
        drop(state);
        drop(unwanted);
        self.ring(py, sleeping);
        object(py, Flush(flush))
    }

    fn close(&self, py: Python<'_>, timeout_s: f64) {
        let mut state = self.shared.lock();
        state.waiting.is_closing = true;
        if state.waiting.closes_at.is_none() {
            state.waiting.closes_at = now().checked_add(duration(timeout_s));
        }
        let sleeping = state.waiting.wake_all();
        drop(state);
        self.ring(py, sleeping);
    }

    fn limit_time(&self, timeout_s: f64) {
        self.shared.lock().waiting.closes_at = now().checked_add(duration(timeout_s));
    }

    fn time_left_s(&self) -> Option<f64> {
        let closes_at = self.shared.lock().waiting.closes_at?;
        Some(closes_at.saturating_duration_since(now()).as_secs_f64())
    }

    fn give_up(&self, py: Python<'_>) -> (usize, usize) {
        let mut state = self.shared.lock();
        state.waiting.is_closing = true;
        state.waiting.closes_at = Some(now());
        let State { numbers, waiting } = &mut *state;
        let given_up = waiting.give_up(numbers);
        let sleeping = waiting.wake_all();
        drop(state);
        drop(given_up.events);
        tell(py, given_up.flushes);
        self.ring(py, sleeping);
        (given_up.left, given_up.on_their_way)
    }

    fn claim_thread(&self, py: Python<'_>) -> PyResult<Option<Py<SenderPlace>>> {
        let mut state = self.shared.lock();
        let waiting = &mut state.waiting;
        let is_free = waiting.threads < waiting.limits.threads;
        waiting.threads += usize::from(is_free);
        drop(state);
        let place = is_free.then(|| SenderPlace {
            shared: self.shared.clone(),
            has_ended: false.into(),
        });
        place.map(|place| object(py, place)).transpose()
    }

    fn begin_sleep(&self) {
        self.shared.lock().waiting.sleeping += 1;
    }

    fn end_sleep(&self) {
        self.shared.lock().waiting.wake_one();
    }

    fn set_batch_events(&self, events: usize) {
        self.shared.lock().waiting.batch_events = events;
    }

    fn due_in_s(&self, interval_s: f64) -> Option<f64> {
        let due = self.shared.lock().waiting.due_in(duration(interval_s))?;
        Some(due.as_secs_f64())
    }

    fn take<'py>(
        &self,
        py: Python<'py>,
        most_events: usize,
        most_bytes: usize,
    ) -> PyResult<Bound<'py, PyList>> {
        let (taken, names) = {
            let mut state = self.shared.lock();
            let State { numbers, waiting } = &mut *state;
            let taken = waiting.take(numbers, most_events, most_bytes);
            let names = taken
                .iter()
                .map(|event| numbers.name(event.kind).to_owned());
            let names: Vec<String> = names.collect();
            (taken, names)
        };
        let events: PyResult<Vec<_>> = taken
            .into_iter()
            .zip(names)
            .map(|(event, kind)| object(py, QueuedEvent::of(py, event, kind)?))
            .collect();
        list(py, events?)
    }

    fn hold(&self, event: &QueuedEvent, user: UserName<'_>) {
        self.shared
            .lock()
            .waiting
            .hold(event.number, &user.into_key());
    }

    fn is_held(&self, user: UserName<'_>) -> bool {
        self.shared.lock().waiting.is_held(&user.into_key())
    }

    fn put_back(&self, py: Python<'_>, event: &QueuedEvent, user: UserName<'_>) {
        let mut state = self.shared.lock();
        let State { numbers, waiting } = &mut *state;
        let event = Event {
            number: event.number,
            kind: numbers.kind(&event.kind),
            content: event.event.bind(py).as_bytes().to_vec(),
            user: Box::default(),
            place: event.place.as_ref().map(|place| place.clone_ref(py)),
            accepted_at: now(),
        };
        waiting.put_back(numbers, event, &user.into_key());
    }

    fn set_on_its_way(&self, events: &Bound<'_, PyAny>, is_on_its_way: bool) -> PyResult<()> {
        let numbers = numbers_of(events)?;
        self.shared
            .lock()
            .waiting
            .set_on_its_way(&numbers, is_on_its_way);
        Ok(())
    }

    #[pyo3(signature = (events, reason, *, gives_up = false))]
    fn end(
        &self,
        events: &Bound<'_, PyAny>,
        reason: Option<&str>,
        gives_up: bool,
    ) -> PyResult<usize> {
        let ended = numbers_of(events)?;
        let mut state = self.shared.lock();
        let State { numbers, waiting } = &mut *state;
        Ok(waiting.end(numbers, &ended, reason, gives_up))
    }

    fn settle(&self, py: Python<'_>, events: &Bound<'_, PyAny>) -> PyResult<()> {
        let settled = numbers_of(events)?;
        let flushes = self.shared.lock().waiting.settle(&settled);
        tell(py, flushes);
        Ok(())
    }
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

/// An event that a sender has taken.
#[pyclass(frozen, get_all, module = "sortition._core")]
pub(crate) struct QueuedEvent {
    number: u64,
    kind: String,
    event: Py<PyBytes>,
    user: Py<PyString>,
    place: Option<Py<PyAny>>,
}

impl QueuedEvent {
    fn of(py: Python<'_>, event: Event, kind: String) -> PyResult<Self> {
        Ok(Self {
            number: event.number,
            kind,
            event: PyBytes::new(py, &event.content).unbind(),
            user: text_of(py, &event.user)?,
            place: event.place,
        })
    }
}

/// The progress that a flush waits for.
#[pyclass(frozen, module = "sortition._core")]
pub(crate) struct Flush(Arc<Flushed>);

#[pymethods]
impl Flush {
    #[getter]
    fn left(&self) -> usize {
        self.0.left.load(Ordering::Relaxed)
    }

    #[getter]
    fn lost(&self) -> usize {
        self.0.lost.load(Ordering::Relaxed)
    }
}

/// The place of one thread that sends. It is free again at its end, whatever that comes from.
#[pyclass(frozen, module = "sortition._core")]
pub(crate) struct SenderPlace {
    shared: Shared,
    has_ended: std::sync::atomic::AtomicBool,
}

impl SenderPlace {
    fn leave(&self, state: &mut State) {
        if !self.has_ended.swap(true, Ordering::Relaxed) {
            state.waiting.threads = state.waiting.threads.saturating_sub(1);
        }
    }
}

#[pymethods]
impl SenderPlace {
    /// Ends where nothing waits; whether it does.
    fn end_if_idle(&self) -> bool {
        let mut state = self.shared.lock();
        let is_idle = state.waiting.events == 0;
        if is_idle {
            self.leave(&mut state);
        }
        is_idle
    }

    fn end(&self) {
        self.leave(&mut self.shared.lock());
    }
}

impl Drop for SenderPlace {
    fn drop(&mut self) {
        self.leave(&mut self.shared.lock());
    }
}
