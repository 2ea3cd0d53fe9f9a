use std::sync::Arc;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use super::conflict::ConflictPolicy;
use crate::{
    domain::{CallName, Violation, did_you_mean, pointer_token},
    services::{EntitySchema, Reference, ServiceDefinition},
};

/// How a service keeps configurations, as data.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfigurationsDefinition {
    /// JSON Schema (2020-12) of one; by default anything is valid.
    ///
    /// The service manages `id` and `version`: the schema sees them if its `properties` name them.
    #[serde(default = "anything")]
    pub schema: Arc<Value>,
    /// The operations that read what fields refer to, by field name or JSON pointer: called with `{ "id" }`,
    /// they reply null or fail with a code that ends in `_NOT_FOUND` if it does not exist. A field contains an
    /// id, a list of ids, or nothing.
    #[serde(default)]
    pub references: IndexMap<String, CallName>,
    /// What becomes of updates that are based on a former version.
    #[serde(default)]
    pub conflicts: ConflictPolicy,
}

fn anything() -> Arc<Value> {
    Arc::new(Value::Bool(true))
}

/// The checked definition.
#[derive(Clone, Debug)]
pub(super) struct ConfigurationRules {
    pub schema: Arc<EntitySchema>,
    /// The fields that refer to something, and the operations that read it.
    pub references: Vec<(Reference, CallName)>,
    pub conflicts: ConflictPolicy,
}

impl ConfigurationRules {
    /// Checks a definition.
    ///
    /// # Errors
    ///
    /// If the schema is not valid, or a reference or a rule names a field that it does not allow.
    pub fn new(definition: &ConfigurationsDefinition) -> Result<Self, Violation> {
        let schema = EntitySchema::shared(&definition.schema)?;
        let only = schema.only_fields();
        let check = |within: &str, field: &str, name: &str| match &only {
            Some(only) if !only.contains(&name) => {
                let hint = did_you_mean(name, only.iter().copied());
                let pointer = format!("{within}/{}", pointer_token(field));
                let message = format!("the schema allows no field {name:?}: {hint}");
                Err(Violation::new(pointer, message))
            }
            _ => Ok(()),
        };
        let mut references = Vec::new();
        for (field, call) in &definition.references {
            let reference = Reference::new(field, call.service());
            check("/references", field, &reference.top)?;
            references.push((reference, call.clone()));
        }
        if let ConflictPolicy::Merge(rules) = &definition.conflicts {
            for field in rules.keys() {
                check("/conflicts/merge", field, field)?;
            }
        }
        Ok(Self {
            references,
            conflicts: definition.conflicts.clone(),
            schema,
        })
    }
}

/// Checks that a service has operations of kinds that a service of configurations has.
///
/// # Errors
///
/// If it has none, or keeps entities or files.
pub(super) fn check_service(service: &ServiceDefinition) -> Result<(), Violation> {
    if service.entity.is_some() || service.files.is_some() {
        let message = "a service that keeps entities or files does not keep configurations too";
        return Err(Violation::new("", message));
    }
    let operations = service.operations.iter().flatten();
    let mut kinds = operations.filter_map(|(_, operation)| operation.kind?.entity);
    match kinds.next() {
        Some(_) => Ok(()),
        None => Err(Violation::new(
            "/operations",
            "a service that keeps configurations has operations, each with a kind such as \"create\", \"get\" \
             or \"update\"",
        )),
    }
}
