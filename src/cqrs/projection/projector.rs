use std::{fmt, sync::Arc};

use serde_json::{Value, json};
use tokio::{sync::Notify, task::JoinSet};

use super::{
    Projection, ProjectionDefinition, ProjectionError, ProjectionFailure, ProjectionStatus,
    RebuildMode,
    progress::{ProjectionState, TaskState},
    read_model::{Beside, QUERY, ReadModel},
    running::{ProjectionTaskHandle, Projections, RunningProjection},
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
/// recent errors the projection is paused, and the others continue. Positions have no gaps, so one
/// that is missing is waited for.
pub struct Projector {
    client: Arc<Client>,
    positions: LastPosition,
    projections: Arc<Locked<Projections>>,
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
            projections: Arc::default(),
            progressed: Arc::default(),
            tasks: Locked::default(),
        }
    }

    /// Adds a projection, which begins with the first event. Its read model is a service of its name.
    ///
    /// In place of another of its name it continues after that one's checkpoint, if it makes the same
    /// of events; if not, its read model is rebuilt.
    ///
    /// Must be called on a runtime.
    ///
    /// # Errors
    ///
    /// As for [`ProjectionDefinition::check`]; if a service of its name exists already, its target does
    /// not, or it has to be rebuilt and its target cannot be reset.
    pub fn define(&self, definition: &ProjectionDefinition) -> Result<(), Violation> {
        definition.check()?;
        let name = &definition.name;
        let registry = self.client.registry();
        let former = self.projection(name).ok();
        let is_served = |former: &Arc<Projection>| former.read_model.is_some();
        if !former.as_ref().is_some_and(is_served) && registry.check_service(name).is_ok() {
            let message = format!("a service {name:?} exists already");
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
        let is_played = definition.target.is_none();
        let Some(former) = former else {
            let read_model = is_played.then(|| self.read_model_of(&definition));
            self.start(definition, read_model, ProjectionState::new());
            return Ok(());
        };
        let mut state = former.state.lock().clone();
        if former.definition.revision() == definition.revision() {
            let read_model = former.read_model.as_ref();
            let read_model = read_model.map(|own| own.redefined(Arc::clone(&definition)));
            state.task = TaskState::Active;
            self.start(definition, read_model, state);
            return Ok(());
        }
        if !is_played && definition.reset.is_none() {
            let message =
                "it handles events in another way than before, so its target has to be reset";
            return Err(Violation::new("/reset", message));
        }
        if self.start_beside(&former, &definition) {
            return Ok(());
        }
        state.begin_rebuild(Some(self.positions.get()), true);
        let read_model = is_played.then(|| self.read_model_of(&definition));
        if !is_played && is_served(&former) {
            let _ = registry.remove(&definition.name);
        }
        self.start(definition, read_model, state);
        Ok(())
    }

    fn read_model_of(&self, definition: &Arc<ProjectionDefinition>) -> ReadModel {
        ReadModel::new(Arc::clone(definition), self.client.timeline().clock())
    }

    /// Starts a projection, with its read model as a service, in place of another of its name.
    fn start(
        &self,
        definition: Arc<ProjectionDefinition>,
        read_model: Option<ReadModel>,
        state: ProjectionState,
    ) {
        if let Some(read_model) = &read_model {
            self.client.registry().add_read_model(read_model.clone());
        }
        let projection = self.projection_of(definition, read_model, state);
        let current = self.spawn(projection, None);
        self.projections.lock().insert(current);
    }

    /// Starts a projection that builds its read model beside that of the former one, and takes over
    /// when it has caught up. False if its definition does not say so, or there is no whole read model
    /// to be read until then.
    fn start_beside(&self, former: &Projection, definition: &Arc<ProjectionDefinition>) -> bool {
        let mut state = former.state.lock().clone();
        let Some(current) = former
            .read_model
            .clone()
            .filter(|_| definition.rebuild == RebuildMode::Beside && state.rebuild.is_none())
        else {
            return false;
        };
        let next = self.read_model_of(definition);
        state.begin_rebuild(None, false);
        self.client.registry().add_read_model(Beside {
            current,
            next: next.clone(),
        });
        let next = self.projection_of(Arc::clone(definition), Some(next), state);
        let next = self.spawn_beside(next);
        if let Some(running) = self.projections.lock().get_mut(former.name()) {
            running.next = Some(next);
        }
        true
    }

    fn projection_of(
        &self,
        definition: Arc<ProjectionDefinition>,
        read_model: Option<ReadModel>,
        state: ProjectionState,
    ) -> Arc<Projection> {
        Arc::new(Projection::new(
            definition,
            read_model,
            self.client.timeline().clone(),
            self.positions.clone(),
            Arc::clone(&self.progressed),
            state,
        ))
    }

    fn spawn_beside(&self, next: Arc<Projection>) -> ProjectionTaskHandle {
        let registry = self.client.registry().clone();
        let projections = Arc::clone(&self.projections);
        let (name, read_model) = (Arc::clone(next.name()), next.read_model.clone());
        let take_over = move || {
            if let Some(running) = projections.lock().get_mut(&name)
                && let Some(next) = running.next.take()
            {
                running.current = next;
                read_model
                    .iter()
                    .cloned()
                    .for_each(|new| registry.add_read_model(new));
            }
        };
        self.spawn(next, Some(Box::new(take_over)))
    }

    fn spawn(
        &self,
        projection: Arc<Projection>,
        take_over: Option<Box<dyn Fn() + Send + Sync>>,
    ) -> ProjectionTaskHandle {
        let task = ProjectionTask {
            projection: Arc::clone(&projection),
            client: Arc::clone(&self.client),
            positions: self.positions.clone(),
            caller: Call::PROJECTOR.into(),
            take_over,
        };
        let task = self.tasks.lock().spawn(task.run());
        ProjectionTaskHandle { projection, task }
    }

    /// Continues from the stored checkpoints, as a new process does: what was under way is lost.
    ///
    /// Must be called on a runtime.
    pub fn restart(&self) {
        for running in self.projections.lock().iter_mut() {
            for projection in running.all() {
                projection.state.lock().task = TaskState::Active;
            }
            running.current = self.spawn(Arc::clone(&running.current.projection), None);
            if let Some(next) = &mut running.next {
                *next = self.spawn_beside(Arc::clone(&next.projection));
            }
        }
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
        let projections = self.projections.lock();
        let status = projections.get(name)?.newest().state.lock().status;
        Ok(status)
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
        let projections = self.projections.lock();
        let mut all = projections.get(name)?.all();
        Ok(all.find_map(|own| own.state.lock().failure.clone()))
    }

    /// The events that a projection passes over, in order.
    ///
    /// # Errors
    ///
    /// If the projection does not exist.
    pub fn set_aside_events(&self, name: &str) -> Result<Vec<ProjectionFailure>, UnknownName> {
        let projections = self.projections.lock();
        let all = projections.get(name)?.all();
        Ok(all
            .flat_map(|own| own.state.lock().set_aside.clone())
            .collect())
    }

    /// Lets a projection pass over the event that it could not apply; a paused one resumes. A rebuild
    /// tries the event again.
    ///
    /// # Errors
    ///
    /// If the projection does not exist, or no event holds it back.
    pub fn set_aside(&self, name: &str) -> Result<(), ProjectionError> {
        match self.any(name, Projection::set_aside)? {
            true => Ok(()),
            false => Err(ProjectionError::NothingFailed(name.into())),
        }
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
        match self.any(name, Projection::resume)? {
            true => Ok(()),
            false => Err(ProjectionError::NotPaused(name.into())),
        }
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
        let newest = Arc::clone(&self.projections.lock().get(name)?.newest().definition);
        if !self.start_beside(&projection, &newest) {
            projection.rebuild(self.positions.get());
        }
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
                let mut all = projections.iter().flat_map(RunningProjection::all);
                all.all(|projection| holds(projection, last))
            };
            if all_hold {
                return;
            }
            progressed.await;
        }
    }

    /// Acts on a projection or else on the one that is built beside it; whether either could.
    fn any(&self, name: &str, act: impl Fn(&Projection) -> bool) -> Result<bool, UnknownName> {
        let projections = self.projections.lock();
        Ok(projections.get(name)?.all().any(|own| act(own)))
    }

    fn projection(&self, name: &str) -> Result<Arc<Projection>, UnknownName> {
        let projections = self.projections.lock();
        Ok(Arc::clone(&projections.get(name)?.current.projection))
    }

    fn read_model(&self, name: &str) -> Result<ReadModel, Box<Failure>> {
        let projections = self.projections.lock();
        let found = projections.get(name).ok();
        let read_model = found.and_then(|running| running.current.projection.read_model.clone());
        if let Some(read_model) = read_model {
            return Ok(read_model);
        }
        let known = projections
            .iter()
            .map(|running| &running.current.projection);
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
