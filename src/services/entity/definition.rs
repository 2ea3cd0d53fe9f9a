use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::model::Model;
use crate::domain::Violation;

/// The entities that a service keeps, as data.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EntityDefinition {
    /// What one of them is called, such as `Agent`; codes like `AGENT_NOT_FOUND` follow from it.
    pub name: String,
    /// JSON Schema (2020-12) of one; anything will do unless given.
    ///
    /// Of `id`, `version`, `createdAt`, `updatedAt` and `syncStatus`, which the service keeps by
    /// itself, it sees those that its `properties` name. Formats are checked.
    #[serde(default = "anything")]
    pub schema: Arc<Value>,
    /// The services whose entities the fields name, by field name or JSON pointer; a field holds an
    /// id, a list of ids, or nothing.
    #[serde(default)]
    pub references: IndexMap<String, String>,
    /// Whether the object `traits` may hold names beyond those of the schema, with numbers 0..100.
    #[serde(default)]
    pub additional_traits: bool,
    /// Those that are there from the start, at version 1 unless they say otherwise.
    #[serde(default)]
    pub existing: Vec<Map<String, Value>>,
    /// Made ready at the first use, so that all scenarios of a process share it.
    #[serde(skip)]
    model: OnceLock<Result<Arc<Model>, Violation>>,
}

impl EntityDefinition {
    /// The definition made ready.
    ///
    /// # Errors
    ///
    /// As for [`Model::new`].
    pub(super) fn model(&self) -> Result<Arc<Model>, Violation> {
        self.model
            .get_or_init(|| Model::new(self).map(Arc::new))
            .clone()
    }
}

fn anything() -> Arc<Value> {
    Arc::new(Value::Bool(true))
}
