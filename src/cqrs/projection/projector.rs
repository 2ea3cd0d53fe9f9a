use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard},
};

use indexmap::IndexMap;
use serde_json::{Value, json};
use tokio::{sync::Notify, task::AbortHandle};

use super::{
    Projection, ProjectionDefinition, ProjectionError, ProjectionFailure, ProjectionStatus,
    read_model::{QUERY, ReadModel},
    task::ProjectionTask,
};
use crate::{
    cqrs::store::{EventStoreService, LastPosition},
    domain::{Call, CallName, Failure, Violation, code, did_you_mean},
    services::{CallPolicy, CallResult, Client, UnknownName},
};

/// Takes events from the event store to the projections that handle them, each from its checkpoint
/// and at its own pace.
///
/// An event that a projection cannot apply holds its checkpoint back and is retried; with too many
/// recent errors the projection is paused, and the others continue.
pub struct Projector {
    client: Arc<Client>,
    positions: LastPosition,
    projections: RwLock<IndexMap<Arc<str>, Arc<Projection>>>,
    moved: Arc<Notify>,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Projector {
    /// A projector of the events in a store, which it reads as the service `EventStore`.
    pub fn new(client: Arc<Client>, store: &EventStoreService) -> Self {
        Self {
            client,
            positions: store.positions(),
            projections: RwLock::default(),
            moved: Arc::default(),
            tasks: Mutex::default(),
        }
    }

    /// Adds a projection, which begins with the first event. Its read model is a service of its name.
    ///
    /// It must be called within a runtime.
    ///
    /// # Errors
    ///
    /// As for [`ProjectionDefinition::check`]; if a service of its name exists already, or its target
    /// does not.
    pub fn define(&self, definition: &ProjectionDefinition) -> Result<(), Violation> {
        definition.check()?;
        let name = &definition.name;
        let registry = self.client.registry();
        let taken = if self.read().contains_key(name) {
            Some("projection")
        } else {
            registry.check_service(name).is_ok().then_some("service")
        };
        if let Some(what) = taken {
            let message = format!("a {what} {name:?} exists already");
            return Err(Violation::new("/name", message));
        }
        for (pointer, call) in [
            ("/target", &definition.target),
            ("/reset", &definition.reset),
        ] {
            if let Some(call) = call {
                let known = registry.check(call);
                known.map_err(|unknown| Violation::new(pointer, unknown.to_string()))?;
            }
        }
        let definition = Arc::new(definition.clone());
        let timeline = self.client.timeline();
        let read_model = definition.target.is_none().then(|| {
            let read_model = ReadModel::new(Arc::clone(&definition), timeline.clock());
            registry.add(read_model.clone());
            read_model
        });
        let moved = Arc::clone(&self.moved);
        let projection = Projection::new(definition, read_model, timeline.clone(), moved);
        let projection = Arc::new(projection);
        let mut projections = self
            .projections
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        projections.insert(Arc::clone(projection.name()), Arc::clone(&projection));
        drop(projections);
        let task = ProjectionTask {
            projection,
            client: Arc::clone(&self.client),
            positions: self.positions.clone(),
            caller: Call::PROJECTOR.into(),
        };
        let task = tokio::spawn(task.run());
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.push(task.abort_handle());
        Ok(())
    }

    /// The status of a projection.
    ///
    /// # Errors
    ///
    /// If there is no such projection.
    pub fn status(&self, name: &str) -> Result<ProjectionStatus, UnknownName> {
        Ok(self.projection(name)?.lock().status)
    }

    /// The position of the event that a projection applied last, 0 before the first.
    ///
    /// # Errors
    ///
    /// If there is no such projection.
    pub fn checkpoint(&self, name: &str) -> Result<u64, UnknownName> {
        Ok(self.projection(name)?.lock().checkpoint)
    }

    /// The event that a projection could not apply and will retry, if there is one.
    ///
    /// # Errors
    ///
    /// If there is no such projection.
    pub fn failure(&self, name: &str) -> Result<Option<ProjectionFailure>, UnknownName> {
        Ok(self.projection(name)?.lock().failure.clone())
    }

    /// The current document of a key of a read model.
    ///
    /// # Errors
    ///
    /// `UNKNOWN_READ_MODEL`, with the nearest name, if there is no such read model.
    pub fn document(
        &self,
        read_model: &str,
        key: &str,
    ) -> Result<Option<Arc<Value>>, Box<Failure>> {
        Ok(self.read_model(read_model)?.document(key))
    }

    /// Asks for a document of a read model, or for all of them, through the client.
    ///
    /// # Errors
    ///
    /// `UNKNOWN_READ_MODEL`, with the nearest name, if there is no such read model; the call's own
    /// failures.
    pub async fn query(&self, caller: &str, read_model: &str, key: Option<&str>) -> CallResult {
        self.read_model(read_model)?;
        let input = key.map_or_else(|| json!({}), |key| json!({ "key": key }));
        let call = Call::new(caller, CallName::new(read_model, QUERY), input);
        self.client.call(&call, &CallPolicy::default(), None).await
    }

    /// Resumes a paused projection and forgives its earlier errors.
    ///
    /// # Errors
    ///
    /// If there is no such projection, or it is not paused.
    pub fn resume(&self, name: &str) -> Result<(), ProjectionError> {
        let projection = self.projection(name)?;
        if projection.resume() {
            return Ok(());
        }
        Err(ProjectionError::NotPaused(Arc::clone(projection.name())))
    }

    /// Makes a projection forget all events and take them again from the first; a paused one
    /// continues.
    ///
    /// # Errors
    ///
    /// If there is no such projection, or it cannot forget.
    pub fn rebuild(&self, name: &str) -> Result<(), ProjectionError> {
        let projection = self.projection(name)?;
        if projection.reset.is_none() {
            return Err(ProjectionError::NoReset(Arc::clone(projection.name())));
        }
        projection.rebuild(self.positions.get());
        Ok(())
    }

    /// Waits until every projection has taken all events, waits to retry one, or is paused.
    pub async fn idle(&self) {
        self.wait(Projection::is_idle).await;
    }

    /// Waits until every projection has taken all events, or is paused.
    pub async fn caught_up(&self) {
        self.wait(Projection::has_caught_up).await;
    }

    async fn wait(&self, holds: impl Fn(&Projection, u64) -> bool) {
        loop {
            let moved = self.moved.notified();
            let last = self.positions.get();
            if self
                .read()
                .values()
                .all(|projection| holds(projection, last))
            {
                return;
            }
            moved.await;
        }
    }

    fn projection(&self, name: &str) -> Result<Arc<Projection>, UnknownName> {
        let projections = self.read();
        let found = projections.get(name).map(Arc::clone);
        found.ok_or_else(|| UnknownName {
            what: "projection",
            name: name.to_owned(),
            hint: did_you_mean(name, projections.keys().map(|name| &**name)),
        })
    }

    fn read_model(&self, name: &str) -> Result<ReadModel, Box<Failure>> {
        let projections = self.read();
        let projection = projections.get(name);
        if let Some(read_model) = projection.and_then(|found| found.read_model.as_ref()) {
            return Ok(read_model.clone());
        }
        let kept = projections.values();
        let kept = kept.filter(|projection| projection.read_model.is_some());
        let hint = did_you_mean(name, kept.map(|projection| &**projection.name()));
        let message = format!("there is no read model {name:?}: {hint}");
        Err(Box::new(
            Failure::new(code::UNKNOWN_READ_MODEL, message).field(name),
        ))
    }

    fn read(&self) -> RwLockReadGuard<'_, IndexMap<Arc<str>, Arc<Projection>>> {
        self.projections
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Projector {
    fn drop(&mut self) {
        let tasks = self.tasks.get_mut();
        for task in tasks.unwrap_or_else(PoisonError::into_inner) {
            task.abort();
        }
    }
}

impl fmt::Debug for Projector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Projector").finish_non_exhaustive()
    }
}
