use std::{
    collections::HashSet,
    fmt,
    pin::pin,
    ptr::addr_eq,
    sync::{Arc, MutexGuard},
    time::Duration,
};

use serde_json::Value;
use smallvec::SmallVec;
use tokio::sync::Notify;

use super::approvals::Approvals;
use crate::{
    domain::{HashMap, Locked},
    observability::{EventHead, EventOf},
};

/// The events that were published, for runs that wait for them or are started by them.
///
/// A handle: clones share the events. They outlive the orchestrator's process, as the journal does.
#[derive(Clone, Default)]
pub struct Inbox(Arc<Locked<InboxState>>, Arc<Locked<Approvals>>);

#[derive(Default)]
struct InboxState {
    /// Events of all types that were kept so far.
    count: u64,
    types: HashMap<Arc<str>, EventsOfType>,
}

/// The events of a type that is kept.
#[derive(Default)]
struct EventsOfType {
    /// In the order they came.
    events: Vec<Arc<ReceivedEvent>>,
    /// The source and the id of each.
    ids: HashSet<(Arc<str>, Arc<str>)>,
    /// The places of the events about a subject.
    by_subject: HashMap<Arc<str>, Vec<usize>>,
    /// Who waits for one, by its subject, or for any. Mostly it is a single one.
    waiting: HashMap<Option<Arc<str>>, Waiting>,
}

type Waiting = SmallVec<[Arc<dyn Listens>; 1]>;

/// Who is notified of events.
pub(super) trait Listens: Send + Sync {
    fn event_came(&self);
}

impl Listens for Notify {
    fn event_came(&self) {
        self.notify_waiters();
    }
}

/// An event that was published.
#[derive(Debug)]
pub struct ReceivedEvent {
    /// Its number among all that were kept, from 0.
    pub number: u64,
    /// What identifies it.
    pub head: Arc<EventHead>,
    /// Its payload.
    pub data: Arc<Value>,
    /// When it came, as an offset on the clock.
    pub at: Duration,
}

impl Inbox {
    /// Keeps the events of a type from now on.
    pub fn keep(&self, kind: &str) {
        let mut state = self.0.lock();
        if !state.types.contains_key(kind) {
            state.types.insert(kind.into(), EventsOfType::default());
        }
    }

    pub(super) fn approvals(&self) -> MutexGuard<'_, Approvals> {
        self.1.lock()
    }

    /// Whether no events are kept.
    pub fn is_empty(&self) -> bool {
        self.0.lock().types.is_empty()
    }

    /// Receives an event, unless its type is not kept or it came before.
    pub fn receive(&self, head: &Arc<EventHead>, data: impl FnOnce() -> Value, at: Duration) {
        let mut state = self.0.lock();
        let number = state.count;
        let Some(of_type) = state.types.get_mut(&head.kind) else {
            return;
        };
        let id = (Arc::clone(&head.source), Arc::clone(&head.id));
        if !of_type.ids.insert(id) {
            return;
        }
        let place = of_type.events.len();
        of_type.events.push(Arc::new(ReceivedEvent {
            number,
            head: Arc::clone(head),
            data: Arc::new(data()),
            at,
        }));
        if let Some(subject) = &head.subject {
            let places = of_type.by_subject.entry(Arc::clone(subject)).or_default();
            places.push(place);
        }
        let of_subject = head.subject.clone().map(Some);
        for subject in [None].into_iter().chain(of_subject) {
            let waiting = of_type.waiting.get(&subject).into_iter().flatten();
            waiting.for_each(|waiting| waiting.event_came());
        }
        state.count += 1;
    }

    /// The number of the event that comes next.
    pub fn next_number(&self) -> u64 {
        self.0.lock().count
    }

    /// The first event from a number on for which `is_right` holds.
    pub fn find(
        &self,
        of: &EventOf,
        from: u64,
        is_right: impl Fn(&ReceivedEvent) -> bool,
    ) -> Option<Arc<ReceivedEvent>> {
        let state = self.0.lock();
        let of_type = state.types.get(&of.kind)?;
        let events = &of_type.events;
        let is_before = |place: &usize| events[*place].number < from;
        match &of.subject {
            Some(subject) => {
                let places = of_type.by_subject.get(subject)?;
                let first = places.partition_point(is_before);
                let mut later = places[first..].iter().map(|place| &events[*place]);
                later.find(|event| is_right(event)).cloned()
            }
            None => {
                let first = events.partition_point(|event| event.number < from);
                events[first..]
                    .iter()
                    .find(|event| is_right(event))
                    .cloned()
            }
        }
    }

    /// Notifies somebody of each event, until [`unsubscribe`](Self::unsubscribe).
    pub(super) fn subscribe(&self, of: &EventOf, who: Arc<dyn Listens>) {
        let mut state = self.0.lock();
        let of_type = state.types.entry(Arc::clone(&of.kind)).or_default();
        let waiting = of_type.waiting.entry(of.subject.clone()).or_default();
        waiting.push(who);
    }

    /// Notifies somebody of no more events.
    pub(super) fn unsubscribe(&self, of: &EventOf, who: &dyn Listens) {
        let mut state = self.0.lock();
        let Some(of_type) = state.types.get_mut(&of.kind) else {
            return;
        };
        if let Some(waiting) = of_type.waiting.get_mut(&of.subject) {
            let place = waiting.iter().position(|other| addr_eq(&**other, who));
            place.map(|place| waiting.remove(place));
            if waiting.is_empty() {
                of_type.waiting.remove(&of.subject);
            }
        }
    }

    /// Tells of each event that comes from now on.
    pub fn listen(&self, of: EventOf) -> Listener {
        let came = Arc::new(Notify::new());
        self.subscribe(&of, Arc::clone(&came) as Arc<dyn Listens>);
        Listener {
            inbox: self.clone(),
            of,
            came,
        }
    }
}

/// Waits for events.
pub struct Listener {
    inbox: Inbox,
    of: EventOf,
    came: Arc<Notify>,
}

impl Listener {
    /// The first event from a number on for which `is_right` holds, now or later.
    pub async fn first(
        &self,
        from: u64,
        is_right: impl Fn(&ReceivedEvent) -> bool,
    ) -> Arc<ReceivedEvent> {
        let mut came = pin!(self.came.notified());
        loop {
            // Before the events are read, so that none is missed.
            came.as_mut().enable();
            if let Some(event) = self.inbox.find(&self.of, from, &is_right) {
                return event;
            }
            came.as_mut().await;
            came.set(self.came.notified());
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.inbox.unsubscribe(&self.of, &*self.came);
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Inbox").field(&self.next_number()).finish()
    }
}
