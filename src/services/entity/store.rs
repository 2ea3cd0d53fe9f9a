use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, MutexGuard},
};

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{
    model::Model,
    revision::{Entity, KeyedChange},
};
use crate::{
    clock::Clock,
    domain::{Failure, KeySubject, Locked, Violation, did_you_mean},
    services::{UnknownName, refused},
};

/// The entities of all services of a cast, since references cross services.
///
/// A handle: clones share the entities.
#[derive(Clone)]
pub struct Entities {
    store: Arc<Locked<Store>>,
    clock: Clock,
}

/// Why an entity cannot be added.
#[derive(Debug, thiserror::Error)]
pub enum EntityError {
    /// No service with the name keeps entities.
    #[error(transparent)]
    Service(#[from] UnknownName),
    /// It does not match its definition.
    #[error(transparent)]
    Definition(#[from] Violation),
    /// Its id is taken.
    #[error("{0} exists already")]
    Taken(String),
}

#[derive(Default)]
pub(super) struct Store {
    tables: IndexMap<Arc<str>, EntityTable>,
    /// Changes by key, to be undone by it.
    pub changes: HashMap<KeySubject, KeyedChange>,
}

/// The entities of one service, in the order of their creation.
pub(super) struct EntityTable {
    pub model: Arc<Model>,
    pub entities: IndexMap<Arc<str>, Entity>,
    /// The number of reservations so far.
    pub reservations: u64,
}

/// A service, and what it keeps.
#[derive(Clone, Debug)]
pub(super) struct EntityType {
    pub service: Arc<str>,
    pub model: Arc<Model>,
}

impl Entities {
    /// No entities yet.
    pub fn new(clock: Clock) -> Self {
        Self {
            store: Arc::default(),
            clock,
        }
    }

    /// An entity, if the service has it.
    ///
    /// # Errors
    ///
    /// If there is no such service, or it keeps no entities.
    pub fn get(&self, service: &str, id: &str) -> Result<Option<Arc<Value>>, UnknownName> {
        let store = self.lock();
        let entity = store.known(service)?.entities.get(id);
        Ok(entity.map(|entity| Arc::clone(&entity.current.content)))
    }

    /// The ids of a service's entities, in the order of their creation.
    ///
    /// # Errors
    ///
    /// If there is no such service, or it keeps no entities.
    pub fn ids(&self, service: &str) -> Result<Vec<Arc<str>>, UnknownName> {
        let store = self.lock();
        Ok(store.known(service)?.entities.keys().cloned().collect())
    }

    /// Adds an entity as if it had existed from the start; references are not checked.
    ///
    /// # Errors
    ///
    /// If the service keeps no entities, the entity does not match its definition, or its id is taken.
    pub fn add(&self, service: &str, fields: &Map<String, Value>) -> Result<(), EntityError> {
        let mut store = self.lock();
        store.known(service)?;
        let Some(table) = store.tables.get_mut(service) else {
            return Ok(());
        };
        let (id, revision) = table.model.initial(fields)?;
        if table.entities.contains_key(&id) {
            return Err(EntityError::Taken(table.model.called(&id)));
        }
        table.entities.insert(id, Entity::new(revision));
        Ok(())
    }

    /// Adds a table for a service, with the entities that exist from the start.
    pub(super) fn add_service(&self, service: &str, model: Arc<Model>) {
        let table = EntityTable::new(model);
        self.lock().tables.insert(service.into(), table);
    }

    /// The time now, as a timestamp.
    pub(super) fn now(&self) -> String {
        Clock::timestamp(self.clock.now())
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock()
    }
}

impl fmt::Debug for Entities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let store = self.lock();
        let counts = store.tables.iter();
        f.debug_map()
            .entries(counts.map(|(service, table)| (service, table.entities.len())))
            .finish()
    }
}

impl Store {
    /// The entities of a service.
    pub fn table(&mut self, owner: &EntityType) -> &mut EntityTable {
        self.tables
            .entry(Arc::clone(&owner.service))
            .or_insert_with(|| EntityTable::new(Arc::clone(&owner.model)))
    }

    /// One of a service's entities.
    ///
    /// # Errors
    ///
    /// If it does not exist; `field` is the one that named it.
    pub fn entity(
        &mut self,
        owner: &EntityType,
        field: &str,
        id: &str,
    ) -> Result<&mut Entity, Box<Failure>> {
        let table = self.table(owner);
        // Looked up by position, as a borrow that is returned would last to the end.
        match table.entities.get_index_of(id) {
            Some(index) => Ok(&mut table.entities[index]),
            None => {
                let hint = did_you_mean(id, table.entities.keys().map(|id| &**id));
                let message = format!("{} does not exist: {hint}", owner.model.called(id));
                Err(refused(&owner.model.not_found, field, message))
            }
        }
    }

    /// The services that keep entities, in the order they were added, and their entities.
    pub fn tables(&self) -> impl Iterator<Item = (&Arc<str>, &EntityTable)> {
        self.tables.iter()
    }

    /// The entities of a service by its name.
    ///
    /// # Errors
    ///
    /// If there is no such service, or it keeps no entities.
    pub fn known(&self, service: &str) -> Result<&EntityTable, UnknownName> {
        self.tables.get(service).ok_or_else(|| UnknownName {
            what: "entity service",
            name: service.to_owned(),
            hint: did_you_mean(service, self.tables.keys().map(|name| &**name)),
        })
    }
}

impl EntityTable {
    fn new(model: Arc<Model>) -> Self {
        let existing = model.existing.iter();
        let entities =
            existing.map(|(id, revision)| (Arc::clone(id), Entity::new(revision.clone())));
        Self {
            entities: entities.collect(),
            reservations: 0,
            model,
        }
    }
}
