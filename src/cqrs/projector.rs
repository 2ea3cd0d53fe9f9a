use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use indexmap::IndexMap;
use serde_json::{Value, json};
use tokio::{sync::Notify, task::AbortHandle};

use super::{
    DefinedProjection, EventStoreService, Projection, ProjectionDefinition, ProjectionFailure,
    ProjectionPolicy, ProjectionStatus,
    positions::Positions,
    projecting::Projecting,
    projection_service::{APPLY, ProjectionService, QUERY, RESET},
    projection_task,
};
use crate::{
    domain::{Call, CallName, Failure, code, did_you_mean},
    services::{CallPolicy, CallResult, Client, DefinitionError, UnknownName},
};

/// Takes events from the event store to the projections that handle them, each from its checkpoint
/// and at its own pace.
///
/// What a projection cannot apply holds its checkpoint back and is tried again; with too many recent
/// errors the projection is paused, and the others go on.
pub struct Projector {
    client: Arc<Client>,
    positions: Positions,
    projections: RwLock<IndexMap<Arc<str>, Arc<Projecting>>>,
    moved: Arc<Notify>,
    tasks: Mutex<Vec<AbortHandle>>,
}

/// Why a projection cannot be resumed or rebuilt.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProjectionError {
    /// There is none of the name.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// It goes on already.
    #[error("the projection {0:?} is not paused")]
    NotPaused(Arc<str>),
    /// It is kept by a service that has nothing to forget all events with.
    #[error("the projection {0:?} cannot be rebuilt: it has no \"reset\"")]
    NoReset(Arc<str>),
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
    ) -> Result<(), DefinitionError> {
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
    pub fn define(&self, definition: &ProjectionDefinition) -> Result<(), DefinitionError> {
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
                return Err(DefinitionError {
                    pointer: pointer.to_owned(),
                    message: unknown.to_string(),
                });
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

    fn check_name(&self, name: &str) -> Result<(), DefinitionError> {
        let is_projection = self.projection(name).is_ok();
        let is_service = self.client.registry().script(name, |_, _| ()).is_ok();
        if !is_projection && !is_service {
            return Ok(());
        }
        let what = if is_projection {
            "projection"
        } else {
            "service"
        };
        Err(DefinitionError {
            pointer: "/name".to_owned(),
            message: format!("a {what} {name:?} is there already"),
        })
    }

    fn begin(&self, projecting: Projecting) {
        let projecting = Arc::new(projecting);
        let mut projections = self
            .projections
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        projections.insert(Arc::clone(&projecting.name), Arc::clone(&projecting));
        drop(projections);
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
        Ok(self.projection(name)?.status())
    }

    /// The position of the event that a projection applied last, 0 before the first.
    ///
    /// # Errors
    ///
    /// If there is no such projection.
    pub fn checkpoint(&self, name: &str) -> Result<u64, UnknownName> {
        Ok(self.projection(name)?.checkpoint())
    }

    /// The event that a projection could not apply and tries again, if there is one.
    ///
    /// # Errors
    ///
    /// If there is no such projection.
    pub fn failure(&self, name: &str) -> Result<Option<ProjectionFailure>, UnknownName> {
        Ok(self.projection(name)?.failure())
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
        let projection = self.projection(read_model).ok();
        match projection.as_ref().and_then(|own| own.read_model.as_ref()) {
            Some(service) => Ok(service.document(key)),
            None => Err(self.unknown_read_model(read_model)),
        }
    }

    /// Asks for a document of a read model, or for all of them, through the client.
    ///
    /// # Errors
    ///
    /// `UNKNOWN_READ_MODEL`, with the nearest name, if no projection keeps such a read model; what
    /// the call fails with.
    pub async fn query(&self, caller: &str, read_model: &str, key: Option<&str>) -> CallResult {
        let projection = self.projection(read_model).ok();
        if projection.is_none_or(|own| own.read_model.is_none()) {
            return Err(self.unknown_read_model(read_model));
        }
        let input = key.map_or_else(|| json!({}), |key| json!({ "key": key }));
        let call = Call::new(caller, CallName::new(read_model, QUERY), input);
        self.client.call(&call, &CallPolicy::default(), None).await
    }

    fn unknown_read_model(&self, name: &str) -> Box<Failure> {
        let projections = self
            .projections
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let kept = projections.values().filter(|own| own.read_model.is_some());
        let hint = did_you_mean(name, kept.map(|own| &*own.name));
        let message = format!("no projection keeps a read model {name:?}: {hint}");
        Box::new(Failure::new(code::UNKNOWN_READ_MODEL, message).field(name))
    }

    /// Lets a projection that is paused go on, its earlier errors forgiven.
    ///
    /// # Errors
    ///
    /// If there is no such projection, or it is not paused.
    pub fn resume(&self, name: &str) -> Result<(), ProjectionError> {
        let projection = self.projection(name)?;
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
        let projection = self.projection(name)?;
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
            let all = {
                let projections = self
                    .projections
                    .read()
                    .unwrap_or_else(PoisonError::into_inner);
                projections.values().all(|own| holds(own, last))
            };
            if all {
                return;
            }
            moved.await;
        }
    }

    fn projection(&self, name: &str) -> Result<Arc<Projecting>, UnknownName> {
        let projections = self
            .projections
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        projections
            .get(name)
            .map(Arc::clone)
            .ok_or_else(|| UnknownName {
                what: "projection",
                name: name.to_owned(),
                hint: did_you_mean(name, projections.keys().map(|name| &**name)),
            })
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
