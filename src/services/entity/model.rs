use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    naming::{kebab, reference_field, upper_snake},
    revision::Revision,
    schema::Schema,
};
use crate::{
    clock::Clock,
    domain::{Failure, FailureMode, Violation, did_you_mean, pointer_token, split_pointer},
    services::{CodeDefinition, EntityOperation, ServiceDefinition},
};

/// The entities that a service keeps, as data.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EntityDefinition {
    /// The name of one, such as `Agent`; codes like `AGENT_NOT_FOUND` are derived from it.
    pub name: String,
    /// JSON Schema (2020-12) of one; by default anything is valid.
    ///
    /// The service manages `id`, `version`, `createdAt` and `updatedAt`: the schema sees those that its
    /// `properties` name. Formats are checked.
    #[serde(default = "anything")]
    pub schema: Arc<Value>,
    /// The services whose entities fields refer to, by field name or JSON pointer; a field contains an
    /// id, a list of ids, or nothing.
    #[serde(default)]
    pub references: IndexMap<String, String>,
    /// Those that exist from the start, at version 1 by default.
    #[serde(default)]
    pub existing: Vec<Map<String, Value>>,
    /// Built on first use, and shared by all scenarios of a process.
    #[serde(skip)]
    model: OnceLock<Result<Arc<Model>, Violation>>,
}

impl EntityDefinition {
    /// The checked definition.
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

/// The checked definition of an entity.
#[derive(Debug)]
pub(super) struct Model {
    pub name: String,
    /// The name in lower case, for ids.
    pub stem: String,
    /// The field by which others refer to one, such as `agentId`.
    pub alias: String,
    pub references: Vec<Reference>,
    pub existing: Vec<(Arc<str>, Revision)>,
    pub not_found: String,
    /// The other codes derived from the name.
    pub codes: [(String, CodeDefinition); 2],
    schema: Arc<Schema>,
}

/// Checks the definition of a service that keeps entities.
///
/// # Errors
///
/// As for [`Model::new`] and [`ServiceDefinition::check_operations`].
pub fn check(entity: &EntityDefinition, service: &ServiceDefinition) -> Result<(), Violation> {
    entity.model().map_err(|error| error.within("/entity"))?;
    let names = EntityOperation::ALL.map(|(_, name)| name);
    service.check_operations(&names, |kind| kind.entity.is_some())
}

impl Model {
    /// Checks a definition.
    ///
    /// # Errors
    ///
    /// If the name or the schema is not valid, a reference names a field that the schema does not
    /// allow, or existing entities break the schema or share an id.
    pub fn new(definition: &EntityDefinition) -> Result<Self, Violation> {
        let name = &definition.name;
        let is_name = name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.chars().all(|c| c.is_ascii_alphanumeric());
        if !is_name {
            let message =
                format!("{name:?} is not the name of an entity, expected one like \"Agent\"");
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
            schema: Schema::shared(&definition.schema)?,
            name: name.clone(),
        };
        model.references = model.read_references(definition)?;
        model.existing = model.read_existing(definition)?;
        Ok(model)
    }

    /// The code of a create with an existing id.
    pub fn already_exists(&self) -> &str {
        &self.codes[0].0
    }

    /// The code of a reserve of a reserved entity.
    pub fn reserved(&self) -> &str {
        &self.codes[1].0
    }

    /// An entity, for messages.
    pub fn called(&self, id: &str) -> String {
        format!("{} {id:?}", self.name)
    }

    /// What the schema finds wrong with an entity.
    pub fn faults(&self, entity: &Map<String, Value>) -> Vec<Failure> {
        self.schema.faults(entity)
    }

    /// An entity that exists from the start.
    ///
    /// # Errors
    ///
    /// If it has no id or valid version, or breaks the schema: with the pointer within it.
    pub fn initial(&self, fields: &Map<String, Value>) -> Result<(Arc<str>, Revision), Violation> {
        let id = match fields.get("id") {
            Some(Value::String(id)) if !id.is_empty() => id,
            _ => {
                return Err(Violation::new("/id", "expected a non-empty string"));
            }
        };
        let version = match fields.get("version").map(Value::as_u64) {
            None => 1,
            Some(Some(version)) if version > 0 => version,
            Some(_) => {
                let message = "expected a positive integer";
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
            Some(fault) => Err(Violation::new(
                fault.field.unwrap_or_default(),
                fault.message,
            )),
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
                let message = format!("the id {id:?} is also that of /entity/existing/{first}");
                return Err(Violation::new(format!("{pointer}/id"), message));
            }
            all.push((id, revision));
        }
        Ok(all)
    }
}

/// A field that refers to entities of a service.
#[derive(Clone, Debug)]
pub struct Reference {
    /// As the definition writes it.
    pub field: String,
    pub service: Arc<str>,
    /// The entity's top-level field that it is in.
    pub top: String,
    /// JSON pointer from there.
    rest: String,
}

impl Reference {
    /// `field` is a name or a JSON pointer.
    pub fn new(field: &str, service: &str) -> Self {
        let (top, rest) = split_pointer(field).unwrap_or_else(|| (field.to_owned(), ""));
        Self {
            field: field.to_owned(),
            service: service.into(),
            top,
            rest: rest.to_owned(),
        }
    }

    /// The ids in this field of an entity.
    ///
    /// # Errors
    ///
    /// If it is neither an id, a list of ids, nor null.
    pub fn ids<'a>(&self, entity: &'a Map<String, Value>) -> Result<Vec<&'a str>, &'a Value> {
        let found = entity
            .get(&self.top)
            .and_then(|value| value.pointer(&self.rest));
        let id = |value: &'a Value| value.as_str().ok_or(value);
        match found {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => items.iter().map(id).collect(),
            Some(value) => Ok(vec![id(value)?]),
        }
    }
}
