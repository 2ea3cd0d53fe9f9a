use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{
    EVENT_STORE, EventStore, EventStoreError, Snapshot, StreamId,
    client::{
        AppendInput, AppendReply, LoadInput, LoadedStream, ReadInput, SaveSnapshotInput, to_value,
    },
    kinds,
};
use crate::{
    domain::{Call, Failure, Locked, Reply, code, from_value},
    messaging::{Listener, OUTBOX_OPERATIONS, answer_outbox},
    observability::{EventKind, Timeline},
    services::{CallResult, Effects, Service},
};

/// The position of the event that was stored last, 0 before the first.
///
/// A handle: clones share it. Waiting tasks are woken in the order in which they began to wait, which
/// a `watch` channel does not promise.
#[derive(Clone, Debug, Default)]
pub(in crate::cqrs) struct LastPosition {
    shared: Arc<(AtomicU64, Notify)>,
}

impl LastPosition {
    pub fn get(&self) -> u64 {
        self.shared.0.load(Ordering::Relaxed)
    }

    fn set(&self, last: u64) {
        self.shared.0.store(last, Ordering::Relaxed);
        self.shared.1.notify_waiters();
    }

    /// Waits until it differs from the one seen.
    pub async fn changed_from(&self, seen: u64) {
        loop {
            // Created before the check, so that no change can be missed.
            let changed = self.shared.1.notified();
            if self.get() != seen {
                return;
            }
            changed.await;
        }
    }
}

/// An event store as a service, so that it takes time and fails like any other.
///
/// A handle: clones share the store.
#[derive(Clone)]
pub struct EventStoreService {
    store: Arc<Locked<Arc<EventStore>>>,
    effects: Effects,
    timeline: Timeline,
    positions: LastPosition,
    listener: Listener,
}

impl EventStoreService {
    /// Its operations, apart from those of an outbox.
    const OPERATIONS: [&str; 4] = ["load", "append", "read", "saveSnapshot"];

    /// A service of a store, which records its effects on a timeline.
    pub fn new(store: Arc<EventStore>, effects: Effects, timeline: Timeline) -> Self {
        let positions = LastPosition::default();
        positions.set(store.last_position());
        Self {
            store: Arc::new(Locked::new(store)),
            effects,
            timeline,
            positions,
            listener: Listener::default(),
        }
    }

    /// The listener that is notified when events are stored.
    pub fn listener(&self) -> &Listener {
        &self.listener
    }

    /// The store.
    pub fn store(&self) -> Arc<EventStore> {
        Arc::clone(&self.store.lock())
    }

    /// Replaces the store by another one, or by the same one opened again.
    pub fn replace(&self, store: EventStore) {
        let last_position = store.last_position();
        *self.store.lock() = Arc::new(store);
        self.stored(last_position);
    }

    fn stored(&self, last_position: u64) {
        self.positions.set(last_position);
        if last_position > 0 {
            self.listener.notify();
        }
    }

    pub(in crate::cqrs) fn positions(&self) -> LastPosition {
        self.positions.clone()
    }

    fn load(&self, request: LoadInput) -> Result<Value, Box<Failure>> {
        let store = self.store();
        let stream = StreamId::new(request.aggregate, request.aggregate_id);
        let command = request.command.as_ref();
        let handled = command.and_then(|command| store.handled(&stream, command));
        let snapshot = store
            .load_snapshot(&stream)
            .filter(|snapshot| request.revision.is_none() || snapshot.revision == request.revision);
        let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
        let events = store.load(&stream, after);
        to_value(&LoadedStream {
            version: after + events.len() as u64,
            snapshot,
            events,
            handled,
        })
    }

    fn append(&self, call: &Call, request: &AppendInput) -> Result<Arc<Value>, Box<Failure>> {
        let append = || self.append_events(request).map(Arc::new);
        let causes = request.events.iter().map(|event| &event.causation_id);
        let command = causes.flatten().next();
        let stream = StreamId::new(
            Arc::clone(&request.aggregate),
            Arc::clone(&request.aggregate_id),
        );
        // The store itself recognises a repetition. Its events may differ in their time, so it is not
        // one by its input.
        match command.and_then(|command| self.store().handled(&stream, command)) {
            Some(_) => append(),
            None => self.effects.once(call, |_| append()),
        }
    }

