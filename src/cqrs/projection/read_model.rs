use std::sync::Arc;

use async_trait::async_trait;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{HandlerDefinition, ProjectionDefinition};
use crate::{
    clock::Clock,
    domain::{Call, Failure, Locked, Reply, code, from_value},
    services::{CallResult, Service},
};

/// The documents that a projection builds from events, by key; a service, so that it takes time and
/// fails like any other.
///
/// | operation | input | reply |
/// |---|---|---|
/// | `apply` | `{ "position", "after", "event" }` | `{}` |
/// | `replay` | `{ "after", "events": [{ "position", "event" }] }` | `{ "position", "checkpoint", "applied" }` of these events, and a `failure` if an event could not be applied |
/// | `reset` | `{ "generation" }`, or `{}` | `{}` |
/// | `query` | `{ "key" }`, or `{}` for all | `{ "data", "metadata": { "queryType", "timestamp", "checkpoint" } }` |
///
/// A call may take effect late, after its caller has timed out and retried. So each event has its
/// position, by which it is applied once, and each call the position that it continues `after`: a
/// late call of an earlier rebuild would leave a gap and is refused. A rebuild resets once, by its
/// `generation`.
#[derive(Clone)]
pub(super) struct ReadModel {
    definition: Arc<ProjectionDefinition>,
    contents: Arc<Locked<ReadModelContents>>,
    clock: Clock,
}

#[derive(Default)]
struct ReadModelContents {
    documents: IndexMap<String, Arc<Value>>,
    /// The position of the last event that was applied, or skipped in a later replay.
    position: u64,
    /// The position of the last event that was applied.
    checkpoint: u64,
    /// Of the last reset.
    generation: u64,
}

/// How many of the given events a projection has applied.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BatchProgress {
    /// The position of the last event that was applied or skipped.
    pub position: u64,
    /// The position of the last event that was applied, if any was.
    pub checkpoint: Option<u64>,
    /// How many events were applied.
    pub applied: u64,
    /// Why the next one was not applied.
    #[serde(default)]
    pub failure: Option<Box<Failure>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentQuery {
    #[serde(default)]
    key: Option<String>,
}

impl BatchProgress {
    /// None of the events up to a position was applied.
    pub fn skipped(position: u64) -> Self {
        Self {
            position,
            ..Self::default()
        }
    }

    /// One event was applied.
    pub fn applied(position: u64) -> Self {
        Self {
            position,
            checkpoint: Some(position),
            applied: 1,
            failure: None,
        }
    }
}

pub(super) const APPLY: &str = "apply";
pub(super) const REPLAY: &str = "replay";
pub(super) const RESET: &str = "reset";
pub(super) const QUERY: &str = "query";

impl ReadModel {
    pub fn new(definition: Arc<ProjectionDefinition>, clock: Clock) -> Self {
        Self {
            definition,
            contents: Arc::default(),
            clock,
        }
    }

    /// The same documents under another definition that makes the same of events.
    pub fn redefined(&self, definition: Arc<ProjectionDefinition>) -> Self {
        Self {
            definition,
            ..self.clone()
        }
    }

    /// Skips an event; false if it has been applied or skipped already.
    pub fn skip(&self, position: u64) -> bool {
        let mut contents = self.contents.lock();
        let is_new = contents.position < position;
        contents.position = contents.position.max(position);
        is_new
    }

    /// The current document of a key.
    pub fn document(&self, key: &str) -> Option<Arc<Value>> {
        self.contents.lock().documents.get(key).map(Arc::clone)
    }

    /// Applies events in order, up to the first that fails.
    fn take(&self, input: &Value, events: &[Value]) -> Result<BatchProgress, Box<Failure>> {
        let after = number(input, "after")?;
        let contents = &mut *self.contents.lock();
        if after > contents.position {
            let message = format!(
                "events after position {after} would leave a gap: the last one is at {}",
                contents.position
            );
            return Err(Box::new(Failure::new(
                code::CONCURRENT_MODIFICATION,
                message,
            )));
        }
        // Reports the given events alone: a late call may have applied later ones already.
        let mut progress = BatchProgress::skipped(after);
        for stored in events {
            let position = number(stored, "position")?;
            let event = &stored["event"];
            if let Some(handler) = self.handler_of(event) {
                if position > contents.position {
                    let lifted = self.definition.lifted(event);
                    let applied = lifted.and_then(|lifted| {
                        contents.apply(handler, lifted.as_ref().unwrap_or(event))
                    });
                    if let Err(why) = applied {
                        progress.failure = Some(why);
                        break;
                    }
                    contents.checkpoint = position;
                }
                progress.checkpoint = Some(position);
                progress.applied += 1;
            }
            progress.position = position;
            contents.position = contents.position.max(position);
        }
        Ok(progress)
    }

