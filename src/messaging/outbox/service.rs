use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{MemoryOutbox, Outbox, OutboxError};
use crate::{
    domain::{Call, Failure, IndexMap, Reply, code, from_value},
    messaging::{EventDocument, EventId},
    services::{CallResult, Effects, Service},
};

/// The operations of an outbox service.
pub mod operation {
    pub const STORE: &str = "store";
    pub const UNPUBLISHED: &str = "unpublished";
    pub const MARK_PUBLISHED: &str = "markPublished";
    pub const MARK_FAILED: &str = "markFailed";
    pub const MARK_DEAD_LETTERED: &str = "markDeadLettered";
    pub const REDRIVE: &str = "redrive";
    pub const PUBLICATION: &str = "publication";
}

/// The operations that [`answer_outbox`] answers.
pub const OUTBOX_OPERATIONS: [&str; 7] = [
    operation::STORE,
    operation::UNPUBLISHED,
    operation::MARK_PUBLISHED,
    operation::MARK_FAILED,
    operation::MARK_DEAD_LETTERED,
    operation::REDRIVE,
    operation::PUBLICATION,
];

/// Answers a call to a service that has an outbox.
///
/// | operation | input | reply |
/// |---|---|---|
/// | `store` | an event, or an array of them | `{}` |
/// | `unpublished` | `{ "limit": 100 }` | an array of events |
/// | `markPublished` | `{ "events": { "<source>": ["<id>"] } }` | `{}` |
/// | `markFailed`, `markDeadLettered` | the same with a `failure` | `{}` |
/// | `redrive` | `{ "source": "<source>", "id": "<id>" }` | `{ "status": "pending", "behindNewer": false }` |
/// | `publication` | the same | `{ "status": "failed", "failure": {} }` |
pub fn answer_outbox(outbox: &dyn Outbox, call: &Call) -> CallResult {
    let reply = match call.name().operation() {
        operation::STORE => store(outbox, &call.input),
        operation::UNPUBLISHED => unpublished(outbox, &call.input),
        operation::MARK_PUBLISHED => mark_published(outbox, &call.input),
        operation::MARK_FAILED => mark_failed(&call.input, |events, failure| {
            outbox.mark_failed(events, failure)
        }),
        operation::MARK_DEAD_LETTERED => mark_failed(&call.input, |events, failure| {
            outbox.mark_dead_lettered(events, failure)
        }),
        operation::REDRIVE => redrive(outbox, &call.input),
        operation::PUBLICATION => publication(outbox, &call.input),
        other => {
            let message = format!("{} has no operation {other:?}", call.name().service());
            Err(Box::new(Failure::new(code::OPERATION_NOT_FOUND, message)))
        }
    };
    reply.map_err(|failure| Box::new(failure.at(call.name())))
}

/// A service that is only an outbox.
///
/// A handle: clones share the outbox.
#[derive(Clone)]
pub struct OutboxService {
    name: Arc<str>,
    outbox: Arc<dyn Outbox>,
    effects: Effects,
    listener: Listener,
}

/// A callback for when there are events to publish.
///
/// A handle: clones share the callback.
#[derive(Clone, Default)]
pub struct Listener {
    callback: Arc<OnceLock<Box<dyn Fn() + Send + Sync>>>,
}

impl Listener {
    /// Runs the callback, before the store replies, so that the activity it begins is known by then.
    pub fn notify(&self) {
        if let Some(callback) = self.callback.get() {
            callback();
        }
    }

