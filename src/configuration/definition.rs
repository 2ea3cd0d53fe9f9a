use std::{sync::Arc, time::Duration};

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{conflict::ConflictPolicy, consistency::ConsistencyDefinition, lifecycle::LIFECYCLE};
use crate::{
    domain::{CallName, Failure, Violation, did_you_mean, duration_text, pointer_token},
    services::{EntitySchema, Input, Reference, ServiceDefinition},
};

/// The field by which others refer to a configuration.
pub(super) const ALIAS: &str = "configurationId";

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
    /// How updates that are based on a former version are resolved.
    #[serde(default)]
    pub conflicts: ConflictPolicy,
    /// How up to date what is read must be.
    #[serde(default)]
    pub reads: ReadLevel,
    /// How far an eventual read may be behind; 5 s by default.
    #[serde(default = "staleness", with = "duration_text")]
    pub staleness: Duration,
    /// The fields without which one is not complete, and does not become active.
    #[serde(default)]
    pub complete: Vec<String>,
    /// What the services must agree on; the service reads it unless it says otherwise.
    #[serde(default)]
    pub consistency: Option<ConsistencyDefinition>,
}

/// How up to date what is read must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReadLevel {
    /// Every change is seen at once: what is read is made of the events.
    #[default]
    Strong,
    /// Changes are seen later, in the read model; one that is behind for too long is not read.
    Eventual,
    /// Changes are seen later, however late.
    Weak,
}

fn staleness() -> Duration {
    Duration::from_secs(5)
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
    pub reads: ReadLevel,
    pub staleness: Duration,
    pub complete: Vec<String>,
    pub consistency: Option<Arc<ConsistencyDefinition>>,
}

impl ConfigurationRules {
    /// What the schema finds wrong with a configuration, of whose lifecycle it knows nothing.
    pub fn faults(&self, configuration: &Map<String, Value>) -> Vec<Failure> {
        match configuration.contains_key(LIFECYCLE) {
            false => self.schema.faults(configuration),
            true => {
                let mut seen = configuration.clone();
                seen.shift_remove(LIFECYCLE);
                self.schema.faults(&seen)
            }
        }
    }

    /// Checks a definition.
    ///
    /// # Errors
    ///
    /// If the schema is not valid, or a reference or a rule names a field that it does not allow.
    pub fn new(definition: &ConfigurationsDefinition, service: &str) -> Result<Self, Violation> {
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
        for (index, field) in definition.complete.iter().enumerate() {
            check("/complete", &index.to_string(), field)?;
        }
        let mut consistency = definition.consistency.clone();
        if let Some(rules) = &mut consistency {
            if let Some(fault) = rules.faults().into_iter().next() {
                return Err(fault.within("/consistency"));
            }
            rules.caller.get_or_insert_with(|| service.into());
        }
        Ok(Self {
            references,
            reads: definition.reads,
            staleness: definition.staleness,
            complete: definition.complete.clone(),
            consistency: consistency.map(Arc::new),
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

/// Reads the input of an operation.
///
/// # Errors
///
/// If it is not an object.
pub(super) fn input(value: &Value) -> Result<Input<'_>, Box<Failure>> {
    Input::new(value, ALIAS)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::from_value;

    #[test]
    fn faulty_definition_is_refused_with_its_place_and_the_nearest_name() {
        let schema =
            json!({ "properties": { "name": {}, "depth": {} }, "additionalProperties": false });
        for (definition, pointer, expected) in [
            (json!({ "schma": {} }), "/schma", "did you mean \"schema\"?"),
            (
                json!({ "schema": { "type": "strng" } }),
                "/schema/type",
                "did you mean \"string\"?",
            ),
            (
                json!({ "conflicts": "lastWrite" }),
                "/conflicts",
                "unknown variant `lastWrite`",
            ),
            (
                json!({ "conflicts": { "merge": { "depth": "maximun" } } }),
                "/conflicts/merge/depth",
                "did you mean \"maximum\"?",
            ),
            (
                json!({ "schema": schema, "conflicts": { "merge": { "dept": "maximum" } } }),
                "/conflicts/merge/dept",
                "did you mean \"depth\"?",
            ),
            (
                json!({ "schema": schema, "references": { "nmae": "Names.get" } }),
                "/references/nmae",
                "did you mean \"name\"?",
            ),
            (
                json!({ "references": { "name": "Names" } }),
                "/references/name",
                "Service.operation",
            ),
            (
                json!({ "schema": schema, "complete": ["name", "deph"] }),
                "/complete/1",
                "did you mean \"depth\"?",
            ),
            (
                json!({ "reads": "string" }),
                "/reads",
                "did you mean \"strong\"?",
            ),
            (json!({ "staleness": 5 }), "/staleness", "expected"),
            (
                json!({ "consistency": { "subjects": {}, "rules": [] } }),
                "/consistency/rules",
                "expected at least one rule",
            ),
        ] {
            let read = from_value::<ConfigurationsDefinition>(&definition);
            let refused = read.and_then(|read| ConfigurationRules::new(&read, "Settings"));
            let fault = refused.unwrap_err();
            assert_eq!(fault.pointer, pointer, "{definition}: {fault}");
            assert!(fault.message.contains(expected), "{definition}: {fault}");
        }
    }

    #[test]
    fn service_needs_operations_for_configurations() {
        for (service, expected) in [
            (json!({}), Some("has operations, each with a kind")),
            (
                json!({ "operations": { "ping": {} } }),
                Some("has operations, each with a kind"),
            ),
            (
                json!({ "operations": { "make": { "kind": "create" } } }),
                None,
            ),
            (
                json!({ "files": {}, "operations": { "make": { "kind": "create" } } }),
                Some("keeps entities or files"),
            ),
        ] {
            let definition: ServiceDefinition = from_value(&service).unwrap();
            let refused = check_service(&definition).err();
            let refused = refused.map(|fault| fault.message);
            match expected {
                None => assert_eq!(refused, None),
                Some(expected) => {
                    let refused = refused.unwrap();
                    assert!(refused.contains(expected), "{service}: {refused}");
                }
            }
        }
    }
}
