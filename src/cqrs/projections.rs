use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use indexmap::IndexMap;

use super::{projecting::Projecting, projection_service::ProjectionService};
use crate::{
    domain::{Failure, code, did_you_mean},
    services::UnknownName,
};

/// All projections, by name, in the order in which they were added.
#[derive(Default)]
pub(super) struct Projections {
    by_name: RwLock<IndexMap<Arc<str>, Arc<Projecting>>>,
}

impl Projections {
    pub fn insert(&self, projecting: Arc<Projecting>) {
        let mut projections = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        projections.insert(Arc::clone(&projecting.name), projecting);
    }

    /// Whether something holds of every one.
    pub fn all(&self, holds: impl Fn(&Projecting) -> bool) -> bool {
        self.read().values().all(|own| holds(own))
    }

    /// The projection of a name.
    ///
    /// # Errors
    ///
    /// If there is none, with the nearest name.
    pub fn named(&self, name: &str) -> Result<Arc<Projecting>, UnknownName> {
        let projections = self.read();
        projections
            .get(name)
            .map(Arc::clone)
            .ok_or_else(|| UnknownName {
                what: "projection",
                name: name.to_owned(),
                hint: did_you_mean(name, projections.keys().map(|name| &**name)),
            })
    }

    /// What keeps a read model.
    ///
    /// # Errors
    ///
    /// `UNKNOWN_READ_MODEL`, with the nearest name, if no projection keeps it.
    pub fn read_model(&self, name: &str) -> Result<ProjectionService, Box<Failure>> {
        let projections = self.read();
        let projection = projections.get(name);
        if let Some(service) = projection.and_then(|own| own.read_model.as_ref()) {
            return Ok(service.clone());
        }
        let kept = projections.values().filter(|own| own.read_model.is_some());
        let hint = did_you_mean(name, kept.map(|own| &*own.name));
        let message = format!("no projection keeps a read model {name:?}: {hint}");
        Err(Box::new(
            Failure::new(code::UNKNOWN_READ_MODEL, message).field(name),
        ))
    }

    fn read(&self) -> RwLockReadGuard<'_, IndexMap<Arc<str>, Arc<Projecting>>> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner)
    }
}
