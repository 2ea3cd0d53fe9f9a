//! What a relay could not publish yet, and when it tries again.

use std::{collections::HashSet, sync::Arc, time::Duration};

use indexmap::IndexMap;
use serde_json::Value;

use crate::{
    messaging::{EventId, event::Attributes, reconnecting::Reconnecting},
    observability::EventHead,
};

/// An event that was read from the outbox.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its place in the outbox's reply.
    pub place: usize,
    pub head: Arc<EventHead>,
}

/// When to try again: the bus, for all events, and single events that the bus refused.
#[derive(Debug, Default)]
pub struct Backlog {
    bus: Option<Wait>,
    refused: IndexMap<EventId, (Wait, Arc<EventHead>)>,
    /// How many events were left in the outbox on purpose when it was last read.
    held: usize,
}

#[derive(Clone, Copy, Debug)]
struct Wait {
    delays: Reconnecting,
    until: Duration,
}

impl Item {
    pub fn read(place: usize, event: &Value) -> Option<Self> {
        let attributes = Attributes::of(event).ok()?;
        let text = |name| Some(attributes.text(name).ok()??.into());
        Some(Self {
            place,
            head: Arc::new(EventHead {
                kind: text("type")?,
                source: text("source")?,
                id: text("id")?,
                subject: text("subject"),
            }),
        })
    }

    pub fn id(&self) -> EventId {
        EventId::from(&*self.head)
    }
}

impl Backlog {
    pub fn is_empty(&self) -> bool {
        self.bus.is_none() && self.refused.is_empty()
    }

    /// How many events were left in the outbox on purpose when it was last read.
    pub fn held(&self) -> usize {
        self.held
    }

    /// When there is next something to try, if nothing new comes.
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

    /// Of the outbox's events, oldest first, those that may be published now; `all` if there are no
    /// more than these.
    pub fn pick(&mut self, items: Vec<Item>, all: bool, now: Duration) -> Vec<Item> {
        self.held = 0;
        if self.refused.is_empty() {
            return items;
        }
        if all {
            let left: HashSet<EventId> = items.iter().map(Item::id).collect();
            self.refused.retain(|event, _| left.contains(event));
        }
        let mut behind: Vec<Arc<EventHead>> = Vec::new();
        let mut picked = Vec::new();
        for item in items {
            let waits = match self.refused.get(&item.id()) {
                Some((wait, _)) => now < wait.until,
                None => behind.iter().any(|head| same_subject(head, &item.head)),
            };
            if waits {
                behind.push(item.head);
            } else {
                picked.push(item);
            }
        }
        self.held = behind.len();
        picked
    }

    /// Whether an earlier event of the same subject was refused.
    pub fn holds_back(&self, head: &EventHead) -> bool {
        let mut refused = self.refused.values();
        refused.any(|(_, other)| *other.id != *head.id && same_subject(other, head))
    }

    /// The bus, or the outbox, cannot be used; returns how long to wait.
    pub fn waits(&mut self, now: Duration) -> Duration {
        let (wait, delay) = Wait::after(self.bus, now);
        self.bus = Some(wait);
        delay
    }

    pub fn recovers(&mut self) {
        self.bus = None;
    }

    /// The bus refuses an event and takes others; returns how long to wait.
    pub fn refuses(&mut self, head: &Arc<EventHead>, now: Duration) -> Duration {
        self.bus = None;
        let id = EventId::from(&**head);
        let former = self.refused.get(&id).map(|(wait, _)| *wait);
        let (wait, delay) = Wait::after(former, now);
        self.refused.insert(id, (wait, Arc::clone(head)));
        delay
    }

    /// An event is on the bus.
    pub fn forget(&mut self, event: &EventId) {
        self.refused.shift_remove(event);
    }
}

impl Wait {
    fn after(former: Option<Self>, now: Duration) -> (Self, Duration) {
        let mut delays = former.map_or_else(Reconnecting::default, |wait| wait.delays);
        let delay = delays.next_delay();
        let until = now + delay;
        (Self { delays, until }, delay)
    }
}

fn same_subject(one: &EventHead, other: &EventHead) -> bool {
    one.subject.is_some() && one.subject == other.subject && one.source == other.source
}
