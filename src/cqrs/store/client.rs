use std::sync::Arc;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{EVENT_STORE, HandledCommand, Snapshot, StreamId};
use crate::{
    domain::{Call, CallName, Failure, Key, KeyOrigin, code, from_value, pointer_token},
    messaging::CloudEvent,
    services::{CallPolicy, Client},
};

/// The event store as the command handler calls it.
pub struct EventStoreClient<'a> {
    client: &'a Client,
}

impl<'a> EventStoreClient<'a> {
    pub fn new(client: &'a Client) -> Self {
        Self { client }
    }

    /// The snapshot of a revision and the events of an aggregate, and the result of a command that was
    /// handled before.
    pub async fn load(
        &self,
        stream: &StreamId,
        command: Option<&Arc<str>>,
        revision: &str,
    ) -> Result<LoadedStream, Box<Failure>> {
        let input = LoadInput {
            aggregate: Arc::clone(&stream.aggregate),
            aggregate_id: Arc::clone(&stream.id),
            command: command.cloned(),
            revision: Some(revision.into()),
        };
        let policy = CallPolicy::default();
        self.call("load", &input, None, &policy).await
    }

    /// Appends the events of a command, named by its id and its digest, and returns the aggregate's
    /// new version.
    pub async fn append(
        &self,
        stream: &StreamId,
        (command, digest): (&str, &Arc<str>),
        expected: u64,
        events: &[Arc<CloudEvent>],
    ) -> Result<u64, Box<Failure>> {
        if events.is_empty() {
            return Ok(expected);
        }
        let input = AppendInput {
            aggregate: Arc::clone(&stream.aggregate),
            aggregate_id: Arc::clone(&stream.id),
            expected_version: expected,
            events: events.to_vec(),
            digest: Some(Arc::clone(digest)),
        };
        // The type has no slash and the id's are escaped, so no two commands share a key.
        let (aggregate, id) = (&stream.aggregate, pointer_token(&stream.id));
        let key = KeyOrigin::Command.key(format!("{aggregate}/{id}/{command}"));
        // At the version of its decision a conflict stays one.
        let policy = CallPolicy {
            final_code: Some(code::CONCURRENT_MODIFICATION),
            ..CallPolicy::default()
        };
        let appended = self.call("append", &input, Some(key), &policy).await?;
        let AppendReply { version } = appended;
        Ok(version)
    }

    /// Stores the state of an aggregate at a version.
    pub async fn save_snapshot(
        &self,
        stream: &StreamId,
        version: u64,
        revision: &str,
        state: Arc<Value>,
    ) -> Result<(), Box<Failure>> {
        let input = SaveSnapshotInput {
            aggregate: Arc::clone(&stream.aggregate),
            aggregate_id: Arc::clone(&stream.id),
            version,
            revision: Some(revision.into()),
            state,
        };
        let policy = CallPolicy::default();
        self.call::<Value>("saveSnapshot", &input, None, &policy)
            .await?;
        Ok(())
    }

    async fn call<T: DeserializeOwned>(
        &self,
        operation: &str,
        input: &impl Serialize,
        key: Option<Key>,
        policy: &CallPolicy,
    ) -> Result<T, Box<Failure>> {
        let name = CallName::new(EVENT_STORE, operation);
        let mut call = Call::new(Call::COMMAND_HANDLER, name, to_value(input)?);
        call.key = key;
        let reply = self.client.call(&call, policy, None).await?;
        from_value(&reply.value).map_err(|error| {
            let message = format!("the reply is not that of an event store: {error}");
            Box::new(Failure::new(code::CONTRACT_VIOLATION, message).at(call.name()))
        })
    }
}

/// The input of `EventStore.load`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadInput {
    pub aggregate: Arc<str>,
    pub aggregate_id: Arc<str>,
    /// Asks whether this command was handled before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Arc<str>>,
    /// Ignores a snapshot of another revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Arc<str>>,
}

/// The reply of `EventStore.load`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadedStream {
    pub version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Snapshot>,
    /// The events after the snapshot.
    pub events: Vec<Arc<CloudEvent>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handled: Option<HandledCommand>,
}

/// The input of `EventStore.append`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AppendInput {
    pub aggregate: Arc<str>,
    pub aggregate_id: Arc<str>,
    pub expected_version: u64,
    pub events: Vec<Arc<CloudEvent>>,
    /// Tells commands of the same id apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Arc<str>>,
}

/// The reply of `EventStore.append`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AppendReply {
    pub version: u64,
}

/// The input of `EventStore.read`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReadInput {
    #[serde(default)]
    pub after: u64,
    pub limit: usize,
}

/// The input of `EventStore.saveSnapshot`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SaveSnapshotInput {
    pub aggregate: Arc<str>,
    pub aggregate_id: Arc<str>,
    pub version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Arc<str>>,
    pub state: Arc<Value>,
}

pub fn to_value(value: &impl Serialize) -> Result<Value, Box<Failure>> {
    serde_json::to_value(value)
        .map_err(|error| Box::new(Failure::new(code::VALIDATION_FAILED, error.to_string())))
}