    fn append_events(&self, request: &AppendInput) -> Result<Value, Box<Failure>> {
        let store = self.store();
        let stream = StreamId::new(
            Arc::clone(&request.aggregate),
            Arc::clone(&request.aggregate_id),
        );
        let before = store.last_position();
        let version = store
            .append(
                &stream,
                request.expected_version,
                &request.events,
                request.digest.as_ref(),
            )
            .map_err(EventStoreError::failure)?;
        let position = store.last_position();
        if position > before {
            self.timeline.record(EventKind::EventsAppended {
                aggregate: stream.aggregate,
                aggregate_id: stream.id,
                version,
                events: kinds(&request.events).into(),
            });
            self.stored(position);
        }
        to_value(&AppendReply { version })
    }

    fn read(&self, request: &ReadInput) -> Value {
        let events = self.store().read(request.after, request.limit);
        let events = events.into_iter().map(|stored| {
            object([
                ("position", stored.position.into()),
                ("event", stored.event.to_value()),
            ])
        });
        object([
            ("after", request.after.into()),
            ("events", events.collect()),
        ])
    }

    fn save_snapshot(&self, request: SaveSnapshotInput) -> Result<Value, Box<Failure>> {
        let stream = StreamId::new(request.aggregate, request.aggregate_id);
        let snapshot = Snapshot {
            version: request.version,
            revision: request.revision,
            state: request.state,
        };
        self.store()
            .save_snapshot(&stream, &snapshot)
            .map_err(EventStoreError::failure)?;
        self.timeline.record(EventKind::SnapshotTaken {
            aggregate: stream.aggregate,
            aggregate_id: stream.id,
            version: snapshot.version,
        });
        Ok(json!({}))
    }

    fn answer_outbox(&self, call: &Call) -> Result<Arc<Value>, Box<Failure>> {
        self.effects.once(call, |_| {
            let store = self.store();
            let before = store.last_position();
            let reply = answer_outbox(&*store, call)?;
            let position = store.last_position();
            if position > before || call.name().operation() == "redrive" {
                self.stored(position);
            }
            Ok(reply.value)
        })
    }

    fn answer(&self, call: &Call) -> Result<Arc<Value>, Box<Failure>> {
        match call.name().operation() {
            "load" => self.load(input(call)?).map(Arc::new),
            "append" => self.append(call, &input(call)?),
            "read" => Ok(Arc::new(self.read(&input(call)?))),
            "saveSnapshot" => self.save_snapshot(input(call)?).map(Arc::new),
            _ => self.answer_outbox(call),
        }
    }
}

#[async_trait]
impl Service for EventStoreService {
    fn name(&self) -> &str {
        EVENT_STORE
    }

    fn operations(&self) -> Option<Vec<&str>> {
        Some([&Self::OPERATIONS[..], &OUTBOX_OPERATIONS].concat())
    }

    fn has_operation(&self, operation: &str) -> bool {
        Self::OPERATIONS.contains(&operation) || OUTBOX_OPERATIONS.contains(&operation)
    }

    async fn call(&self, call: &Call) -> CallResult {
        self.answer(call)
            .map(Reply::new)
            .map_err(|failure| Box::new(failure.at(call.name())))
    }
}

fn input<T: DeserializeOwned>(call: &Call) -> Result<T, Box<Failure>> {
    from_value(&call.input).map_err(|error| error.failure(code::VALIDATION_FAILED))
}

/// An object of fields that are JSON already, which `json!` would copy.
fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let owned = fields.map(|(name, value)| (name.to_owned(), value));
    Value::Object(owned.into_iter().collect())
}

impl std::fmt::Debug for EventStoreService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("EventStoreService").finish_non_exhaustive()
    }
}