    /// Discards all documents, unless that or a later rebuild has done so already.
    fn reset(&self, generation: Option<u64>) {
        let mut contents = self.contents.lock();
        if generation.is_some_and(|generation| generation <= contents.generation) {
            return;
        }
        *contents = ReadModelContents {
            generation: generation.unwrap_or(contents.generation),
            ..ReadModelContents::default()
        };
    }

    fn handler_of(&self, event: &Value) -> Option<&HandlerDefinition> {
        self.definition.handles.get(event["type"].as_str()?)
    }

    fn query(&self, input: &Value) -> Result<Value, Box<Failure>> {
        let DocumentQuery { key } =
            from_value(input).map_err(|error| error.failure(code::VALIDATION_FAILED))?;
        let contents = self.contents.lock();
        let owned = |document: &Arc<Value>| Value::clone(document);
        let data = match key {
            Some(key) => contents.documents.get(&key).map_or(Value::Null, owned),
            None => {
                let documents = contents.documents.iter();
                let documents = documents.map(|(key, document)| (key.clone(), owned(document)));
                Value::Object(documents.collect::<Map<_, _>>())
            }
        };
        Ok(json!({
            "data": data,
            "metadata": {
                "queryType": &*self.definition.name,
                "timestamp": Clock::timestamp(self.clock.now()),
                "checkpoint": contents.checkpoint,
            },
        }))
    }
}

impl ReadModelContents {
    fn apply(&mut self, handler: &HandlerDefinition, event: &Value) -> Result<(), Box<Failure>> {
        let key = handler.key_for(event)?;
        let before = self.documents.get(&key);
        let mut document = before.map_or_else(Default::default, Arc::clone);
        for change in &handler.changes {
            change.apply(&mut document, event)?;
        }
        if document.is_null() {
            self.documents.shift_remove(&key);
        } else {
            self.documents.insert(key, document);
        }
        Ok(())
    }
}

/// A read model while another one is built beside it: the one is read and goes on, the other one
/// receives all events anew.
pub(super) struct Beside {
    pub current: ReadModel,
    pub next: ReadModel,
}

#[async_trait]
impl Service for Beside {
    fn name(&self) -> &str {
        self.current.name()
    }

    fn operations(&self) -> Option<Vec<&str>> {
        self.current.operations()
    }

    async fn call(&self, call: &Call) -> CallResult {
        match call.name().operation() {
            REPLAY | RESET => self.next.call(call).await,
            _ => self.current.call(call).await,
        }
    }
}

fn number(input: &Value, name: &str) -> Result<u64, Box<Failure>> {
    input[name].as_u64().ok_or_else(|| {
        let message = format!("{name:?} is not a valid position");
        Box::new(Failure::new(code::VALIDATION_FAILED, message).field(name))
    })
}

#[async_trait]
impl Service for ReadModel {
    fn name(&self) -> &str {
        &self.definition.name
    }

    fn operations(&self) -> Option<Vec<&str>> {
        Some(vec![APPLY, REPLAY, RESET, QUERY])
    }

    fn has_operation(&self, operation: &str) -> bool {
        [APPLY, REPLAY, RESET, QUERY].contains(&operation)
    }

    async fn call(&self, call: &Call) -> CallResult {
        let input = &*call.input;
        let answer = match call.name().operation() {
            APPLY => self
                .take(input, std::slice::from_ref(input))
                .and_then(|progress| progress.failure.map_or_else(|| Ok(json!({})), Err)),
            REPLAY => {
                let events = input["events"].as_array().map_or(&[][..], Vec::as_slice);
                self.take(input, events).and_then(|progress| {
                    serde_json::to_value(progress).map_err(|error| {
                        Box::new(Failure::new(code::VALIDATION_FAILED, error.to_string()))
                    })
                })
            }
            RESET => {
                self.reset(input["generation"].as_u64());
                Ok(json!({}))
            }
            QUERY => self.query(input),
            operation => Err(Box::new(Failure::new(
                code::OPERATION_NOT_FOUND,
                format!("a read model has no operation {operation:?}"),
            ))),
        };
        answer
            .map(Reply::new)
            .map_err(|failure| Box::new(failure.at(call.name())))
    }
}
