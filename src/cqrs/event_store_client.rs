use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    Command, EVENT_STORE, StreamId,
    event_store_messages::{Append, Appended, Load, Loaded, SaveSnapshot, to_value},
};
use crate::{
    domain::{Call, CallName, Failure, Key, code, from_value},
    messaging::CloudEvent,
    services::{CallPolicy, Client},
};

/// The event store as the command handler calls it.
pub(super) struct EventStoreClient<'a> {
    client: &'a Client,
}

impl<'a> EventStoreClient<'a> {
    pub fn new(client: &'a Client) -> Self {
        Self { client }
    }

    /// What an aggregate is restored from, and what came of a command if it was handled before.
    pub async fn load(&self, stream: &StreamId, command: &Command) -> Result<Loaded, Box<Failure>> {
        let asked = Load {
            aggregate: Arc::clone(&stream.aggregate),
            aggregate_id: Arc::clone(&stream.id),
            command: Some(Arc::clone(&command.id)),
        };
        self.call("load", &asked, None).await
    }

    /// Appends what a command came to; the version that the aggregate is at then.
    pub async fn append(
        &self,
        stream: &StreamId,
        command: &Command,
        expected: u64,
        events: &[Arc<CloudEvent>],
    ) -> Result<u64, Box<Failure>> {
        if events.is_empty() {
            return Ok(expected);
        }
        let asked = Append {
            aggregate: Arc::clone(&stream.aggregate),
            aggregate_id: Arc::clone(&stream.id),
            expected_version: expected,
            events: events.to_vec(),
        };
        let key = Key::Do(format!("{stream}/{}", command.id).into());
        let appended: Appended = self.call("append", &asked, Some(key)).await?;
        Ok(appended.version)
    }

    /// Keeps the state of an aggregate at a version.
    pub async fn save_snapshot(
        &self,
        stream: &StreamId,
        version: u64,
        state: Arc<Value>,
    ) -> Result<(), Box<Failure>> {
        let asked = SaveSnapshot {
            aggregate: Arc::clone(&stream.aggregate),
            aggregate_id: Arc::clone(&stream.id),
            version,
            state,
        };
        self.call::<Value>("saveSnapshot", &asked, None).await?;
        Ok(())
    }

    async fn call<T: DeserializeOwned>(
        &self,
        operation: &str,
        input: &impl Serialize,
        key: Option<Key>,
    ) -> Result<T, Box<Failure>> {
        let name = CallName::new(EVENT_STORE, operation);
        let mut call = Call::new(Call::COMMAND_HANDLER, name, to_value(input)?);
        call.key = key;
        let reply = self
            .client
            .call(&call, &CallPolicy::default(), None)
            .await?;
        from_value(&reply.value).map_err(|error| {
            let message = format!("the reply is none of an event store: {error}");
            Box::new(Failure::new(code::CONTRACT_VIOLATION, message).at(call.name()))
        })
    }
}
