//! What entities refer to, and what refers to them.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{
    fault::{Fault, refuse},
    input::kind_of,
    store::{Keeper, Store},
};
use crate::domain::{Failure, code, did_you_mean, split_pointer};

/// A field that names entities of a service.
#[derive(Debug)]
pub(super) struct Reference {
    /// As the definition writes it.
    pub field: String,
    pub service: Arc<str>,
    /// The entity's own field that it lies in.
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

    /// The ids that an entity names here.
    ///
    /// # Errors
    ///
    /// If there is something that is neither an id, a list of ids, nor null.
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

impl Store {
    /// What is wrong with an entity: first what the schema finds, then what it refers to in vain.
    pub fn faults(&self, keeper: &Keeper, entity: &Map<String, Value>) -> Vec<Fault> {
        let mut faults = keeper.model.faults(entity);
        faults.extend(self.dangling(keeper, entity));
        faults
    }

    /// What an entity refers to in vain; itself it may name before it is there.
    pub fn dangling(&self, keeper: &Keeper, entity: &Map<String, Value>) -> Vec<Fault> {
        let mut faults = Vec::new();
        for reference in &keeper.model.references {
            let field = &reference.field;
            let fault = |code, message| Fault {
                field: field.clone(),
                message,
                code,
            };
            let ids = match reference.ids(entity) {
                Ok(ids) => ids,
                Err(other) => {
                    let message = format!("expected an id, found {}", kind_of(other));
                    faults.push(fault(code::INVALID_REFERENCE, message));
                    continue;
                }
            };
            let shelf = match self.known(&reference.service) {
                Ok(shelf) => shelf,
                Err(unknown) if !ids.is_empty() => {
                    faults.push(fault(code::SERVICE_NOT_FOUND, unknown.to_string()));
                    continue;
                }
                Err(_) => continue,
            };
            let itself = (reference.service == keeper.service)
                .then(|| entity.get("id").and_then(Value::as_str))
                .flatten();
            for id in ids {
                if itself != Some(id) && !shelf.entities.contains_key(id) {
                    let hint = did_you_mean(id, shelf.entities.keys().map(|id| &**id));
                    let message = format!("{} does not exist: {hint}", shelf.model.called(id));
                    faults.push(fault(code::INVALID_REFERENCE, message));
                }
            }
        }
        faults
    }

    /// Refuses to take away an entity that others refer to.
    pub fn refuse_dependents(&self, keeper: &Keeper, id: &str) -> Result<(), Box<Failure>> {
        const SHOWN: usize = 8;
        let dependents = self.dependents(&keeper.service, id);
        let count = match dependents.len() {
            0 => return Ok(()),
            1 => "1 dependent".to_owned(),
            count => format!("{count} dependents"),
        };
        let shown: Vec<&str> = dependents.iter().take(SHOWN).map(String::as_str).collect();
        let more = match dependents.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let called = keeper.model.called(id);
        let message = format!("{called} has {count}: {}{more}", shown.join(", "));
        Err(refuse(code::REFERENTIAL_INTEGRITY_VIOLATION, "id", message))
    }

    /// The other entities that refer to one, as messages call them.
    fn dependents(&self, service: &str, id: &str) -> Vec<String> {
        let mut dependents = Vec::new();
        for (other, shelf) in self.shelves() {
            let references: Vec<_> = shelf
                .model
                .references
                .iter()
                .filter(|reference| *reference.service == *service)
                .collect();
            if references.is_empty() {
                continue;
            }
            for (other_id, entity) in &shelf.entities {
                let is_itself = **other == *service && **other_id == *id;
                let fields = entity.current.fields();
                let refers = |reference: &&&Reference| {
                    reference.ids(fields).is_ok_and(|ids| ids.contains(&id))
                };
                if !is_itself && references.iter().find(refers).is_some() {
                    dependents.push(shelf.model.called(other_id));
                }
            }
        }
        dependents
    }
}
