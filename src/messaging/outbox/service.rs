use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Listener, MemoryOutbox, Outbox, OutboxError};
use crate::{
    domain::{Call, Failure, IndexMap, Reply, code, from_value},
    messaging::{EventDocument, EventId},
    services::{CallResult, Effects, Service},
};

/// The operations of an outbox, as a service answers them.
pub mod operation {
    pub const STORE: &str = "store";
    pub const UNPUBLISHED: &str = "unpublished";
    pub const MARK_PUBLISHED: &str = "markPublished";
    pub const MARK_FAILED: &str = "markFailed";
}

/// Where an outbox tells how many events are left.
pub const WAITING: &str = "waiting";

/// The operations that [`answer_outbox`] knows.
pub const OUTBOX_OPERATIONS: [&str; 4] = [
    operation::STORE,
    operation::UNPUBLISHED,
    operation::MARK_PUBLISHED,
    operation::MARK_FAILED,
];

/// Answers a call for a service that has an outbox; `None` if it asks for something else.
///
/// | operation | input | reply |
/// |---|---|---|
/// | `store` | an event, or an array of them | `{}`, or how many events are to be published now: `{ "waiting": 1 }` |
/// | `unpublished` | `{ "limit": 100 }` | an array of events |
/// | `markPublished` | `{ "events": { "<source>": ["<id>"] } }` | `{}`, or how many events are left: `{ "waiting": 0 }` |
/// | `markFailed` | the same with a `failure` | `{}` |
pub fn answer_outbox(outbox: &dyn Outbox, call: &Call) -> Option<CallResult> {
    let answered = match call.name().operation() {
        operation::STORE => store(outbox, &call.input),
        operation::UNPUBLISHED => unpublished(outbox, &call.input),
        operation::MARK_PUBLISHED => mark_published(outbox, &call.input),
        operation::MARK_FAILED => mark_failed(outbox, &call.input),
        _ => return None,
    };
    Some(answered.map_err(|failure| Box::new(failure.at(call.name()))))
}

/// A service that is an outbox and nothing else.
///
/// A handle: clones share the outbox.
#[derive(Clone)]
pub struct OutboxService {
    name: Arc<str>,
    outbox: Arc<dyn Outbox>,
    effects: Effects,
    listener: Listener,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Limit {
    limit: usize,
}

/// What `markPublished` is called with.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Marked {
    /// By source.
    pub events: IndexMap<Arc<str>, Vec<Arc<str>>>,
    /// Why they are not published; `markFailed` alone has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl OutboxService {
    /// The name that it goes by where there is no other outbox.
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

    /// The one that is there where nothing else is said.
    pub fn in_memory(effects: Effects) -> Self {
        Self::new(Self::NAME, Arc::new(MemoryOutbox::default()), effects)
    }

    /// Who hears of what is stored.
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
        let answer = || {
            answer_outbox(&*self.outbox, call).unwrap_or_else(|| {
                let message = format!("{} is an outbox only", self.name);
                Err(Box::new(
                    Failure::new(code::OPERATION_NOT_FOUND, message).at(call.name()),
                ))
            })
        };
        // A repetition of a call whose answer was lost must not be taken for another event.
        let once = self.effects.once(call, |_| {
            let reply = answer()?;
            if call.name().operation() == operation::STORE {
                self.listener.tell();
            }
            Ok(reply.value)
        });
        once.map(Reply::new)
    }
}

fn store(outbox: &dyn Outbox, input: &Arc<Value>) -> CallResult {
    let events = EventDocument::read_all(input).map_err(|error| error.failure())?;
    outbox.store(&events).map_err(failure)?;
    Ok(waiting(outbox))
}

fn unpublished(outbox: &dyn Outbox, input: &Value) -> CallResult {
    let Limit { limit } = read(input)?;
    let events = outbox.unpublished(limit).map_err(failure)?;
    let events: Value = events
        .iter()
        .map(|event| Value::clone(event.json()))
        .collect();
    Ok(Reply::new(events))
}

fn mark_published(outbox: &dyn Outbox, input: &Value) -> CallResult {
    let marked: Marked = read(input)?;
    outbox.mark_published(&marked.ids()).map_err(failure)?;
    Ok(waiting(outbox))
}

fn waiting(outbox: &dyn Outbox) -> Reply {
    // The same few are left again and again, and the timeline keeps every reply.
    static FEW: LazyLock<Vec<Arc<Value>>> = LazyLock::new(|| (0..128).map(told).collect());
    match outbox.waiting() {
        Some(waiting) => Reply::new(FEW.get(waiting).map_or_else(|| told(waiting), Arc::clone)),
        None => Reply::nothing(),
    }
}

fn told(waiting: usize) -> Arc<Value> {
    Arc::new(json!({ (WAITING): waiting }))
}

fn mark_failed(outbox: &dyn Outbox, input: &Value) -> CallResult {
    let marked: Marked = read(input)?;
    let why = marked.failure.as_ref().ok_or_else(|| {
        let message = "there is no \"failure\" to note";
        Box::new(Failure::new(code::VALIDATION_FAILED, message).field("/failure"))
    })?;
    outbox.mark_failed(&marked.ids(), why).map_err(failure)?;
    Ok(Reply::nothing())
}

fn read<T: serde::de::DeserializeOwned>(input: &Value) -> Result<T, Box<Failure>> {
    // Noting the path to each value takes longer than all the rest, and only a fault needs it.
    T::deserialize(input)
        .or_else(|_| from_value(input).map_err(|error| error.failure(code::VALIDATION_FAILED)))
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what a result's error is mapped by"
)]
fn failure(error: OutboxError) -> Box<Failure> {
    let code = match &error {
        OutboxError::AlreadyStored(_) => code::EVENT_ALREADY_EXISTS,
        OutboxError::Unknown(_) => code::EVENT_NOT_FOUND,
        OutboxError::Unusable(_) => code::IO_ERROR,
    };
    Box::new(Failure::new(code, error.to_string()))
}

impl Marked {
    pub fn new(ids: impl IntoIterator<Item = EventId>, failure: Option<Failure>) -> Self {
        let mut events: IndexMap<_, Vec<_>> = IndexMap::default();
        for EventId { source, id } in ids {
            events.entry(source).or_default().push(id);
        }
        Self { events, failure }
    }

    pub fn input(&self) -> Value {
        // Texts and numbers only, under keys that are texts: there is nothing that JSON cannot say.
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
    fn what_is_marked_is_told_by_source_and_read_as_it_was_meant() {
        let id = |source: &str, id: &str| EventId {
            source: source.into(),
            id: id.into(),
        };
        let ids = [id("shop", "e-1"), id("bank", "e-1"), id("shop", "e-2")];
        let told = Marked::new(ids.clone(), None).input();
        assert_eq!(
            told,
            json!({ "events": { "shop": ["e-1", "e-2"], "bank": ["e-1"] } })
        );
        let marked: Marked = read(&told).unwrap();
        let [first, other, second] = ids;
        assert_eq!(marked.ids(), [first, second, other]);
    }
}
