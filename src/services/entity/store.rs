use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{change::Deed, fault::refuse, model::Model};
use crate::{
    clock::Clock,
    domain::{Failure, Violation, did_you_mean},
    services::UnknownName,
};

/// The entities of all services of a cast, since references cross services.
///
/// A handle: clones share the entities.
#[derive(Clone)]
pub struct Entities {
    store: Arc<Mutex<Store>>,
    clock: Clock,
}

/// Why an entity cannot be there from the start.
#[derive(Debug, thiserror::Error)]
pub enum EntityError {
    /// No service of the name keeps entities.
    #[error(transparent)]
    Service(#[from] UnknownName),
    /// It is not as its definition says.
    #[error(transparent)]
    Definition(#[from] Violation),
    /// Its id is taken.
    #[error("{0} exists already")]
    Taken(String),
}

#[derive(Default)]
pub(super) struct Store {
    shelves: IndexMap<Arc<str>, Shelf>,
    /// What was changed under a key, to be taken back by it.
    pub deeds: HashMap<Arc<str>, Deed>,
}

/// The entities of one service, in the order of their creation.
pub(super) struct Shelf {
    pub model: Arc<Model>,
    pub entities: IndexMap<Arc<str>, Entity>,
    /// How many reservations there have been.
    pub reservations: u64,
}

/// A service, and what it keeps.
#[derive(Clone, Debug)]
pub(super) struct Keeper {
    pub service: Arc<str>,
    pub model: Arc<Model>,
}

/// One entity and its past.
#[derive(Clone, Debug)]
pub(super) struct Entity {
    pub current: Revision,
    /// What it was before, oldest first.
    pub former: Vec<Revision>,
    /// The reservation that holds it.
    pub reservation: Option<Arc<str>>,
}

/// An entity as it was at a version, all fields included.
#[derive(Clone, Debug)]
pub(super) struct Revision {
    pub version: u64,
    /// An object; the same one only for the same change.
    pub content: Arc<Value>,
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

    /// Adds an entity as if it had been there from the start; references are not checked.
    ///
    /// # Errors
    ///
    /// If the service keeps no entities, or none such, or has one of this id.
    pub fn add(&self, service: &str, fields: &Map<String, Value>) -> Result<(), EntityError> {
        let mut store = self.lock();
        store.known(service)?;
        let Some(shelf) = store.shelves.get_mut(service) else {
            return Ok(());
        };
        let (id, revision) = shelf.model.initial(fields)?;
        if shelf.entities.contains_key(&id) {
            return Err(EntityError::Taken(shelf.model.called(&id)));
        }
        shelf.entities.insert(id, Entity::new(revision));
        Ok(())
    }

    /// Gives a service a shelf, with those on it that are there from the start.
    pub(super) fn add_service(&self, service: &str, model: Arc<Model>) {
        let shelf = Shelf::new(model);
        self.lock().shelves.insert(service.into(), shelf);
    }

    /// The time now, as entities bear it.
    pub(super) fn now(&self) -> String {
        Clock::timestamp(self.clock.now())
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Entities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let store = self.lock();
        let counts = store.shelves.iter();
        f.debug_map()
            .entries(counts.map(|(service, shelf)| (service, shelf.entities.len())))
            .finish()
    }
}

impl Store {
    /// The entities of a service.
    pub fn shelf(&mut self, keeper: &Keeper) -> &mut Shelf {
        self.shelves
            .entry(Arc::clone(&keeper.service))
            .or_insert_with(|| Shelf::new(Arc::clone(&keeper.model)))
    }

    /// One of a service's entities.
    ///
    /// # Errors
    ///
    /// If it is unknown; `field` named it.
    pub fn entity(
        &mut self,
        keeper: &Keeper,
        field: &str,
        id: &str,
    ) -> Result<&mut Entity, Box<Failure>> {
        let shelf = self.shelf(keeper);
        // Looked up by position, as a borrow that is returned would last to the end.
        match shelf.entities.get_index_of(id) {
            Some(index) => Ok(&mut shelf.entities[index]),
            None => {
                let hint = did_you_mean(id, shelf.entities.keys().map(|id| &**id));
                let message = format!("{} does not exist: {hint}", keeper.model.called(id));
                Err(refuse(&keeper.model.not_found, field, message))
            }
        }
    }

    /// The services that keep entities, in the order they came, and what they keep.
    pub fn shelves(&self) -> impl Iterator<Item = (&Arc<str>, &Shelf)> {
        self.shelves.iter()
    }

    /// What a service keeps.
    ///
    /// # Errors
    ///
    /// If there is no such service, or it keeps no entities.
    pub fn known(&self, service: &str) -> Result<&Shelf, UnknownName> {
        self.shelves.get(service).ok_or_else(|| UnknownName {
            what: "entity service",
            name: service.to_owned(),
            hint: did_you_mean(service, self.shelves.keys().map(|name| &**name)),
        })
    }
}

impl Shelf {
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

impl Entity {
    pub fn new(first: Revision) -> Self {
        Self {
            current: first,
            former: Vec::new(),
            reservation: None,
        }
    }

    /// As it was when it came to be.
    pub fn first(&self) -> &Revision {
        self.former.first().unwrap_or(&self.current)
    }

    /// Replaces what it is, and keeps what it was.
    pub fn change_to(&mut self, revision: Revision) {
        self.former
            .push(std::mem::replace(&mut self.current, revision));
    }
}

impl Revision {
    /// A revision of these fields; those that the service keeps by itself are as given.
    pub fn new(
        id: &str,
        fields: &Map<String, Value>,
        version: u64,
        created_at: Value,
        updated_at: Value,
    ) -> Self {
        let mut content = Map::new();
        content.insert("id".to_owned(), id.into());
        let own = ["id", "version", "createdAt", "updatedAt"];
        for (name, value) in fields {
            if !own.contains(&name.as_str()) {
                content.insert(name.clone(), value.clone());
            }
        }
        content.insert("version".to_owned(), version.into());
        content.insert("createdAt".to_owned(), created_at);
        content.insert("updatedAt".to_owned(), updated_at);
        Self {
            version,
            content: Arc::new(Value::Object(content)),
        }
    }

    pub fn fields(&self) -> &Map<String, Value> {
        static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        self.content.as_object().unwrap_or(&NONE)
    }

    /// Whether it is the very same, not only of the same version and content.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.content, &other.content)
    }
}
