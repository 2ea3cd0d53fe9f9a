use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, LazyLock},
};

use serde_json::{Map, Value};

use crate::{
    domain::{Failure, JsonSchema, Locked, Violation, code},
    observability::looks_secret,
};

/// The fields that a service manages.
const MANAGED: [&str; 4] = ["id", "version", "createdAt", "updatedAt"];

/// The schema of an entity, compiled.
pub struct Schema {
    schema: JsonSchema,
    /// The managed fields that the schema does not name.
    unseen: Vec<&'static str>,
}

impl Schema {
    /// A schema, compiled once per process, as scenarios define the same services again and again.
    ///
    /// # Errors
    ///
    /// If it is not a valid schema: with the pointer within the entity's definition.
    pub fn shared(source: &Value) -> Result<Arc<Self>, Violation> {
        static COMPILED: LazyLock<Locked<HashMap<String, Arc<Schema>>>> =
            LazyLock::new(Locked::default);
        let key = source.to_string();
        if let Some(schema) = COMPILED.lock().get(&key) {
            return Ok(Arc::clone(schema));
        }
        // Outside the lock, so that nobody waits for another schema.
        let schema = Arc::new(Self::compile(source)?);
        COMPILED.lock().insert(key, Arc::clone(&schema));
        Ok(schema)
    }

    fn compile(source: &Value) -> Result<Self, Violation> {
        let schema = JsonSchema::compile(source).map_err(|mut error| {
            error.message = format!("the schema does not compile: {}", error.message);
            error.within("/schema")
        })?;
        let named = schema.properties(source);
        let unseen = MANAGED
            .into_iter()
            .filter(|name| !named.is_some_and(|properties| properties.contains_key(*name)))
            .collect();
        Ok(Self { schema, unseen })
    }

    /// The names of the fields, if the schema allows no others.
    pub fn only_fields(&self) -> Option<Vec<&str>> {
        let source = self.schema.source();
        let closed = source.get("additionalProperties") == Some(&Value::Bool(false));
        let properties = self.schema.properties(source)?;
        closed.then(|| properties.keys().map(String::as_str).collect())
    }

    /// What is wrong with an entity, in the order of its fields' names.
    pub fn faults(&self, entity: &Map<String, Value>) -> Vec<Failure> {
        let mut seen = entity.clone();
        for name in &self.unseen {
            seen.shift_remove(*name);
        }
        let faults = self.schema.faults(&Value::Object(seen)).into_iter();
        let failures = faults.map(|fault| {
            let last = fault.pointer.rsplit('/').next().unwrap_or_default();
            let message = if looks_secret(last) {
                fault.masked
            } else {
                fault.message
            };
            Failure::new(code::VALIDATION_FAILED, message).field(fault.pointer)
        });
        failures.collect()
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schema").field(&self.schema).finish()
    }
}
