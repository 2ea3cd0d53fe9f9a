use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use serde_json::{Map, Value};

use super::{fault::Fault, model::MANAGED};
use crate::{
    domain::{JsonSchema, Violation, code, pointer_token},
    observability::looks_secret,
};

/// The schema of an entity, compiled.
pub(super) struct Schema {
    schema: JsonSchema,
    /// The fields that the service keeps by itself and the schema does not name.
    unseen: Vec<&'static str>,
    /// The traits that the schema names, where there may be others.
    known_traits: Option<Vec<String>>,
}

/// Schemas by their text and whether there may be additional traits.
type Compiled = HashMap<(String, bool), Arc<Schema>>;

impl Schema {
    /// A schema, compiled once per process, as scenarios define the same services again and again.
    ///
    /// # Errors
    ///
    /// As for [`Schema::compile`].
    pub fn shared(source: &Value, additional_traits: bool) -> Result<Arc<Self>, Violation> {
        static COMPILED: LazyLock<Mutex<Compiled>> = LazyLock::new(Mutex::default);
        let key = (source.to_string(), additional_traits);
        let compiled = || COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(schema) = compiled().get(&key) {
            return Ok(Arc::clone(schema));
        }
        // Outside the lock, so that nobody waits for another schema.
        let schema = Arc::new(Self::compile(source, additional_traits)?);
        compiled().insert(key, Arc::clone(&schema));
        Ok(schema)
    }

    /// Compiles a schema.
    ///
    /// # Errors
    ///
    /// If it is no schema, or should name traits and does not: with the pointer within the entity's
    /// definition.
    fn compile(source: &Value, additional_traits: bool) -> Result<Self, Violation> {
        let schema = JsonSchema::compile(source).map_err(refused)?;
        let known_traits = additional_traits
            .then(|| known_traits(&schema))
            .transpose()?;
        let named = schema.properties(source);
        let unseen = MANAGED
            .into_iter()
            .filter(|name| !named.is_some_and(|properties| properties.contains_key(*name)))
            .collect();
        Ok(Self {
            schema,
            unseen,
            known_traits,
        })
    }

    /// The names of the fields, where the schema allows no others.
    pub fn only_fields(&self) -> Option<Vec<&str>> {
        let source = self.schema.source();
        let closed = source.get("additionalProperties") == Some(&Value::Bool(false));
        let properties = self.schema.properties(source)?;
        closed.then(|| properties.keys().map(String::as_str).collect())
    }

    /// What is wrong with an entity, in the order of its fields' names.
    pub fn faults(&self, entity: &Map<String, Value>) -> Vec<Fault> {
        let mut seen = entity.clone();
        for name in &self.unseen {
            seen.shift_remove(*name);
        }
        let mut faults = self.take_additional_traits(&mut seen);
        let seen = Value::Object(seen);
        faults.extend(self.schema.faults(&seen).into_iter().map(|fault| {
            let last = fault.pointer.rsplit('/').next().unwrap_or_default();
            let secret = looks_secret(last);
            Fault {
                message: if secret { fault.masked } else { fault.message },
                field: fault.pointer,
                code: code::VALIDATION_FAILED,
            }
        }));
        faults
            .sort_by(|one, other| (&one.field, &one.message).cmp(&(&other.field, &other.message)));
        faults
    }

    /// Takes the traits that the schema does not name out of an entity.
    fn take_additional_traits(&self, entity: &mut Map<String, Value>) -> Vec<Fault> {
        let Some(known) = &self.known_traits else {
            return Vec::new();
        };
        let Some(Value::Object(traits)) = entity.get_mut("traits") else {
            return Vec::new();
        };
        let mut faults = Vec::new();
        traits.retain(|name, value| {
            let is_known = known.contains(name);
            let fits = value
                .as_f64()
                .is_some_and(|value| (0.0..=100.0).contains(&value));
            if !is_known && !fits {
                faults.push(Fault {
                    field: format!("/traits/{}", pointer_token(name)),
                    message: format!("{} is no number from 0 to 100", shown(name, value)),
                    code: code::VALIDATION_FAILED,
                });
            }
            is_known
        });
        faults
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schema").field(&self.schema).finish()
    }
}

fn refused(error: Violation) -> Violation {
    let Violation { pointer, message } = error;
    Violation::new(
        format!("/schema{pointer}"),
        format!("the schema does not compile: {message}"),
    )
}

fn known_traits(schema: &JsonSchema) -> Result<Vec<String>, Violation> {
    let traits = schema
        .properties(schema.source())
        .and_then(|properties| properties.get("traits"))
        .and_then(|traits| schema.properties(traits));
    let traits = traits.ok_or_else(|| {
        let message = "the schema names no `traits` with properties that others could be added to";
        Violation::new("/additionalTraits", message)
    })?;
    Ok(traits.keys().cloned().collect())
}

fn shown(name: &str, value: &Value) -> String {
    match value {
        _ if looks_secret(name) => "the value".to_owned(),
        Value::Object(_) | Value::Array(_) => "the value".to_owned(),
        scalar => scalar.to_string(),
    }
}
