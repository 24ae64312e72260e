//! The events of one queue: those that wait, in their order, and those that are on their way.

use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::queue::counts::{Kind, Numbers, Term};

/// An event that was accepted.
pub(crate) struct Event {
    /// Events are numbered as they are accepted.
    pub(crate) number: u64,
    pub(crate) kind: Kind,
    pub(crate) content: Vec<u8>,
    /// The event's user; empty if the queue keeps no order per user.
    pub(crate) user: Box<[u8]>,
    /// Its place in a file.
    pub(crate) place: Option<Py<PyAny>>,
    pub(crate) accepted_at: Instant,
}

/// An event that a sender has taken and that has not come to its end.
struct Sending {
    kind: Kind,
    user: Box<[u8]>,
    is_in_file: bool,
    /// Whether a request with it is under way at this moment.
    is_on_its_way: bool,
    /// Whether the ledger knows what became of it, and whether it was lost.
    end: Option<bool>,
}

/// The events of a user who has one that is not settled yet.
#[derive(Default)]
struct User {
    unsettled: usize,
    followers: VecDeque<Event>,
}

/// The progress that a flush waits for.
pub(crate) struct Flushed {
    up_to: u64,
    pub(crate) left: AtomicUsize,
    pub(crate) lost: AtomicUsize,
    pub(crate) bell: Py<PyAny>,
}

/// The bounds of a queue.
#[derive(Default)]
pub(crate) struct Limits {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
    pub(crate) bytes_of_one: usize,
    pub(crate) threads: usize,
}

/// The events of one queue.
#[derive(Default)]
pub(crate) struct Waiting {
    pub(crate) limits: Limits,
    pub(crate) is_per_user: bool,
    /// So many events are a batch; the one that completes it wakes a sender.
    pub(crate) batch_events: usize,
    ready: VecDeque<Event>,
    users: HashMap<Box<[u8]>, User>,
    sending: HashMap<u64, Sending>,
    next_number: u64,
    pub(crate) events: usize,
    pub(crate) bytes: usize,
    flushes: Vec<Arc<Flushed>>,
    pub(crate) flush_count: usize,
    wanted_until: u64,
    pub(crate) is_full: bool,
    pub(crate) is_closing: bool,
    pub(crate) closes_at: Option<Instant>,
    pub(crate) threads: usize,
    pub(crate) sleeping: usize,
}

pub(crate) const CLOSED: &str = "closed";
const TOO_LARGE: &str = "too_large";
const QUEUE_FULL: &str = "queue_full";
pub(crate) const UNKNOWN_OUTCOME: &str = "unknown_outcome";

#[expect(
    clippy::disallowed_methods,
    reason = "how long an event has waited, which is part of no decision"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

