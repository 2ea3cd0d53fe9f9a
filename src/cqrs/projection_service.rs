use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ProjectedEvent, Projection};
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
    /// The position of the event that was applied last.
    applied: u64,
}

pub(super) const APPLY: &str = "apply";
pub(super) const RESET: &str = "reset";
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
                projection,
                applied: 0,
            })),
            clock,
        }
    }

    /// A document as it is now.
    pub fn document(&self, key: &str) -> Option<Arc<Value>> {
        self.lock().projection.document(key)
    }

    fn apply(&self, input: &Value) -> Result<Value, Box<Failure>> {
        let number = |name: &str| {
            input[name].as_u64().ok_or_else(|| {
                let message = format!("{name:?} is no position");
                Box::new(Failure::new(code::VALIDATION_FAILED, message).field(name))
            })
        };
        let (position, after) = (number("position")?, number("after")?);
        let mut kept = self.lock();
        if position <= kept.applied {
            return Ok(json!({}));
        }
        if after != kept.applied {
            let message = format!(
                "the event at position {position} comes after that at {after}, the last one applied is at {}",
                kept.applied
            );
            return Err(Box::new(Failure::new(
                code::CONCURRENT_MODIFICATION,
                message,
            )));
        }
        kept.projection.apply(&ProjectedEvent {
            position,
            event: &input["event"],
        })?;
        kept.applied = position;
        Ok(json!({}))
    }

    fn reset(&self) -> Value {
        let mut kept = self.lock();
        kept.projection.reset();
        kept.applied = 0;
        json!({})
    }

    fn query(&self, input: &Value) -> Result<Value, Box<Failure>> {
        let Query { key } = from_value(input).map_err(|error| {
            let failure = Failure::new(code::VALIDATION_FAILED, error.to_string());
            Box::new(failure.field(error.pointer))
        })?;
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

#[async_trait]
impl Service for ProjectionService {
    fn name(&self) -> &str {
        &self.name
    }

    fn operations(&self) -> Option<Vec<&str>> {
        Some(vec![APPLY, RESET, QUERY])
    }

    fn has_operation(&self, operation: &str) -> bool {
        [APPLY, RESET, QUERY].contains(&operation)
    }

    async fn call(&self, call: &Call) -> CallResult {
        let answer = match call.name.operation() {
            APPLY => self.apply(&call.input),
            RESET => Ok(self.reset()),
            QUERY => self.query(&call.input),
            operation => Err(Box::new(Failure::new(
                code::OPERATION_NOT_FOUND,
                format!("a projection cannot {operation:?}"),
            ))),
        };
        answer
            .map(Reply::new)
            .map_err(|failure| Box::new(failure.at(&call.name)))
    }
}
