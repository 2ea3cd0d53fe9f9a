use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    fault::{refuse, refuse_faults},
    store::{Entity, Keeper, Revision, Store},
};
use crate::{
    domain::{Failure, code},
    services::OperationKind,
};

/// What an operation did: its reply, and the change that an undo takes back.
#[derive(Debug)]
pub(super) struct Done {
    pub reply: Arc<Value>,
    pub change: Change,
}

/// The change that a service made under a key.
#[derive(Debug)]
pub(super) struct Deed {
    pub service: Arc<str>,
    pub change: Change,
}

/// A change of one entity.
#[derive(Debug)]
pub(super) enum Change {
    None,
    Created {
        id: Arc<str>,
        first: Revision,
    },
    Updated {
        id: Arc<str>,
        after: Revision,
    },
    Deleted {
        id: Arc<str>,
        /// Where it was in the order of creation.
        position: usize,
        entity: Box<Entity>,
    },
    Reserved {
        id: Arc<str>,
        reservation: Arc<str>,
    },
    Released {
        id: Arc<str>,
        reservation: Arc<str>,
    },
}

impl Done {
    /// What an operation did that only reads.
    pub fn read(reply: Arc<Value>) -> Self {
        Self {
            reply,
            change: Change::None,
        }
    }
}

/// The reply of an undo: whether it took anything back, of which entity, and its version now.
pub(super) fn undone(kind: OperationKind, id: Option<&str>, version: Option<u64>) -> Arc<Value> {
    let what = match kind {
        OperationKind::Delete => "deleted",
        OperationKind::Release => "released",
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
    /// Takes back what a service did under a key; `None` if it did nothing under it.
    ///
    /// `kind` is that of the operation that was called for it; what is taken back is the deed,
    /// whatever the kind.
    ///
    /// # Errors
    ///
    /// If a later change would be lost, or a reference be left in the void.
    pub fn take_back(
        &mut self,
        keeper: &Keeper,
        key: &str,
        kind: OperationKind,
    ) -> Result<Option<Arc<Value>>, Box<Failure>> {
        let Some(deed) = self.deeds.remove(key) else {
            return Ok(None);
        };
        if deed.service != keeper.service {
            self.deeds.insert(key.into(), deed);
            return Ok(None);
        }
        let taken_back = self.revert(keeper, &deed.change);
        match taken_back {
            Ok(true) => {
                let id = deed.change.id();
                let entity = id.and_then(|id| self.shelf(keeper).entities.get(id));
                let version = entity.map(|entity| entity.current.version);
                Ok(Some(undone(kind, id, version)))
            }
            Ok(false) => Ok(Some(undone(kind, None, None))),
            Err(failure) => {
                self.deeds.insert(key.into(), deed);
                Err(failure)
            }
        }
    }

    /// Reverts a change; returns whether there was anything left to revert.
    fn revert(&mut self, keeper: &Keeper, change: &Change) -> Result<bool, Box<Failure>> {
        match change {
            Change::None => Ok(false),
            Change::Created { id, first } => {
                let entity = self.shelf(keeper).entities.get(id);
                if !entity.is_some_and(|entity| entity.first().is(first)) {
                    return Ok(false);
                }
                self.refuse_dependents(keeper, id)?;
                self.shelf(keeper).entities.shift_remove(id);
                Ok(true)
            }
            Change::Updated { id, after } => self.revert_update(keeper, id, after),
            Change::Deleted {
                id,
                position,
                entity,
            } => {
                if let Some(other) = self.shelf(keeper).entities.get(id) {
                    return Err(changed_since(keeper, id, &other.current));
                }
                refuse_faults(&self.dangling(keeper, entity.current.fields()))?;
                let entities = &mut self.shelf(keeper).entities;
                let position = (*position).min(entities.len());
                entities.shift_insert(position, Arc::clone(id), Entity::clone(entity));
                Ok(true)
            }
            Change::Reserved { id, reservation } => {
                let entity = self.shelf(keeper).entities.get_mut(id);
                let held = entity.filter(|entity| entity.reservation.as_ref() == Some(reservation));
                Ok(held.is_some_and(|entity| entity.reservation.take().is_some()))
            }
            Change::Released { id, reservation } => {
                let Some(entity) = self.shelf(keeper).entities.get_mut(id) else {
                    return Ok(false);
                };
                entity.reserve(keeper, id, Arc::clone(reservation))?;
                Ok(true)
            }
        }
    }

    fn revert_update(
        &mut self,
        keeper: &Keeper,
        id: &Arc<str>,
        after: &Revision,
    ) -> Result<bool, Box<Failure>> {
        let Some(entity) = self.shelf(keeper).entities.get(id) else {
            let message = format!("{} is gone since", keeper.model.called(id));
            return Err(refuse(code::CONCURRENT_MODIFICATION, "id", message));
        };
        if !entity.current.is(after) {
            return Err(changed_since(keeper, id, &entity.current));
        }
        let Some(before) = entity.former.last().cloned() else {
            return Ok(false);
        };
        refuse_faults(&self.dangling(keeper, before.fields()))?;
        if let Some(entity) = self.shelf(keeper).entities.get_mut(id) {
            entity.former.pop();
            entity.current = before;
        }
        Ok(true)
    }
}

impl Change {
    fn id(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Created { id, .. }
            | Self::Updated { id, .. }
            | Self::Deleted { id, .. }
            | Self::Reserved { id, .. }
            | Self::Released { id, .. } => Some(id),
        }
    }
}

fn changed_since(keeper: &Keeper, id: &str, current: &Revision) -> Box<Failure> {
    let called = keeper.model.called(id);
    let version = current.version;
    let message = format!("{called} has been changed since and is at version {version}");
    refuse(code::CONCURRENT_MODIFICATION, "version", message)
}
