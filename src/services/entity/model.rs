use std::{collections::HashMap, sync::Arc, time::Duration};

use serde_json::{Map, Value};

use super::{
    definition::EntityDefinition,
    fault::Fault,
    naming::{kebab, reference_field, upper_snake},
    references::Reference,
    schema::Schema,
    store::Revision,
};
use crate::{
    clock::Clock,
    domain::{FailureMode, Violation, did_you_mean, pointer_token},
    services::{CodeDefinition, OperationKind, ServiceDefinition},
};

/// The fields that a service keeps by itself.
pub(super) const MANAGED: [&str; 5] = ["id", "version", "createdAt", "updatedAt", "syncStatus"];

/// The definition of an entity, checked and made ready.
#[derive(Debug)]
pub(super) struct Model {
    /// What one is called.
    pub name: String,
    /// The same in lower case, for ids.
    pub stem: String,
    /// The field by which others name one, such as `agentId`.
    pub alias: String,
    pub references: Vec<Reference>,
    /// Those that are there from the start.
    pub existing: Vec<(Arc<str>, Revision)>,
    pub not_found: String,
    /// The codes that follow from the name, beside that.
    pub codes: [(String, CodeDefinition); 2],
    schema: Arc<Schema>,
}

/// Checks the definition of a service that keeps entities.
///
/// # Errors
///
/// If the entity's section is faulty as [`Model::new`] has it, or if an operation has no kind, or a
/// reply that is no object.
pub fn check(entity: &EntityDefinition, service: &ServiceDefinition) -> Result<(), Violation> {
    entity.model().map_err(|error| error.within("/entity"))?;
    let Some(operations) = &service.operations else {
        let message = "a service that keeps entities says which operations it has";
        return Err(Violation::new("/operations", message));
    };
    for (name, operation) in operations {
        let pointer = || format!("/operations/{}", pointer_token(name));
        let of_entities = |kind| {
            OperationKind::OF_ENTITIES
                .iter()
                .any(|(own, _)| *own == kind)
        };
        match operation.kind {
            Some(kind) if of_entities(kind) => {}
            Some(_) => {
                let hint = nearest_kind(name);
                let message = format!("nothing of the kind can be done to entities: {hint}");
                return Err(Violation::new(format!("{}/kind", pointer()), message));
            }
            None => {
                let hint = nearest_kind(name);
                let message = format!("an operation on entities needs a kind: {hint}");
                return Err(Violation::new(pointer(), message));
            }
        }
        if operation
            .reply
            .as_ref()
            .is_some_and(|reply| !reply.is_object())
        {
            let message = "the reply adds fields to what the kind answers, so it is an object";
            return Err(Violation::new(format!("{}/reply", pointer()), message));
        }
    }
    Ok(())
}

/// The kind that an operation's name begins with, else the nearest, else all.
fn nearest_kind(operation: &str) -> String {
    let kinds = OperationKind::OF_ENTITIES.map(|(_, name)| name);
    let begins = kinds.into_iter().find(|kind| operation.starts_with(*kind));
    did_you_mean(begins.unwrap_or(operation), kinds)
}

impl Model {
    /// Makes a definition ready.
    ///
    /// # Errors
    ///
    /// If the name is none, the schema does not compile, a reference names a field that cannot be,
    /// or those that are there from the start are not as the schema says or share an id.
    pub fn new(definition: &EntityDefinition) -> Result<Self, Violation> {
        let name = &definition.name;
        let is_name = name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.chars().all(|c| c.is_ascii_alphanumeric());
        if !is_name {
            let message = format!("{name:?} is no entity's name, expected one like \"Agent\"");
            return Err(Violation::new("/name", message));
        }
        let upper = upper_snake(name);
        let code = |suffix: &str| {
            let own = CodeDefinition {
                mode: Some(FailureMode::AgentState),
                ..CodeDefinition::default()
            };
            (format!("{upper}_{suffix}"), own)
        };
        let mut model = Self {
            stem: kebab(name),
            alias: reference_field(name),
            references: Vec::new(),
            existing: Vec::new(),
            not_found: format!("{upper}_NOT_FOUND"),
            codes: [code("ALREADY_EXISTS"), code("RESERVED")],
            schema: Schema::shared(&definition.schema, definition.additional_traits)?,
            name: name.clone(),
        };
        model.references = model.read_references(definition)?;
        model.existing = model.read_existing(definition)?;
        Ok(model)
    }

    /// The code of a create whose id is taken.
    pub fn already_exists(&self) -> &str {
        &self.codes[0].0
    }

    /// The code of a reserve that comes second.
    pub fn reserved(&self) -> &str {
        &self.codes[1].0
    }

    /// One of them as messages call it.
    pub fn called(&self, id: &str) -> String {
        format!("{} {id:?}", self.name)
    }

    /// What the schema finds wrong with an entity.
    pub fn faults(&self, entity: &Map<String, Value>) -> Vec<Fault> {
        self.schema.faults(entity)
    }

    /// One that is there from the start.
    ///
    /// # Errors
    ///
    /// If it has no id, no version that could be one, or is not as the schema says: with the
    /// pointer within it.
    pub fn initial(&self, fields: &Map<String, Value>) -> Result<(Arc<str>, Revision), Violation> {
        let id = match fields.get("id") {
            Some(Value::String(id)) if !id.is_empty() => id,
            _ => {
                return Err(Violation::new("/id", "expected a text that is not empty"));
            }
        };
        let version = match fields.get("version").map(Value::as_u64) {
            None => 1,
            Some(Some(version)) if version > 0 => version,
            Some(_) => {
                let message = "expected a whole number from 1 on";
                return Err(Violation::new("/version", message));
            }
        };
        let start = Clock::timestamp(Duration::ZERO);
        let stamp = |name: &str| {
            fields
                .get(name)
                .cloned()
                .unwrap_or_else(|| start.as_str().into())
        };
        let revision = Revision::new(id, fields, version, stamp("createdAt"), stamp("updatedAt"));
        match self.faults(revision.fields()).into_iter().next() {
            None => Ok((id.as_str().into(), revision)),
            Some(fault) => Err(Violation::new(fault.field, fault.message)),
        }
    }

    fn read_references(&self, definition: &EntityDefinition) -> Result<Vec<Reference>, Violation> {
        let only = self.schema.only_fields();
        let read = |(field, service): (&String, &String)| {
            let reference = Reference::new(field, service);
            let top = reference.top.as_str();
            if let Some(only) = &only
                && !only.contains(&top)
            {
                let hint = did_you_mean(top, only.iter().copied());
                let message = format!("the schema allows no field {top:?}: {hint}");
                let pointer = format!("/references/{}", pointer_token(field));
                return Err(Violation::new(pointer, message));
            }
            Ok(reference)
        };
        definition.references.iter().map(read).collect()
    }

    fn read_existing(
        &self,
        definition: &EntityDefinition,
    ) -> Result<Vec<(Arc<str>, Revision)>, Violation> {
        let mut first = HashMap::new();
        let mut all = Vec::new();
        for (index, fields) in definition.existing.iter().enumerate() {
            let pointer = format!("/existing/{index}");
            let (id, revision) = self
                .initial(fields)
                .map_err(|error| error.within(&pointer))?;
            if let Some(first) = first.insert(Arc::clone(&id), index) {
                let message = format!("the id {id:?} is that of /entity/existing/{first} too");
                return Err(Violation::new(format!("{pointer}/id"), message));
            }
            all.push((id, revision));
        }
        Ok(all)
    }
}
