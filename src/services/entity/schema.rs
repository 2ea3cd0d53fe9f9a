use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use serde_json::{Map, Value};

use super::{fault::Fault, model::MANAGED};
use crate::{
    domain::{code, did_you_mean},
    observability::looks_secret,
    services::DefinitionError,
};

/// The schema of an entity, compiled.
pub(super) struct Schema {
    validator: Validator,
    source: Value,
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
    pub fn shared(source: &Value, additional_traits: bool) -> Result<Arc<Self>, DefinitionError> {
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

    /// Compiles a schema; nothing is fetched from elsewhere.
    ///
    /// # Errors
    ///
    /// If it is no schema, or should name traits and does not: with the pointer within the entity's
    /// definition.
    fn compile(source: &Value, additional_traits: bool) -> Result<Self, DefinitionError> {
        let validator = jsonschema::draft202012::options()
            .offline()
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false)
            .build(source)
            .map_err(|error| refused(&error))?;
        let known_traits = additional_traits
            .then(|| known_traits(source))
            .transpose()?;
        let named = properties(source, source);
        let unseen = MANAGED
            .into_iter()
            .filter(|name| !named.is_some_and(|properties| properties.contains_key(*name)));
        Ok(Self {
            unseen: unseen.collect(),
            validator,
            known_traits,
            source: source.clone(),
        })
    }

    /// The names of the fields, where the schema allows no others.
    pub fn only_fields(&self) -> Option<Vec<&str>> {
        let closed = self.source.get("additionalProperties") == Some(&Value::Bool(false));
        let properties = properties(&self.source, &self.source)?;
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
        faults.extend(
            self.validator
                .iter_errors(&seen)
                .map(|error| self.fault(&error)),
        );
        // The validator promises no order.
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
                    field: format!("/traits/{}", escaped(name)),
                    message: format!("{} is no number from 0 to 100", shown(name, value)),
                    code: code::VALIDATION_FAILED,
                });
            }
            is_known
        });
        faults
    }

    fn fault(&self, error: &ValidationError<'_>) -> Fault {
        let mut field = error.instance_path().as_str().to_owned();
        let last = field.rsplit('/').next().unwrap_or_default();
        let mut message = match error.instance().as_ref() {
            Value::Object(_) | Value::Array(_) => error.masked().to_string(),
            _ if looks_secret(last) => error.masked().to_string(),
            _ => error.to_string(),
        };
        match error.kind() {
            ValidationErrorKind::Required {
                property: Value::String(property),
            } => {
                field = format!("{field}/{}", escaped(property));
                "is required".clone_into(&mut message);
            }
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                if let Some(first) = unexpected.first() {
                    let hint = self.nearest_property(error, first);
                    field = format!("{field}/{}", escaped(first));
                    message = format!("{message}: {hint}");
                }
            }
            _ => {}
        }
        Fault {
            field,
            message,
            code: code::VALIDATION_FAILED,
        }
    }

    fn nearest_property(&self, error: &ValidationError<'_>, unexpected: &str) -> String {
        let keyword = error.schema_path().as_str();
        let parent = keyword.rsplit_once('/').map_or("", |(parent, _)| parent);
        let parent = self.source.pointer(parent);
        let properties = parent.and_then(|parent| properties(&self.source, parent));
        let names = properties.into_iter().flat_map(Map::keys);
        did_you_mean(unexpected, names.map(String::as_str))
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schema").field(&self.source).finish()
    }
}

/// Why a schema does not compile.
fn refused(error: &ValidationError<'_>) -> DefinitionError {
    const TYPES: [&str; 7] = [
        "array", "boolean", "integer", "null", "number", "object", "string",
    ];
    let within = error.instance_path().as_str();
    let mut message = format!("the schema does not compile: {error}");
    if let (Some("type"), Value::String(found)) =
        (within.rsplit('/').next(), error.instance().as_ref())
    {
        message = format!(
            "the schema does not compile: there is no type {found:?}, {}",
            did_you_mean(found, TYPES)
        );
    }
    DefinitionError::new(format!("/schema{within}"), message)
}

fn known_traits(source: &Value) -> Result<Vec<String>, DefinitionError> {
    let traits = properties(source, source)
        .and_then(|properties| properties.get("traits"))
        .and_then(|traits| properties(source, traits));
    let traits = traits.ok_or_else(|| {
        let message = "the schema names no `traits` with properties that others could be added to";
        DefinitionError::new("/additionalTraits", message)
    })?;
    Ok(traits.keys().cloned().collect())
}

/// The properties that a schema within `source` names, itself or by a reference to another part.
fn properties<'a>(source: &'a Value, schema: &'a Value) -> Option<&'a Map<String, Value>> {
    let referred = schema
        .get("$ref")
        .and_then(|reference| source.pointer(reference.as_str()?.strip_prefix('#')?));
    let own = schema.get("properties");
    own.or_else(|| referred?.get("properties"))?.as_object()
}

fn shown(name: &str, value: &Value) -> String {
    match value {
        _ if looks_secret(name) => "the value".to_owned(),
        Value::Object(_) | Value::Array(_) => "the value".to_owned(),
        scalar => scalar.to_string(),
    }
}

/// A name as a part of a JSON pointer.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
