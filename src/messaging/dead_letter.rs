use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    domain::{Call, Failure, Locked, Reply, code, from_value, offset_text},
    services::{CallResult, Service},
};

/// An event that a handler failed on permanently, with everything known about the failure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeadLetter {
    /// `<subscription>/<source>#<id>` of its event, where a slash of the first and a `#` of the second
    /// are escaped.
    pub id: Arc<str>,
    /// The subscription whose handler failed.
    pub subscription: Arc<str>,
    /// Where the event came from.
    pub origin: EventOrigin,
    /// The whole event.
    pub event: Arc<Value>,
    /// The handler's last failure.
    pub error: LetterError,
    /// How often the handler was retried.
    pub retries: u32,
    /// When the handler was first called, as an offset.
    #[serde(with = "offset_text")]
    pub first_at: Duration,
    /// When the handler last failed, as an offset.
    #[serde(with = "offset_text")]
    pub last_at: Duration,
}

/// Where the event of a dead letter came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventOrigin {
    /// Where it happened.
    pub source: Arc<str>,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: Arc<str>,
}

/// What a handler failed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LetterError {
    /// In UPPER_SNAKE case.
    pub code: Arc<str>,
    /// For people.
    pub message: String,
}

/// The dead letter queue, as a service: `put`, `list` and `remove`.
///
/// A letter that is put again replaces the previous.
#[derive(Debug, Default)]
pub struct DeadLetters {
    letters: Locked<IndexMap<Arc<str>, Arc<Value>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RemoveInput {
    id: Arc<str>,
}

impl DeadLetters {
    /// Its name as a service.
    pub const NAME: &str = "DeadLetters";
    pub(super) const PUT: &str = "put";
    pub(super) const LIST: &str = "list";
    pub(super) const REMOVE: &str = "remove";

    const OPERATIONS: [&str; 3] = [Self::PUT, Self::LIST, Self::REMOVE];

    fn put(&self, letter: &Arc<Value>) -> Result<Value, Box<Failure>> {
        let DeadLetter { id, .. } = read(letter)?;
        self.letters.lock().insert(id, Arc::clone(letter));
        Ok(json!({}))
    }

    fn list(&self) -> Value {
        let letters = self.letters.lock();
        letters
            .values()
            .map(|letter| Value::clone(letter))
            .collect()
    }

    fn remove(&self, input: &Value) -> Result<Value, Box<Failure>> {
        let RemoveInput { id } = read(input)?;
        let removed = self.letters.lock().shift_remove(&id).is_some();
        Ok(json!({ "removed": removed }))
    }
}

#[async_trait]
impl Service for DeadLetters {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn operations(&self) -> Option<Vec<&str>> {
        Some(Self::OPERATIONS.to_vec())
    }

    async fn call(&self, call: &Call) -> CallResult {
        let reply = match call.name().operation() {
            Self::PUT => self.put(&call.input),
            Self::LIST => Ok(self.list()),
            Self::REMOVE => self.remove(&call.input),
            other => {
                let message = format!("the dead letter queue has no operation {other:?}");
                Err(Box::new(Failure::new(code::OPERATION_NOT_FOUND, message)))
            }
        };
        match reply {
            Ok(value) => Ok(Reply::new(value)),
            Err(failure) => Err(Box::new(failure.at(call.name()))),
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(input: &Value) -> Result<T, Box<Failure>> {
    from_value(input).map_err(|error| error.failure(code::VALIDATION_FAILED))
}