    /// Sets the callback; there is one relay, so a second one is ignored.
    pub(in crate::messaging) fn set(&self, callback: impl Fn() + Send + Sync + 'static) {
        let _ = self.callback.set(Box::new(callback));
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UnpublishedInput {
    limit: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventInput {
    source: Arc<str>,
    id: Arc<str>,
}

/// The input of `redrive` and `publication`.
pub fn event_input(event: &EventId) -> Value {
    json!({ "source": event.source, "id": event.id })
}

/// The input of `markPublished`, `markFailed` and `markDeadLettered`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MarkInput {
    /// Ids, by source.
    pub events: IndexMap<Arc<str>, Vec<Arc<str>>>,
    /// Why they are not published; not for `markPublished`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl OutboxService {
    /// The name of the default outbox.
    pub const NAME: &str = "Outbox";

    /// A service of a name.
    pub fn new(name: &str, outbox: Arc<dyn Outbox>, effects: Effects) -> Self {
        Self {
            name: name.into(),
            outbox,
            effects,
            listener: Listener::default(),
        }
    }

    /// The default outbox, in memory.
    pub fn in_memory(effects: Effects) -> Self {
        Self::new(Self::NAME, Arc::new(MemoryOutbox::default()), effects)
    }

    /// Notified of everything that is stored or redriven.
    pub fn listener(&self) -> &Listener {
        &self.listener
    }
}

#[async_trait]
impl Service for OutboxService {
    fn name(&self) -> &str {
        &self.name
    }

    fn operations(&self) -> Option<Vec<&str>> {
        Some(OUTBOX_OPERATIONS.to_vec())
    }

    fn has_operation(&self, operation: &str) -> bool {
        OUTBOX_OPERATIONS.contains(&operation)
    }

    async fn call(&self, call: &Call) -> CallResult {
        // A retry after a lost reply must not store the event twice.
        let once = self.effects.once(call, |_| {
            let reply = answer_outbox(&*self.outbox, call)?;
            if [operation::STORE, operation::REDRIVE].contains(&call.name().operation()) {
                self.listener.notify();
            }
            Ok(reply.value)
        });
        once.map(Reply::new)
    }
}

fn store(outbox: &dyn Outbox, input: &Arc<Value>) -> CallResult {
    let events = EventDocument::read_all(input).map_err(|error| error.failure())?;
    outbox.store(&events).map_err(failure)?;
    Ok(Reply::empty())
}

fn unpublished(outbox: &dyn Outbox, input: &Value) -> CallResult {
    let UnpublishedInput { limit } = read(input)?;
    let events = outbox.unpublished(limit).map_err(failure)?;
    let events: Value = events
        .iter()
        .map(|event| Value::clone(event.json()))
        .collect();
    Ok(Reply::new(events))
}

fn mark_published(outbox: &dyn Outbox, input: &Value) -> CallResult {
    let marked: MarkInput = read(input)?;
    outbox.mark_published(&marked.ids()).map_err(failure)?;
    Ok(Reply::empty())
}

fn mark_failed(
    input: &Value,
    mark: impl FnOnce(&[EventId], &Failure) -> Result<(), OutboxError>,
) -> CallResult {
    let marked: MarkInput = read(input)?;
    let why = marked.failure.as_ref().ok_or_else(|| {
        let message = "\"failure\" is missing";
        Box::new(Failure::new(code::VALIDATION_FAILED, message).field("/failure"))
    })?;
    mark(&marked.ids(), why).map_err(failure)?;
    Ok(Reply::empty())
}

fn redrive(outbox: &dyn Outbox, input: &Value) -> CallResult {
    let EventInput { source, id } = read(input)?;
    let redriven = outbox.redrive(&EventId { source, id }).map_err(failure)?;
    Ok(Reply::new(json!(redriven)))
}

fn publication(outbox: &dyn Outbox, input: &Value) -> CallResult {
    let EventInput { source, id } = read(input)?;
    let event = EventId { source, id };
    match outbox.publication(&event).map_err(failure)? {
        Some(status) => Ok(Reply::new(json!(status))),
        None => Err(failure(OutboxError::Unknown(event))),
    }
}

fn read<T: serde::de::DeserializeOwned>(input: &Value) -> Result<T, Box<Failure>> {
    // Tracking the path to each value is slow, and only an error needs it.
    T::deserialize(input)
        .or_else(|_| from_value(input).map_err(|error| error.failure(code::VALIDATION_FAILED)))
}

#[expect(clippy::needless_pass_by_value, reason = "used with `map_err`")]
fn failure(error: OutboxError) -> Box<Failure> {
    let code = match &error {
        OutboxError::AlreadyStored(_) => code::EVENT_ALREADY_EXISTS,
        OutboxError::Unknown(_) => code::EVENT_NOT_FOUND,
        OutboxError::Unusable(_) => code::IO_ERROR,
    };
    Box::new(Failure::new(code, error.to_string()))
}

impl MarkInput {
    pub fn new(ids: impl IntoIterator<Item = EventId>, failure: Option<Failure>) -> Self {
        let mut events: IndexMap<_, Vec<_>> = IndexMap::default();
        for EventId { source, id } in ids {
            events.entry(source).or_default().push(id);
        }
        Self { events, failure }
    }

    pub fn input(&self) -> Value {
        // Only strings and numbers, so serialising cannot fail.
        serde_json::to_value(self).unwrap_or_else(|_| Value::Object(Map::new()))
    }

    fn ids(&self) -> Vec<EventId> {
        let of = |source: &Arc<str>, id: &Arc<str>| EventId {
            source: Arc::clone(source),
            id: Arc::clone(id),
        };
        let sources = self.events.iter();
        sources
            .flat_map(|(source, ids)| ids.iter().map(move |id| of(source, id)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_events_are_grouped_by_source_and_read_back() {
        let id = |source: &str, id: &str| EventId {
            source: source.into(),
            id: id.into(),
        };
        let ids = [id("shop", "e-1"), id("bank", "e-1"), id("shop", "e-2")];
        let input = MarkInput::new(ids.clone(), None).input();
        assert_eq!(
            input,
            json!({ "events": { "shop": ["e-1", "e-2"], "bank": ["e-1"] } })
        );
        let marked: MarkInput = read(&input).unwrap();
        let [first, other, second] = ids;
        assert_eq!(marked.ids(), [first, second, other]);
    }
}
