//! Events that a relay could not publish yet, and when it retries.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use crate::{
    domain::Failure,
    messaging::{EventId, reconnect_delay},
    observability::{EventHead, HandlerRuns},
};

/// How often an event is published that the bus refuses.
const MAX_TRIES: u32 = 5;

/// When to retry: all events if the bus is down, else those that it refused.
#[derive(Debug, Default)]
pub struct Backlog {
    bus: Option<RetryWait>,
    refused: HashMap<EventId, RefusedEvent>,
    held: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct RetryWait {
    failures: u32,
    until: Duration,
}

/// An event that the bus refused.
#[derive(Debug)]
pub struct RefusedEvent {
    /// Why, the last time.
    pub failure: Box<Failure>,
    tries: u32,
    first_at: Duration,
    last_at: Duration,
    wait: RetryWait,
}

/// The subjects of which an event waits, so that later ones wait too.
#[derive(Debug, Default)]
pub struct WaitingSubjects(HashSet<(Arc<str>, Arc<str>)>);

impl Backlog {
    pub fn is_empty(&self) -> bool {
        self.bus.is_none() && self.refused.is_empty()
    }

    /// How many events were held back when the outbox was last read.
    pub fn held(&self) -> usize {
        self.held
    }

    /// When to retry, unless woken earlier.
    pub fn due(&self) -> Option<Duration> {
        match &self.bus {
            Some(wait) => Some(wait.until),
            None => self.refused.values().map(|event| event.wait.until).min(),
        }
    }

    /// Whether the bus may be tried.
    pub fn is_due(&self, now: Duration) -> bool {
        self.bus.is_none_or(|wait| now >= wait.until)
    }

    /// Those of the outbox's events that may be published now; `all` if it has no other events.
    pub fn pick<T>(
        &mut self,
        events: Vec<(Arc<EventHead>, T)>,
        all: bool,
        now: Duration,
    ) -> Vec<(Arc<EventHead>, T)> {
        self.held = 0;
        if self.refused.is_empty() {
            return events;
        }
        if all {
            // Another service may have published the others.
            let left: HashSet<EventId> = events.iter().map(|(head, _)| (&**head).into()).collect();
            self.refused.retain(|event, _| left.contains(event));
        }
        // Until when their first event waits.
        let mut waiting: HashMap<_, Duration> = HashMap::new();
        let mut picked = Vec::new();
        for (head, event) in events {
            let subject = subject_key(&head);
            let first = subject.as_ref().and_then(|subject| waiting.get(subject));
            let refused = self.refused.get_mut(&EventId::from(&*head));
            let until = match (first.copied(), refused) {
                (Some(first), Some(refused)) => {
                    // One that was refused, and is now behind a redriven one, is not due before that.
                    refused.wait.until = refused.wait.until.max(first);
                    refused.wait.until
                }
                (None, Some(refused)) => refused.wait.until,
                (first, None) => first.unwrap_or_default(),
            };
            if now < until {
                waiting.extend(subject.map(|subject| (subject, until)));
                self.held += 1;
            } else {
                picked.push((head, event));
            }
        }
        picked
    }

    /// The bus or the outbox cannot be used; returns how long to wait.
    pub fn wait(&mut self, now: Duration) -> Duration {
        self.bus.get_or_insert_default().extend(now)
    }

    /// The bus and the outbox can be used again.
    pub fn recover(&mut self) {
        self.bus = None;
    }

    /// The bus refused an event; returns how long to wait, if it may be tried again.
    pub fn refuse(
        &mut self,
        event: EventId,
        failure: Box<Failure>,
        now: Duration,
    ) -> Option<Duration> {
        self.bus = None;
        let refused = self.refused.entry(event).or_insert_with(|| RefusedEvent {
            failure: failure.clone(),
            tries: 0,
            first_at: now,
            last_at: now,
            wait: RetryWait::default(),
        });
        refused.failure = failure;
        refused.tries += 1;
        refused.last_at = now;
        if refused.is_given_up() {
            refused.wait = RetryWait::default();
            return None;
        }
        Some(refused.wait.extend(now))
    }

    /// The refusals of an event that is not tried again.
    pub fn given_up(&self, event: &EventId) -> Option<&RefusedEvent> {
        let refused = self.refused.get(event);
        refused.filter(|refused| refused.is_given_up())
    }

    /// An event that was given up is not yet a dead letter; returns how long to wait.
    pub fn postpone(&mut self, event: &EventId, now: Duration) -> Duration {
        self.bus = None;
        let refused = self.refused.get_mut(event);
        refused.map_or(Duration::ZERO, |refused| refused.wait.extend(now))
    }

    /// An event is on the bus, or a dead letter.
    pub fn remove(&mut self, event: &EventId) {
        self.bus = None;
        self.refused.remove(event);
    }
}

impl RefusedEvent {
    fn is_given_up(&self) -> bool {
        self.tries >= MAX_TRIES
    }

    /// How often and when it was tried.
    pub fn runs(&self) -> HandlerRuns {
        HandlerRuns {
            retries: self.tries - 1,
            redrives: 0,
            first_at: self.first_at,
            last_at: self.last_at,
        }
    }
}

impl RetryWait {
    /// Waits once more, and longer; returns how long.
    fn extend(&mut self, now: Duration) -> Duration {
        let delay = reconnect_delay(self.failures);
        self.failures = self.failures.saturating_add(1);
        self.until = now + delay;
        delay
    }
}

impl WaitingSubjects {
    pub fn insert(&mut self, head: &EventHead) {
        self.0.extend(subject_key(head));
    }

    pub fn contains(&self, head: &EventHead) -> bool {
        !self.0.is_empty() && subject_key(head).is_some_and(|key| self.0.contains(&key))
    }
}

fn subject_key(head: &EventHead) -> Option<(Arc<str>, Arc<str>)> {
    let subject = head.subject.as_ref()?;
    Some((Arc::clone(&head.source), Arc::clone(subject)))
}
