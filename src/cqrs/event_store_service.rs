use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    EventStore, EventStoreError, Handled, Snapshot, StreamId,
    event_store_messages::{
        Append, Appended, Before, Kept, Load, Loaded, Read, SaveSnapshot, kinds, to_value,
    },
    positions::Positions,
};
use crate::{
    domain::{Call, Failure, Reply, code, from_value},
    messaging::{Listener, OUTBOX_OPERATIONS, answer_outbox},
    observability::{EventKind, Timeline},
    services::{CallResult, Effects, Service},
};

/// The name that the event store is called by.
pub const EVENT_STORE: &str = "EventStore";

/// An event store that is called as a service, so that it takes time and fails as others do.
///
/// A handle: clones share the store.
#[derive(Clone)]
pub struct EventStoreService {
    store: Arc<Mutex<Arc<dyn EventStore>>>,
    effects: Effects,
    timeline: Timeline,
    positions: Positions,
    listener: Listener,
}

impl EventStoreService {
    /// What it is asked beside what an outbox is.
    const OPERATIONS: [&str; 4] = ["load", "append", "read", "saveSnapshot"];

    /// A service of a store, whose effects show on a timeline.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn new(
        store: Arc<dyn EventStore>,
        effects: Effects,
        timeline: Timeline,
    ) -> Result<Self, EventStoreError> {
        let positions = Positions::default();
        positions.set(store.last_position()?);
        Ok(Self {
            store: Arc::new(Mutex::new(store)),
            effects,
            timeline,
            positions,
            listener: Listener::default(),
        })
    }

    /// Who hears of what is stored.
    pub fn listener(&self) -> &Listener {
        &self.listener
    }

    /// The store.
    pub fn store(&self) -> Arc<dyn EventStore> {
        Arc::clone(&self.store.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Goes on with another store, or the same one opened again.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn replace(&self, store: Arc<dyn EventStore>) -> Result<(), EventStoreError> {
        let last_position = store.last_position()?;
        *self.store.lock().unwrap_or_else(PoisonError::into_inner) = store;
        self.stored(last_position);
        Ok(())
    }

    fn stored(&self, last_position: u64) {
        self.positions.set(last_position);
        if last_position > 0 {
            self.listener.notify();
        }
    }

    /// The position of the event that was stored last, as it grows.
    pub(super) fn positions(&self) -> Positions {
        self.positions.clone()
    }

    fn load(&self, asked: Load) -> Result<Value, Box<Failure>> {
        let store = self.store();
        let stream = StreamId::new(asked.aggregate, asked.aggregate_id);
        let handled = match &asked.command {
            Some(command) => store
                .handled(&stream, command)
                .map_err(EventStoreError::failure)?,
            None => None,
        };
        let snapshot = store
            .load_snapshot(&stream)
            .map_err(EventStoreError::failure)?;
        let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
        let events = store
            .load(&stream, after)
            .map_err(EventStoreError::failure)?;
        to_value(&Loaded {
            version: after + events.len() as u64,
            snapshot: snapshot.map(|Snapshot { version, state }| Kept { version, state }),
            events,
            handled: handled.map(|Handled { version, events }| Before { version, events }),
        })
    }

    fn append(&self, asked: &Append) -> Result<Value, Box<Failure>> {
        let store = self.store();
        let stream = StreamId::new(
            Arc::clone(&asked.aggregate),
            Arc::clone(&asked.aggregate_id),
        );
        let before = store.last_position().map_err(EventStoreError::failure)?;
        let version = store
            .append(&stream, asked.expected_version, &asked.events)
            .map_err(EventStoreError::failure)?;
        let position = store.last_position().map_err(EventStoreError::failure)?;
        if position > before {
            self.timeline.record(EventKind::EventsAppended {
                aggregate: stream.aggregate,
                aggregate_id: stream.id,
                version,
                events: kinds(&asked.events).into(),
            });
            self.stored(position);
        }
        to_value(&Appended { version })
    }

    fn read(&self, asked: &Read) -> Result<Value, Box<Failure>> {
        let events = self
            .store()
            .read(asked.after, asked.limit)
            .map_err(EventStoreError::failure)?;
        let events = events.into_iter().map(|stored| {
            object([
                ("position", stored.position.into()),
                ("event", stored.event.to_value()),
            ])
        });
        Ok(object([
            ("after", asked.after.into()),
            ("events", events.collect()),
        ]))
    }

    fn save_snapshot(&self, asked: SaveSnapshot) -> Result<Value, Box<Failure>> {
        let stream = StreamId::new(asked.aggregate, asked.aggregate_id);
        let snapshot = Snapshot {
            version: asked.version,
            state: asked.state,
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

    /// What an outbox is asked.
    fn answer_outbox(&self, call: &Call) -> Option<CallResult> {
        if !OUTBOX_OPERATIONS.contains(&call.name().operation()) {
            return None;
        }
        let once = self.effects.once(call, |_| {
            let store = self.store();
            let before = store.last_position().map_err(EventStoreError::failure)?;
            let answer = answer_outbox(&*store, call).ok_or_else(|| unknown(call))?;
            let position = store.last_position().map_err(EventStoreError::failure)?;
            if position > before {
                self.stored(position);
            }
            Ok(answer?.value)
        });
        Some(once.map(Reply::new))
    }

    fn answer(&self, call: &Call) -> Result<Value, Box<Failure>> {
        match call.name().operation() {
            "load" => self.load(input(call)?),
            "append" => {
                let asked: Append = input(call)?;
                self.effects
                    .once(call, |_| self.append(&asked).map(Arc::new))
                    .map(Arc::unwrap_or_clone)
            }
            "read" => self.read(&input(call)?),
            "saveSnapshot" => self.save_snapshot(input(call)?),
            _ => Err(unknown(call)),
        }
    }
}

#[async_trait]
impl Service for EventStoreService {
    fn name(&self) -> &str {
        EVENT_STORE
    }

    fn operations(&self) -> Option<Vec<&str>> {
        Some([Self::OPERATIONS, OUTBOX_OPERATIONS].concat())
    }

    fn has_operation(&self, operation: &str) -> bool {
        Self::OPERATIONS.contains(&operation) || OUTBOX_OPERATIONS.contains(&operation)
    }

    async fn call(&self, call: &Call) -> CallResult {
        if let Some(answer) = self.answer_outbox(call) {
            return answer;
        }
        let answer = self.answer(call);
        answer
            .map(Reply::new)
            .map_err(|failure| Box::new(failure.at(call.name())))
    }
}

fn unknown(call: &Call) -> Box<Failure> {
    let operation = call.name().operation();
    let message = format!("an event store cannot {operation:?}");
    Box::new(Failure::new(code::OPERATION_NOT_FOUND, message))
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
