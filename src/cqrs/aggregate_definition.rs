use std::{num::NonZeroU64, sync::Arc};

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Change;

/// A type of aggregates as data.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AggregateDefinition {
    /// What aggregates of this type are called, without `/`.
    pub name: Arc<str>,
    /// What it is.
    #[serde(default)]
    pub description: Option<String>,
    /// The state before the first event; `{}` unless given.
    #[serde(default = "empty")]
    pub initial: Arc<Value>,
    /// After how many events a snapshot is taken; never unless given.
    #[serde(default)]
    pub snapshot_every: Option<NonZeroU64>,
    /// The commands, by type.
    pub commands: IndexMap<String, CommandDefinition>,
    /// What events change, by type.
    pub events: IndexMap<String, Vec<Change>>,
    /// What must hold of the state after every command, else the command is refused.
    #[serde(default)]
    pub invariants: Vec<RuleDefinition>,
}

/// A command as data.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommandDefinition {
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// The JSON Schema of its payload; anything will do unless given.
    #[serde(default)]
    pub payload: Option<Value>,
    /// What must hold before it, else it is refused; the first that does not hold says why.
    #[serde(default)]
    pub refuse: Vec<RuleDefinition>,
    /// The events it comes to, in order.
    #[serde(default)]
    pub emits: Vec<Emission>,
}

/// What must hold, and how a command is refused unless it does.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RuleDefinition {
    /// A JSON Schema over `{ "state", "command" }`.
    pub unless: Value,
    /// The code of the refusal, in UPPER_SNAKE case.
    pub code: String,
    /// The refusal for people.
    pub message: String,
}

/// An event that a command comes to.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Emission {
    /// Its type.
    pub event: Arc<str>,
    /// Its data, which may refer to `${/command/…}` and `${/state/…}`; `{}` unless given.
    #[serde(default = "empty")]
    pub data: Arc<Value>,
}

fn empty() -> Arc<Value> {
    Arc::new(Value::Object(Map::new()))
}
