use std::{fmt, sync::Arc};

use indexmap::IndexMap;
use serde_json::{Value, json};
use tokio::{sync::Notify, task::JoinSet};

use super::{
    Projection, ProjectionDefinition, ProjectionError, ProjectionFailure, ProjectionStatus,
    read_model::{QUERY, ReadModel},
    task::ProjectionTask,
};
use crate::{
    cqrs::store::{EventStoreService, LastPosition},
    domain::{Call, CallName, Failure, Locked, Violation, code, did_you_mean},
    services::{CallPolicy, CallResult, Client, UnknownName},
};

/// Delivers events from the event store to the projections that handle them, each from its
/// checkpoint and at its own pace.
///
/// An event that a projection cannot apply holds its checkpoint back and is retried; with too many
/// recent errors the projection is paused, and the others continue.
pub struct Projector {
    client: Arc<Client>,
    positions: LastPosition,
    projections: Locked<IndexMap<Arc<str>, Arc<Projection>>>,
    progressed: Arc<Notify>,
    /// Aborted with the projector.
    tasks: Locked<JoinSet<()>>,
}

impl Projector {
    /// A projector of the events in a store, which it reads as the service `EventStore`.
    pub fn new(client: Arc<Client>, store: &EventStoreService) -> Self {
        Self {
            client,
            positions: store.positions(),
            projections: Locked::default(),
            progressed: Arc::default(),
            tasks: Locked::default(),
        }
    }

    /// Adds a projection, which begins with the first event. Its read model is a service of its name.
    ///
    /// Must be called on a runtime.
    ///
    /// # Errors
    ///
    /// As for [`ProjectionDefinition::check`]; if a service of its name exists already, or its target
    /// does not.
    pub fn define(&self, definition: &ProjectionDefinition) -> Result<(), Violation> {
        definition.check()?;
        let name = &definition.name;
        let registry = self.client.registry();
        let taken = if self.projections.lock().contains_key(name) {
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
            registry.add_read_model(read_model.clone());
            read_model
        });
        let progressed = Arc::clone(&self.progressed);
        let projection = Projection::new(definition, read_model, timeline.clone(), progressed);
        let projection = Arc::new(projection);
        let name = Arc::clone(projection.name());
        self.projections
            .lock()
            .insert(name, Arc::clone(&projection));
        let task = ProjectionTask {
            projection,
            client: Arc::clone(&self.client),
            positions: self.positions.clone(),
            caller: Call::PROJECTOR.into(),
        };
        self.tasks.lock().spawn(task.run());
        Ok(())
    }

    /// Whether there is no projection.
    pub fn is_empty(&self) -> bool {
        self.projections.lock().is_empty()
    }

    /// The status of a projection.
    ///
    /// # Errors
    ///
    /// If the projection does not exist.
    pub fn status(&self, name: &str) -> Result<ProjectionStatus, UnknownName> {
        Ok(self.projection(name)?.state.lock().status)
    }

    /// The position of the event that a projection applied last, 0 before the first.
    ///
    /// # Errors
    ///
    /// If the projection does not exist.
    pub fn checkpoint(&self, name: &str) -> Result<u64, UnknownName> {
        Ok(self.projection(name)?.state.lock().checkpoint)
    }

    /// The event that a projection could not apply and will retry.
    ///
    /// # Errors
    ///
    /// If the projection does not exist.
    pub fn failure(&self, name: &str) -> Result<Option<ProjectionFailure>, UnknownName> {
        Ok(self.projection(name)?.state.lock().failure.clone())
    }

    /// The current document of a key of a read model.
    ///
    /// # Errors
    ///
    /// `UNKNOWN_READ_MODEL`, with the nearest name, if the read model does not exist.
    pub fn document(
        &self,
        read_model: &str,
        key: &str,
    ) -> Result<Option<Arc<Value>>, Box<Failure>> {
        Ok(self.read_model(read_model)?.document(key))
    }

    /// Queries a document of a read model, or all of them, through the client.
    ///
    /// # Errors
    ///
    /// `UNKNOWN_READ_MODEL`, with the nearest name, if the read model does not exist; the call's own
    /// failures.
    pub async fn query(&self, caller: &str, read_model: &str, key: Option<&str>) -> CallResult {
        self.read_model(read_model)?;
        let input = key.map_or_else(|| json!({}), |key| json!({ "key": key }));
        let call = Call::new(caller, CallName::new(read_model, QUERY), input);
        self.client.call(&call, &CallPolicy::default(), None).await
    }

    /// Resumes a paused projection and clears its earlier errors.
    ///
    /// # Errors
    ///
    /// If the projection does not exist, or it is not paused.
    pub fn resume(&self, name: &str) -> Result<(), ProjectionError> {
        let projection = self.projection(name)?;
        if projection.resume() {
            return Ok(());
        }
        Err(ProjectionError::NotPaused(Arc::clone(projection.name())))
    }

    /// Clears a projection and applies all events again, from the first; a paused one resumes.
    ///
    /// # Errors
    ///
    /// If the projection does not exist, or it cannot be reset.
    pub fn rebuild(&self, name: &str) -> Result<(), ProjectionError> {
        let projection = self.projection(name)?;
        if projection.reset.is_none() {
            return Err(ProjectionError::NoReset(Arc::clone(projection.name())));
        }
        projection.rebuild(self.positions.get());
        Ok(())
    }

    /// Waits until every projection has applied all events, waits to retry one, or is paused.
    pub async fn idle(&self) {
        self.wait(Projection::is_idle).await;
    }

    /// Waits until every projection has applied all events, or is paused.
    pub async fn caught_up(&self) {
        self.wait(Projection::has_caught_up).await;
    }

    async fn wait(&self, holds: impl Fn(&Projection, u64) -> bool) {
        loop {
            let progressed = self.progressed.notified();
            let last = self.positions.get();
            let all_hold = {
                let projections = self.projections.lock();
                projections
                    .values()
                    .all(|projection| holds(projection, last))
            };
            if all_hold {
                return;
            }
            progressed.await;
        }
    }

    fn projection(&self, name: &str) -> Result<Arc<Projection>, UnknownName> {
        let projections = self.projections.lock();
        let found = projections.get(name).map(Arc::clone);
        found.ok_or_else(|| UnknownName {
            what: "projection",
            name: name.to_owned(),
            hint: did_you_mean(name, projections.keys().map(|name| &**name)),
        })
    }

    fn read_model(&self, name: &str) -> Result<ReadModel, Box<Failure>> {
        let projections = self.projections.lock();
        let projection = projections.get(name);
        if let Some(read_model) = projection.and_then(|found| found.read_model.as_ref()) {
            return Ok(read_model.clone());
        }
        let known = projections.values();
        let known = known.filter(|projection| projection.read_model.is_some());
        let hint = did_you_mean(name, known.map(|projection| &**projection.name()));
        let message = format!("read model {name:?} does not exist: {hint}");
        Err(Box::new(
            Failure::new(code::UNKNOWN_READ_MODEL, message).field(name),
        ))
    }
}

impl fmt::Debug for Projector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Projector").finish_non_exhaustive()
    }
}