impl Waiting {
    /// Why an event of so many bytes would be refused.
    pub(crate) fn refusal(&self, bytes: usize) -> Option<&'static str> {
        let limits = &self.limits;
        if self.is_closing {
            Some(CLOSED)
        } else if bytes > limits.bytes_of_one {
            Some(TOO_LARGE)
        } else if self.events >= limits.events || self.bytes.saturating_add(bytes) > limits.bytes {
            Some(QUEUE_FULL)
        } else {
            None
        }
    }

    /// Whether a further sender would find something to do with an event of this user.
    pub(crate) fn needs_thread(&self, user: &[u8]) -> bool {
        if self.threads == 0 {
            return self.limits.threads > 0;
        }
        self.sleeping == 0
            && self.threads < self.limits.threads
            && !(self.is_per_user && self.users.contains_key(user))
    }

    /// Whether a sender has to be woken for one more event of so many bytes.
    fn wakes(&self, bytes: usize) -> bool {
        let size = self.bytes + bytes;
        self.is_per_user
            // Not the number of events: those that wait for one of their user are not sent yet.
            || self.ready.is_empty()
            || self.events + 1 == self.batch_events
            || (self.bytes < self.limits.bytes_of_one && size >= self.limits.bytes_of_one)
    }

    /// Appends an event. True if the caller must wake a sender.
    pub(crate) fn append(
        &mut self,
        kind: Kind,
        content: Vec<u8>,
        user: Box<[u8]>,
        place: Option<Py<PyAny>>,
    ) -> bool {
        let bytes = content.len();
        let wakes = self.wakes(bytes);
        self.next_number += 1;
        let event = Event {
            number: self.next_number,
            kind,
            content,
            user,
            place,
            accepted_at: now(),
        };
        self.events += 1;
        self.bytes += bytes;
        if self.is_per_user {
            if let Some(known) = self.users.get_mut(&event.user) {
                known.unsettled += 1;
                known.followers.push_back(event);
                return false;
            }
            let first = User {
                unsettled: 1,
                followers: VecDeque::new(),
            };
            self.users.insert(event.user.clone(), first);
        }
        self.ready.push_back(event);
        wakes && self.wake_one()
    }

    /// Whether there is a sender to wake, which counts as awake from now on.
    pub(crate) fn wake_one(&mut self) -> bool {
        let sleeps = self.sleeping > 0;
        self.sleeping = self.sleeping.saturating_sub(1);
        sleeps
    }

    pub(crate) fn wake_all(&mut self) -> usize {
        mem::take(&mut self.sleeping)
    }

    /// In how long there is something to send; `None` where nothing waits for that.
    pub(crate) fn due_in(&self, interval: Duration) -> Option<Duration> {
        let first = self.ready.front()?;
        let is_due = self.is_per_user
            || self.events >= self.batch_events
            || self.is_full
            || self.bytes >= self.limits.bytes_of_one
            || self.is_closing
            || first.number <= self.wanted_until;
        let waited = now().saturating_duration_since(first.accepted_at);
        Some(if is_due {
            Duration::ZERO
        } else {
            interval.saturating_sub(waited)
        })
    }

    /// The next events, within the limits of number and bytes; they are on their way from now on.
    pub(crate) fn take(
        &mut self,
        numbers: &mut Numbers,
        most: usize,
        most_bytes: usize,
    ) -> Vec<Event> {
        let mut taken = Vec::with_capacity(most.min(self.ready.len()));
        let mut bytes: usize = 0;
        while taken.len() < most {
            let Some(first) = self.ready.front() else {
                break;
            };
            bytes = bytes.saturating_add(first.content.len() + 2);
            if !taken.is_empty() && bytes > most_bytes {
                break;
            }
            let Some(event) = self.ready.pop_front() else {
                break;
            };
            self.events -= 1;
            self.bytes -= event.content.len();
            numbers.move_between(Term::Queued, Term::InFlight, event.kind);
            let sending = Sending {
                kind: event.kind,
                user: event.user.clone(),
                is_in_file: event.place.is_some(),
                is_on_its_way: false,
                end: None,
            };
            self.sending.insert(event.number, sending);
            taken.push(event);
        }
        self.is_full = false;
        taken
    }

    /// Keeps back what comes of a user until this event, which a sender has, is settled.
    pub(crate) fn hold(&mut self, number: u64, user: &[u8]) {
        if let Some(sending) = self.sending.get_mut(&number)
            && !self.is_per_user
            && sending.user.is_empty()
        {
            sending.user = user.into();
            self.users.entry(user.into()).or_default().unsettled += 1;
        }
    }

    pub(crate) fn is_held(&self, user: &[u8]) -> bool {
        self.users.contains_key(user)
    }

    /// Puts an event that a sender has taken behind those of its user that are not settled.
    pub(crate) fn put_back(&mut self, numbers: &mut Numbers, event: Event, user: &[u8]) {
        if self.sending.remove(&event.number).is_none() {
            // It was given up meanwhile.
            return;
        }
        numbers.move_between(Term::InFlight, Term::Queued, event.kind);
        self.events += 1;
        self.bytes += event.content.len();
        match self.users.get_mut(user) {
            Some(user) => user.followers.push_back(event),
            None => self.ready.push_front(event),
        }
    }

    pub(crate) fn set_on_its_way(&mut self, sent: &[u64], is_on_its_way: bool) {
        for number in sent {
            if let Some(sending) = self.sending.get_mut(number) {
                sending.is_on_its_way = is_on_its_way;
            }
        }
    }

    /// Counts what became of events, once for each; of how many it was not known before.
    ///
    /// Where the process gives up, what is in a file is left to the next one.
    pub(crate) fn end(
        &mut self,
        numbers: &mut Numbers,
        ended: &[u64],
        reason: Option<&str>,
        gives_up: bool,
    ) -> usize {
        let mut counted = 0;
        for number in ended {
            let Some(sending) = self.sending.get_mut(number) else {
                continue;
            };
            if sending.end.is_some() {
                continue;
            }
            sending.end = Some(reason.is_some());
            counted += 1;
            match reason {
                None => numbers.move_between(Term::InFlight, Term::Delivered, sending.kind),
                Some(_) if gives_up && sending.is_in_file => {
                    numbers.move_between(Term::InFlight, Term::Spooled, sending.kind);
                }
                Some(reason) => {
                    numbers.drop_from(Term::InFlight, sending.kind, reason, 1);
                    numbers.note(reason, 1);
                }
            }
        }
        counted
    }

    /// Forgets events that have come to their end; their users' next ones may be sent.
    pub(crate) fn settle(&mut self, settled: &[u64]) -> Vec<Arc<Flushed>> {
        let mut done = Vec::new();
        for number in settled {
            let Some(sending) = self.sending.remove(number) else {
                continue;
            };
            self.release(&sending.user);
            self.finish(*number, sending.end != Some(false), &mut done);
        }
        done
    }

    fn release(&mut self, name: &[u8]) {
        let Some(user) = self.users.get_mut(name) else {
            return;
        };
        user.unsettled = user.unsettled.saturating_sub(1);
        if self.is_per_user {
            // Behind the other users, who have waited longer.
            self.ready.extend(user.followers.pop_front());
        } else if user.unsettled == 0 {
            // Those that come after it were accepted later.
            while let Some(event) = user.followers.pop_back() {
                self.ready.push_front(event);
            }
        }
        if user.unsettled == 0 && user.followers.is_empty() {
            self.users.remove(name);
        }
    }

    fn finish(&mut self, number: u64, is_lost: bool, done: &mut Vec<Arc<Flushed>>) {
        self.flushes.retain(|flush| {
            if number > flush.up_to {
                return true;
            }
            flush
                .lost
                .fetch_add(usize::from(is_lost), Ordering::Relaxed);
            if flush.left.fetch_sub(1, Ordering::Relaxed) > 1 {
                return true;
            }
            done.push(Arc::clone(flush));
            false
        });
    }

    /// Has everything that was accepted sent soon, and counts what is left of it.
    ///
    /// The second value is of those who gave up waiting, to be dropped when the lock is free.
    pub(crate) fn flush(&mut self, bell: Py<PyAny>) -> (Arc<Flushed>, Vec<Arc<Flushed>>) {
        let (wanted, unwanted) = mem::take(&mut self.flushes)
            .into_iter()
            .partition(|flush| Arc::strong_count(flush) > 1);
        self.flushes = wanted;
        let flush = Arc::new(Flushed {
            up_to: self.next_number,
            left: AtomicUsize::new(self.events + self.sending.len()),
            lost: AtomicUsize::new(0),
            bell,
        });
        self.wanted_until = self.next_number;
        self.flush_count += 1;
        if flush.left.load(Ordering::Relaxed) > 0 {
            self.flushes.push(Arc::clone(&flush));
        }
        (flush, unwanted)
    }

    /// Gives up all events without an outcome.
    pub(crate) fn give_up(&mut self, numbers: &mut Numbers) -> GivenUp {
        let mut given_up = GivenUp::default();
        let mut waiting: Vec<Event> = self.ready.drain(..).collect();
        for user in self.users.values_mut() {
            waiting.extend(user.followers.drain(..));
        }
        for event in &waiting {
            if event.place.is_some() {
                numbers.move_between(Term::Queued, Term::Spooled, event.kind);
            } else {
                numbers.drop_from(Term::Queued, event.kind, CLOSED, 1);
                numbers.note(CLOSED, 1);
            }
            self.finish(event.number, true, &mut given_up.flushes);
        }
        self.events = 0;
        self.bytes = 0;
        given_up.left = waiting.len();
        let sent: Vec<(u64, bool, bool)> = self
            .sending
            .iter()
            .map(|(number, one)| (*number, one.is_on_its_way, one.is_in_file))
            .collect();
        for (number, is_on_its_way, is_in_file) in sent {
            let reason = if is_on_its_way {
                UNKNOWN_OUTCOME
            } else {
                CLOSED
            };
            let ended = self.end(numbers, &[number], Some(reason), true);
            given_up.left += ended;
            if is_on_its_way && !is_in_file {
                given_up.on_their_way += ended;
            }
            given_up.flushes.extend(self.settle(&[number]));
        }
        self.users.clear();
        given_up.events = waiting;
        given_up
    }
}

/// The events that a close gave up.
#[derive(Default)]
pub(crate) struct GivenUp {
    /// How many events had not come to their end.
    pub(crate) left: usize,
    /// How many of them were dropped while a request with them was under way.
    pub(crate) on_their_way: usize,
    pub(crate) flushes: Vec<Arc<Flushed>>,
    /// Kept until the lock is free: their places are objects of Python's.
    pub(crate) events: Vec<Event>,
}
