use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ProjectedEvent, Projection, event_store_messages::to_value, replayed::Replayed};
use crate::{
    clock::Clock,
    domain::{Call, Failure, Reply, code, from_value},
    services::{CallResult, Service},
};

/// A projection that is called as a service, so that it takes time and fails as others do.
///
/// | operation | input | reply |
/// |---|---|---|
/// | `apply` | `{ "position", "after", "event" }` | `{}` |
/// | `reset` | `{}` | `{}` |
/// | `replay` | `{ "after", "events": [{ "position", "event" }] }` | `{ "position", "checkpoint", "applied" }`, and a `failure` where one event could not be applied |
/// | `query` | `{ "key" }`, or `{}` for all | `{ "data", "metadata": { "queryType", "timestamp", "checkpoint" } }` |
///
/// An event is applied once: behind the one `after` which it comes, so that one which arrives late
/// leaves no gap and changes nothing twice.
#[derive(Clone)]
pub(super) struct ProjectionService {
    name: Arc<str>,
    kept: Arc<Mutex<Kept>>,
    clock: Clock,
}

struct Kept {
    projection: Box<dyn Projection>,
    handles: HashSet<String>,
    /// The position of the event that was applied last.
    applied: u64,
    /// The position of the event that was applied last, or passed by in a replay since.
    seen: u64,
}

pub(super) const APPLY: &str = "apply";
pub(super) const RESET: &str = "reset";
pub(super) const REPLAY: &str = "replay";
pub(super) const QUERY: &str = "query";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    #[serde(default)]
    key: Option<String>,
}

impl ProjectionService {
    pub fn new(projection: Box<dyn Projection>, clock: Clock) -> Self {
        Self {
            name: projection.name().into(),
            kept: Arc::new(Mutex::new(Kept {
                handles: projection
                    .handles()
                    .into_iter()
                    .map(str::to_owned)
                    .collect(),
                projection,
                applied: 0,
                seen: 0,
            })),
            clock,
        }
    }

    /// A document as it is now.
    pub fn document(&self, key: &str) -> Option<Arc<Value>> {
        self.lock().projection.document(key)
    }

    fn apply(&self, input: &Value) -> Result<Value, Box<Failure>> {
        let (position, after) = (number(input, "position")?, number(input, "after")?);
        let mut kept = self.lock();
        if position <= kept.applied {
            return Ok(json!({}));
        }
        if after != kept.applied {
            return Err(gap(after, kept.applied));
        }
        kept.projection.apply(&ProjectedEvent {
            position,
            event: &input["event"],
        })?;
        kept.applied = position;
        kept.seen = position;
        Ok(json!({}))
    }

    /// Applies events one after the other, up to one that cannot be.
    fn replay(&self, input: &Value) -> Result<Value, Box<Failure>> {
        let after = number(input, "after")?;
        let mut kept = self.lock();
        let kept = &mut *kept;
        if after > kept.seen {
            return Err(gap(after, kept.seen));
        }
        let mut applied = 0_u64;
        let mut failure = None;
        for stored in input["events"].as_array().into_iter().flatten() {
            let position = number(stored, "position")?;
            let event = ProjectedEvent {
                position,
                event: &stored["event"],
            };
            if kept.handles.contains(event.kind()) {
                if position > kept.seen {
                    if let Err(why) = kept.projection.apply(&event) {
                        failure = Some(why);
                        break;
                    }
                    kept.applied = position;
                }
                applied += 1;
            }
            kept.seen = kept.seen.max(position);
        }
        to_value(&Replayed {
            position: kept.seen,
            checkpoint: kept.applied,
            applied,
            failure,
        })
    }

    fn reset(&self) -> Value {
        let mut kept = self.lock();
        kept.projection.reset();
        kept.applied = 0;
        kept.seen = 0;
        json!({})
    }

    fn query(&self, input: &Value) -> Result<Value, Box<Failure>> {
        let Query { key } =
            from_value(input).map_err(|error| error.failure(code::VALIDATION_FAILED))?;
        let kept = self.lock();
        let data = match key {
            Some(key) => kept.projection.document(&key).map(Arc::unwrap_or_clone),
            None => kept.projection.documents(),
        };
        Ok(json!({
            "data": data,
            "metadata": {
                "queryType": &*self.name,
                "timestamp": Clock::timestamp(self.clock.now()),
                "checkpoint": kept.applied,
            },
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn number(input: &Value, name: &str) -> Result<u64, Box<Failure>> {
    input[name].as_u64().ok_or_else(|| {
        let message = format!("{name:?} is no position");
        Box::new(Failure::new(code::VALIDATION_FAILED, message).field(name))
    })
}

fn gap(after: u64, applied: u64) -> Box<Failure> {
    let message = format!(
        "what comes after position {after} would leave a gap: the last one is at {applied}"
    );
    Box::new(Failure::new(code::CONCURRENT_MODIFICATION, message))
}

#[async_trait]
impl Service for ProjectionService {
    fn name(&self) -> &str {
        &self.name
    }

    fn operations(&self) -> Option<Vec<&str>> {
        Some(vec![APPLY, RESET, REPLAY, QUERY])
    }

    fn has_operation(&self, operation: &str) -> bool {
        [APPLY, RESET, REPLAY, QUERY].contains(&operation)
    }

    async fn call(&self, call: &Call) -> CallResult {
        let answer = match call.name().operation() {
            APPLY => self.apply(&call.input),
            RESET => Ok(self.reset()),
            REPLAY => self.replay(&call.input),
            QUERY => self.query(&call.input),
            operation => Err(Box::new(Failure::new(
                code::OPERATION_NOT_FOUND,
                format!("a projection cannot {operation:?}"),
            ))),
        };
        answer
            .map(Reply::new)
            .map_err(|failure| Box::new(failure.at(call.name())))
    }
}
