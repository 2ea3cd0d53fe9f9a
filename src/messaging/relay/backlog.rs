//! Events that a relay could not publish yet, and when it retries.

use std::{collections::HashSet, sync::Arc, time::Duration};

use indexmap::IndexMap;

use crate::{
    messaging::{EventId, reconnect_delay},
    observability::EventHead,
};

/// When to retry: all events if the bus is down, else those that it refused.
#[derive(Debug, Default)]
pub struct Backlog {
    bus: Option<RetryWait>,
    refused: IndexMap<EventId, (RetryWait, Arc<EventHead>)>,
    held: usize,
}

#[derive(Clone, Copy, Debug)]
struct RetryWait {
    failures: u32,
    until: Duration,
}

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
            None => self.refused.values().map(|(wait, _)| wait.until).min(),
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
        let mut held: Vec<Arc<EventHead>> = Vec::new();
        let mut picked = Vec::new();
        for (head, event) in events {
            let waits = match self.refused.get(&EventId::from(&*head)) {
                Some((wait, _)) => now < wait.until,
                None => held.iter().any(|earlier| same_subject(earlier, &head)),
            };
            if waits {
                held.push(head);
            } else {
                picked.push((head, event));
            }
        }
        self.held = held.len();
        picked
    }

    /// Whether another event of the same subject was refused.
    pub fn blocks(&self, head: &EventHead) -> bool {
        let mut refused = self.refused.values();
        refused.any(|(_, other)| *other.id != *head.id && same_subject(other, head))
    }

    /// The bus or the outbox cannot be used; returns how long to wait.
    pub fn wait(&mut self, now: Duration) -> Duration {
        let (wait, delay) = RetryWait::after(self.bus, now);
        self.bus = Some(wait);
        delay
    }

    /// The bus and the outbox can be used again.
    pub fn recover(&mut self) {
        self.bus = None;
    }

    /// The bus refused an event; returns how long to wait.
    pub fn refuse(&mut self, head: &Arc<EventHead>, now: Duration) -> Duration {
        self.bus = None;
        let id = EventId::from(&**head);
        let previous = self.refused.get(&id).map(|(wait, _)| *wait);
        let (wait, delay) = RetryWait::after(previous, now);
        self.refused.insert(id, (wait, Arc::clone(head)));
        delay
    }

    /// An event is on the bus.
    pub fn remove(&mut self, event: &EventId) {
        self.bus = None;
        self.refused.shift_remove(event);
    }
}

impl RetryWait {
    fn after(previous: Option<Self>, now: Duration) -> (Self, Duration) {
        let failures = previous.map_or(0, |wait| wait.failures);
        let delay = reconnect_delay(failures);
        let wait = Self {
            failures: failures.saturating_add(1),
            until: now + delay,
        };
        (wait, delay)
    }
}

fn same_subject(one: &EventHead, other: &EventHead) -> bool {
    one.subject.is_some() && one.subject == other.subject && one.source == other.source
}
