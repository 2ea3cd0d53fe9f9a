use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    domain::{Call, Failure, Locked, Reply, code, from_value, offset_text, pointer_token},
    observability::{EventHead, HandlerRuns, LetterOwner},
    services::{CallResult, Service},
};

/// An event that a handler failed on for good, or that the bus refused for good, with everything known
/// about the failure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeadLetter {
    /// `<subscription>/<source>#<id>` of its event, or `<outbox>/<source>#<id>`, where a slash of the first and a
    /// `#` of the second are escaped.
    pub id: Arc<str>,
    /// The subscription whose handler failed, unless it was the bus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<Arc<str>>,
    /// The outbox that the bus refused it from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbox: Option<Arc<str>>,
    /// Where the event came from.
    pub origin: EventOrigin,
    /// The whole event.
    pub event: Arc<Value>,
    /// The last failure.
    pub error: LetterError,
    /// How often it was tried again.
    pub retries: u32,
    /// How often it was redriven.
    #[serde(default)]
    pub redrives: u32,
    /// When it was first tried, as an offset.
    #[serde(with = "offset_text")]
    pub first_at: Duration,
    /// When it last failed, as an offset.
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

/// What an event failed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LetterError {
    /// In UPPER_SNAKE case.
    pub code: Arc<str>,
    /// For people.
    pub message: String,
}

impl DeadLetter {
    /// The dead letter of an event; a redriven one continues the counts of the previous.
    pub fn new(
        owner: &LetterOwner,
        head: &EventHead,
        event: Arc<Value>,
        failure: &Failure,
        runs: &HandlerRuns,
        previous: Option<&Self>,
    ) -> Self {
        let (subscription, outbox) = match owner.clone() {
            LetterOwner::Subscription(subscription) => (Some(subscription), None),
            LetterOwner::Outbox(outbox) => (None, Some(outbox)),
        };
        Self {
            id: letter_id(owner, head),
            subscription,
            outbox,
            origin: EventOrigin {
                source: Arc::clone(&head.source),
                kind: Arc::clone(&head.kind),
            },
            event,
            error: LetterError {
                code: Arc::clone(&failure.code),
                message: failure.message.clone(),
            },
            retries: previous.map_or(runs.retries, |previous| previous.retries + runs.retries + 1),
            redrives: previous.map_or(0, |previous| previous.redrives),
            first_at: previous.map_or(runs.first_at, |previous| previous.first_at),
            last_at: runs.last_at,
        }
    }

    /// What it belongs to; `None` if that is not clear.
    pub fn owner(&self) -> Option<LetterOwner> {
        match (self.subscription.clone(), self.outbox.clone()) {
            (Some(subscription), None) => Some(LetterOwner::Subscription(subscription)),
            (None, Some(outbox)) => Some(LetterOwner::Outbox(outbox)),
            _ => None,
        }
    }

    /// How often and when its event was tried.
    pub fn runs(&self) -> HandlerRuns {
        HandlerRuns {
            retries: self.retries,
            redrives: self.redrives,
            first_at: self.first_at,
            last_at: self.last_at,
        }
    }
}

/// The id of the dead letter that an event becomes.
pub(super) fn letter_id(owner: &LetterOwner, head: &EventHead) -> Arc<str> {
    let (LetterOwner::Subscription(name) | LetterOwner::Outbox(name)) = owner;
    // Escaped, so that no two events of any owners share it.
    let name = pointer_token(name);
    let source = head.source.replace('%', "%25").replace('#', "%23");
    format!("{name}/{source}#{}", head.id).into()
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
        let read: DeadLetter = read(letter)?;
        if read.owner().is_none() {
            let message = "a dead letter has either a \"subscription\" or an \"outbox\"";
            let failure = Failure::new(code::VALIDATION_FAILED, message);
            return Err(Box::new(failure.field("/subscription")));
        }
        self.letters.lock().insert(read.id, Arc::clone(letter));
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
