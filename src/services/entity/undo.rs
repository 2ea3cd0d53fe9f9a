use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    input::refuse_faults,
    revision::{Entity, EntityChange, Revision},
    store::{EntityType, Store},
};
use crate::{
    domain::{Failure, KeySubject, code},
    services::{EntityOperation, refused},
};

/// The result of an operation: its reply, and the change that an undo reverts.
#[derive(Debug)]
pub(super) struct Performed {
    pub reply: Arc<Value>,
    pub change: EntityChange,
}

impl Performed {
    /// The result of an operation that only reads.
    pub fn read(reply: Arc<Value>) -> Self {
        Self {
            reply,
            change: EntityChange::None,
        }
    }
}

/// The reply of an undo: whether it reverted anything, of which entity, and its version now.
pub(super) fn undone(kind: EntityOperation, id: Option<&str>, version: Option<u64>) -> Arc<Value> {
    let what = match kind {
        EntityOperation::Delete => "deleted",
        EntityOperation::Release => "released",
        _ => "restored",
    };
    let mut reply = json!({ what: id.is_some() });
    if let Some(id) = id {
        reply["id"] = id.into();
    }
    if let Some(version) = version {
        reply["version"] = version.into();
    }
    Arc::new(reply)
}

impl Store {
    /// Reverts what a service did under a key; `None` if it did nothing under it.
    ///
    /// `kind` is that of the operation called for the undo; it only shapes the reply.
    ///
    /// # Errors
    ///
    /// If a later change would be lost, or a reference would dangle.
    pub fn undo(
        &mut self,
        owner: &EntityType,
        key: &KeySubject,
        kind: EntityOperation,
    ) -> Result<Option<Arc<Value>>, Box<Failure>> {
        let Some(done) = self.changes.remove(key) else {
            return Ok(None);
        };
        if done.service != owner.service {
            self.changes.insert(key.clone(), done);
            return Ok(None);
        }
        let reverted = self.revert(owner, &done.change);
        match reverted {
            Ok(true) => {
                let id = done.change.id();
                let entity = id.and_then(|id| self.table(owner).entities.get(id));
                let version = entity.map(|entity| entity.current.version);
                Ok(Some(undone(kind, id, version)))
            }
            Ok(false) => Ok(Some(undone(kind, None, None))),
            Err(failure) => {
                self.changes.insert(key.clone(), done);
                Err(failure)
            }
        }
    }

    /// Reverts a change; returns whether there was anything left to revert.
    fn revert(&mut self, owner: &EntityType, change: &EntityChange) -> Result<bool, Box<Failure>> {
        match change {
            EntityChange::None => Ok(false),
            EntityChange::Created { id, first } => {
                let entity = self.table(owner).entities.get(id);
                if !entity.is_some_and(|entity| entity.first().is(first)) {
                    return Ok(false);
                }
                self.refuse_dependents(owner, id)?;
                self.table(owner).entities.shift_remove(id);
                Ok(true)
            }
            EntityChange::Updated { id, after } => self.revert_update(owner, id, after),
            EntityChange::Deleted {
                id,
                position,
                entity,
            } => {
                if let Some(other) = self.table(owner).entities.get(id) {
                    return Err(changed_since(owner, id, &other.current));
                }
                refuse_faults(self.dangling(owner, entity.current.fields()))?;
                let entities = &mut self.table(owner).entities;
                let position = (*position).min(entities.len());
                entities.shift_insert(position, Arc::clone(id), Entity::clone(entity));
                Ok(true)
            }
            EntityChange::Reserved { id, reservation } => {
                let entity = self.table(owner).entities.get_mut(id);
                let held = entity.filter(|entity| entity.reservation.as_ref() == Some(reservation));
                Ok(held.is_some_and(|entity| entity.reservation.take().is_some()))
            }
            EntityChange::Released { id, reservation } => {
                let Some(entity) = self.table(owner).entities.get_mut(id) else {
                    return Ok(false);
                };
                entity.reserve(owner, id, Arc::clone(reservation))?;
                Ok(true)
            }
        }
    }

    fn revert_update(
        &mut self,
        owner: &EntityType,
        id: &Arc<str>,
        after: &Revision,
    ) -> Result<bool, Box<Failure>> {
        let Some(entity) = self.table(owner).entities.get(id) else {
            let message = format!("{} is gone", owner.model.called(id));
            return Err(refused(code::CONCURRENT_MODIFICATION, "id", message));
        };
        if !entity.current.is(after) {
            return Err(changed_since(owner, id, &entity.current));
        }
        let Some(before) = entity.former.last().cloned() else {
            return Ok(false);
        };
        refuse_faults(self.dangling(owner, before.fields()))?;
        if let Some(entity) = self.table(owner).entities.get_mut(id) {
            entity.former.pop();
            entity.current = before;
        }
        Ok(true)
    }
}

fn changed_since(owner: &EntityType, id: &str, current: &Revision) -> Box<Failure> {
    let called = owner.model.called(id);
    let version = current.version;
    let message = format!("{called} has been changed since and is at version {version}");
    refused(code::CONCURRENT_MODIFICATION, "version", message)
}
