use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Value, json};
use tokio::{sync::Notify, task::AbortHandle};

use super::{
    DefinedProjection, EventStoreService, Projection, ProjectionDefinition, ProjectionError,
    ProjectionFailure, ProjectionPolicy, ProjectionStatus,
    positions::Positions,
    projecting::Projecting,
    projection_service::{APPLY, ProjectionService, QUERY, RESET},
    projection_task,
    projections::Projections,
};
use crate::{
    domain::{Call, CallName, Failure, Violation},
    services::{CallPolicy, CallResult, Client, UnknownName},
};

/// Takes events from the event store to the projections that handle them, each from its checkpoint
/// and at its own pace.
///
/// What a projection cannot apply holds its checkpoint back and is tried again; with too many recent
/// errors the projection is paused, and the others go on.
pub struct Projector {
    client: Arc<Client>,
    positions: Positions,
    projections: Projections,
    moved: Arc<Notify>,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Projector {
    /// A projector of the events in a store, which it reads as the service `EventStore`.
    pub fn new(client: Arc<Client>, store: &EventStoreService) -> Self {
        Self {
            client,
            positions: store.positions(),
            projections: Projections::default(),
            moved: Arc::default(),
            tasks: Mutex::default(),
        }
    }

    /// Adds a projection, which is called as a service of its name, and begins with the first event.
    ///
    /// It must be called within a runtime.
    ///
    /// # Errors
    ///
    /// If a service of its name is there already.
    pub fn add(
        &self,
        projection: impl Projection,
        policy: ProjectionPolicy,
    ) -> Result<(), Violation> {
        let name: Arc<str> = projection.name().into();
        self.check_name(&name)?;
        let handles = projection.handles();
        let handles = handles.into_iter().map(str::to_owned).collect();
        let clock = self.client.timeline().clock();
        let service = ProjectionService::new(Box::new(projection), clock);
        self.client.registry().add(service.clone());
        let calls = (
            CallName::new(&name, APPLY),
            Some(CallName::new(&name, RESET)),
        );
        let shared = (self.client.timeline().clone(), Arc::clone(&self.moved));
        self.begin(Projecting::new(
            name,
            handles,
            calls,
            policy,
            Some(service),
            shared,
        ));
        Ok(())
    }

    /// Adds a projection by its definition.
    ///
    /// # Errors
    ///
    /// As for [`ProjectionDefinition::check`]; if a service of its name is there already, or its target
    /// is not.
    pub fn define(&self, definition: &ProjectionDefinition) -> Result<(), Violation> {
        let usual = ProjectionPolicy::default();
        let policy = ProjectionPolicy {
            error_window: definition.error_window.unwrap_or(usual.error_window),
            retry_delay: definition.retry_delay.unwrap_or(usual.retry_delay),
        };
        let projection = DefinedProjection::new(definition)?;
        let Some(target) = &definition.target else {
            return self.add(projection, policy);
        };
        self.check_name(&definition.name)?;
        for (pointer, call) in [
            ("/target", Some(target)),
            ("/reset", definition.reset.as_ref()),
        ] {
            if let Some(call) = call
                && let Err(unknown) = self.client.registry().check(call)
            {
                return Err(Violation::new(pointer, unknown.to_string()));
            }
        }
        self.begin(Projecting::new(
            Arc::clone(&definition.name),
            definition.handles.keys().cloned().collect(),
            (target.clone(), definition.reset.clone()),
            policy,
            None,
            (self.client.timeline().clone(), Arc::clone(&self.moved)),
        ));
        Ok(())
    }

    fn check_name(&self, name: &str) -> Result<(), Violation> {
        let is_projection = self.projections.named(name).is_ok();
        let is_service = self.client.registry().script(name, |_, _| ()).is_ok();
        if !is_projection && !is_service {
            return Ok(());
        }
        let what = if is_projection {
            "projection"
        } else {
            "service"
        };
        Err(Violation::new(
            "/name",
            format!("a {what} {name:?} is there already"),
        ))
    }

    fn begin(&self, projecting: Projecting) {
        let projecting = Arc::new(projecting);
        self.projections.insert(Arc::clone(&projecting));
        let client = Arc::clone(&self.client);
        let task = tokio::spawn(projection_task::run(
            projecting,
            client,
            self.positions.clone(),
        ));
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.push(task.abort_handle());
    }

    /// Whether a projection goes on.
    ///
    /// # Errors
    ///
    /// If there is no such projection.
    pub fn status(&self, name: &str) -> Result<ProjectionStatus, UnknownName> {
        Ok(self.projections.named(name)?.status())
    }

    /// The position of the event that a projection applied last, 0 before the first.
    ///
    /// # Errors
    ///
    /// If there is no such projection.
    pub fn checkpoint(&self, name: &str) -> Result<u64, UnknownName> {
        Ok(self.projections.named(name)?.checkpoint())
    }

    /// The event that a projection could not apply and tries again, if there is one.
    ///
    /// # Errors
    ///
    /// If there is no such projection.
    pub fn failure(&self, name: &str) -> Result<Option<ProjectionFailure>, UnknownName> {
        Ok(self.projections.named(name)?.failure())
    }

    /// A document of a read model as it is now.
    ///
    /// # Errors
    ///
    /// `UNKNOWN_READ_MODEL`, with the nearest name, if no projection keeps such a read model.
    pub fn document(
        &self,
        read_model: &str,
        key: &str,
    ) -> Result<Option<Arc<Value>>, Box<Failure>> {
        Ok(self.projections.read_model(read_model)?.document(key))
    }

    /// Asks for a document of a read model, or for all of them, through the client.
    ///
    /// # Errors
    ///
    /// `UNKNOWN_READ_MODEL`, with the nearest name, if no projection keeps such a read model; what
    /// the call fails with.
    pub async fn query(&self, caller: &str, read_model: &str, key: Option<&str>) -> CallResult {
        self.projections.read_model(read_model)?;
        let input = key.map_or_else(|| json!({}), |key| json!({ "key": key }));
        let call = Call::new(caller, CallName::new(read_model, QUERY), input);
        self.client.call(&call, &CallPolicy::default(), None).await
    }

    /// Lets a projection that is paused go on, its earlier errors forgiven.
    ///
    /// # Errors
    ///
    /// If there is no such projection, or it is not paused.
    pub fn resume(&self, name: &str) -> Result<(), ProjectionError> {
        let projection = self.projections.named(name)?;
        if projection.resume() {
            return Ok(());
        }
        Err(ProjectionError::NotPaused(Arc::clone(&projection.name)))
    }

    /// Lets a projection forget all events and take them again from the first; if it was paused, it
    /// goes on.
    ///
    /// # Errors
    ///
    /// If there is no such projection, or it cannot forget.
    pub fn rebuild(&self, name: &str) -> Result<(), ProjectionError> {
        let projection = self.projections.named(name)?;
        if projection.reset.is_none() {
            return Err(ProjectionError::NoReset(Arc::clone(&projection.name)));
        }
        projection.rebuild(self.positions.last());
        Ok(())
    }

    /// Waits until every projection has taken all events, waits to try one again, or is paused.
    pub async fn quiet(&self) {
        self.wait(Projecting::is_quiet).await;
    }

    /// Waits until every projection has taken all events, or is paused.
    pub async fn caught_up(&self) {
        self.wait(Projecting::has_caught_up).await;
    }

    async fn wait(&self, holds: impl Fn(&Projecting, u64) -> bool) {
        loop {
            let moved = self.moved.notified();
            let last = self.positions.last();
            if self.projections.all(|own| holds(own, last)) {
                return;
            }
            moved.await;
        }
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
