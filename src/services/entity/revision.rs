use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value};

/// An entity and its history.
#[derive(Clone, Debug)]
pub(super) struct Entity {
    pub current: Revision,
    /// Its former revisions, oldest first.
    pub former: Vec<Revision>,
    /// Its current reservation.
    pub reservation: Option<Arc<str>>,
}

/// An entity at a version, with all fields.
#[derive(Clone, Debug)]
pub(super) struct Revision {
    pub version: u64,
    /// An object; every change has its own allocation.
    pub content: Arc<Value>,
}

/// The change that a service made under a key.
#[derive(Debug)]
pub(super) struct KeyedChange {
    pub service: Arc<str>,
    pub change: EntityChange,
}

/// A change of one entity.
#[derive(Debug)]
pub(super) enum EntityChange {
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
        /// Its position in the order of creation.
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

impl Entity {
    pub fn new(first: Revision) -> Self {
        Self {
            current: first,
            former: Vec::new(),
            reservation: None,
        }
    }

    /// The revision it was created with.
    pub fn first(&self) -> &Revision {
        self.former.first().unwrap_or(&self.current)
    }

    /// Replaces the current revision, and keeps the former one.
    pub fn change_to(&mut self, revision: Revision) {
        self.former
            .push(std::mem::replace(&mut self.current, revision));
    }
}

impl Revision {
    /// A revision with these fields; those that the service manages are given separately.
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

    /// Whether it is from the same change, not just of the same version and content.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.content, &other.content)
    }
}

impl EntityChange {
    pub fn id(&self) -> Option<&str> {
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
