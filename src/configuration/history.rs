use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    conflict::Write,
    lifecycle::{LIFECYCLE, Lifecycle},
};
use crate::{
    domain::{Failure, code, from_value},
    messaging::CloudEvent,
    observability::Conflict,
};

/// The fields of a configuration that the service manages.
pub(super) const MANAGED: [&str; 3] = ["id", "lifecycle", "version"];

/// A configuration at all its versions, made of its events: the event of version n is the n-th.
#[derive(Debug, Default)]
pub(super) struct History {
    revisions: Vec<Revision>,
    /// When each was stored, as far as it is.
    times: Vec<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HistoryState {
    revisions: Vec<Revision>,
}

/// What an event made of a configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Revision {
    /// The command that led to it.
    pub command: Arc<str>,
    /// The name of the operation in the log of conflicts: that of the command, unless it was given.
    pub operation: Arc<str>,
    /// The fields that the command gave, before conflicts were resolved.
    pub wrote: Map<String, Value>,
    /// The whole configuration; `None` once it is deleted.
    pub configuration: Option<Map<String, Value>>,
    /// The conflicts with earlier commands, and how they were resolved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
}

impl History {
    /// Reads the state of the aggregate.
    ///
    /// # Errors
    ///
    /// `CORRUPTION_DETECTED` if it is of another form.
    pub fn read(state: &Value, events: &[Arc<CloudEvent>]) -> Result<Self, Box<Failure>> {
        let read = from_value::<HistoryState>(state);
        let state = read.map_err(|error| error.failure(code::CORRUPTION_DETECTED))?;
        Ok(Self {
            revisions: state.revisions,
            times: events.iter().map(|event| event.time).collect(),
        })
    }

    /// When a version came to be.
    pub fn time_of(&self, version: u64) -> Option<DateTime<Utc>> {
        let index = usize::try_from(version.checked_sub(1)?).ok()?;
        self.times.get(index).copied()
    }

    /// The current version, 0 before the first event.
    pub fn version(&self) -> u64 {
        self.revisions.len() as u64
    }

    /// The configuration, unless it does not exist yet or no longer.
    pub fn current(&self) -> Option<&Map<String, Value>> {
        self.revisions.last()?.configuration.as_ref()
    }

    /// The configuration at a version.
    pub fn at(&self, version: u64) -> Option<&Map<String, Value>> {
        let index = usize::try_from(version.checked_sub(1)?).ok()?;
        self.revisions.get(index)?.configuration.as_ref()
    }

    /// What a command led to, and the version.
    pub fn of_command(&self, command: &str) -> Option<(u64, &Revision)> {
        let mut all = (1..).zip(&self.revisions);
        all.find(|(_, revision)| *revision.command == *command)
    }

    /// What was written after a version; `None` if the configuration was deleted in between.
    pub fn writes_after(&self, version: u64) -> Option<Vec<Write<'_>>> {
        let after = usize::try_from(version).unwrap_or(usize::MAX);
        let later = self.revisions.iter().skip(after);
        later
            .map(|revision| {
                revision.configuration.as_ref()?;
                Some(Write {
                    operation: &revision.operation,
                    fields: &revision.wrote,
                })
            })
            .collect()
    }
}

/// A configuration with its id, its fields, its lifecycle once it has one, and its version.
pub(super) fn document(
    id: &str,
    fields: &Map<String, Value>,
    lifecycle: Option<&Lifecycle>,
    version: u64,
) -> Map<String, Value> {
    let own = fields.iter();
    let own = own.filter(|(name, _)| !MANAGED.contains(&name.as_str()));
    let mut document = Map::new();
    document.insert("id".to_owned(), id.into());
    document.extend(own.map(|(name, value)| (name.clone(), value.clone())));
    if let Some(lifecycle) = lifecycle {
        document.insert(LIFECYCLE.to_owned(), json!(lifecycle));
    }
    document.insert("version".to_owned(), version.into());
    document
}
