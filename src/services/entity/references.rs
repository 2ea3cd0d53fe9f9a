//! References from and to entities.

use serde_json::{Map, Value};

use super::{
    input::kind_of,
    model::Reference,
    store::{EntityType, Store},
};
use crate::{
    domain::{Failure, code, did_you_mean},
    services::refused,
};

impl Store {
    /// What is wrong with an entity: first what the schema finds, then dangling references.
    pub fn faults(&self, owner: &EntityType, entity: &Map<String, Value>) -> Vec<Failure> {
        let mut faults = owner.model.faults(entity);
        faults.extend(self.dangling(owner, entity));
        faults
    }

    /// The dangling references of an entity; it may refer to itself before it exists.
    pub fn dangling(&self, owner: &EntityType, entity: &Map<String, Value>) -> Vec<Failure> {
        let mut faults = Vec::new();
        for reference in &owner.model.references {
            let field = &reference.field;
            let fault = |code, message: String| Failure::new(code, message).field(field);
            let ids = match reference.ids(entity) {
                Ok(ids) => ids,
                Err(other) => {
                    let message = format!("expected an id, found {}", kind_of(other));
                    faults.push(fault(code::INVALID_REFERENCE, message));
                    continue;
                }
            };
            let table = match self.known(&reference.service) {
                Ok(table) => table,
                Err(unknown) if !ids.is_empty() => {
                    faults.push(fault(code::SERVICE_NOT_FOUND, unknown.to_string()));
                    continue;
                }
                Err(_) => continue,
            };
            let itself = (reference.service == owner.service)
                .then(|| entity.get("id").and_then(Value::as_str))
                .flatten();
            for id in ids {
                if itself != Some(id) && !table.entities.contains_key(id) {
                    let hint = did_you_mean(id, table.entities.keys().map(|id| &**id));
                    let message = format!("{} does not exist: {hint}", table.model.called(id));
                    faults.push(fault(code::INVALID_REFERENCE, message));
                }
            }
        }
        faults
    }

    /// Refuses to delete an entity that others refer to.
    pub fn refuse_dependents(&self, owner: &EntityType, id: &str) -> Result<(), Box<Failure>> {
        const SHOWN: usize = 8;
        let dependents = self.dependents(&owner.service, id);
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
        let called = owner.model.called(id);
        let message = format!("{called} has {count}: {}{more}", shown.join(", "));
        Err(refused(
            code::REFERENTIAL_INTEGRITY_VIOLATION,
            "id",
            message,
        ))
    }

    /// The other entities that refer to one, for messages.
    fn dependents(&self, service: &str, id: &str) -> Vec<String> {
        let mut dependents = Vec::new();
        for (other, table) in self.tables() {
            let references: Vec<_> = table
                .model
                .references
                .iter()
                .filter(|reference| *reference.service == *service)
                .collect();
            if references.is_empty() {
                continue;
            }
            for (other_id, entity) in &table.entities {
                let is_itself = **other == *service && **other_id == *id;
                let fields = entity.current.fields();
                let refers = |reference: &&&Reference| {
                    reference.ids(fields).is_ok_and(|ids| ids.contains(&id))
                };
                if !is_itself && references.iter().find(refers).is_some() {
                    dependents.push(table.model.called(other_id));
                }
            }
        }
        dependents
    }
}
