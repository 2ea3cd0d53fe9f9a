use std::{path::PathBuf, sync::Arc, time::Duration};

use futures::future::join_all;
use serde_json::Value;

use super::{Cast, World};
use crate::{
    clock::Seed,
    cqrs::{
        Aggregate, AggregateDefinition, Command, CommandHandler, CommandMetadata, CommandResult,
        DefinedAggregate, EVENT_STORE, EventStore, EventStoreService, ProjectionDefinition,
        Projector,
    },
    domain::{Failure, Violation, did_you_mean, pointer_token},
    messaging::{MessageActivity, Relay},
};

/// How long to wait for projections, in virtual time: one whose store never answers never catches up.
const MAX_CATCH_UP: Duration = Duration::from_secs(60 * 60);

/// The aggregates, the event store and the projections of a scenario, and the results of its last
/// commands.
pub struct Cqrs {
    store: EventStoreService,
    /// The file of the store, if it has one.
    file: Option<PathBuf>,
    commands: Arc<CommandHandler>,
    projector: Arc<Projector>,
    relay: Relay,
    activity: MessageActivity,
    sent: u64,
    results: Vec<Result<CommandResult, Box<Failure>>>,
}

impl Cqrs {
    /// An event store in memory, which is in the cast as `EventStore`, and whose events a relay
    /// publishes.
    pub fn new(cast: &Cast, relay: Relay, seed: Seed) -> Self {
        let client = cast.client();
        let store = EventStoreService::new(
            Arc::default(),
            cast.effects().clone(),
            client.timeline().clone(),
        );
        cast.registry().add_on_call(store.clone());
        relay.listen(store.listener());
        Self {
            relay,
            activity: cast.bus().activity().clone(),
            projector: Arc::new(Projector::new(Arc::clone(&client), &store)),
            commands: Arc::new(CommandHandler::new(client, seed)),
            store,
            file: None,
            sent: 0,
            results: Vec::new(),
        }
    }

    /// Uses a seed for all randomness from now on.
    pub fn set_seed(&self, seed: Seed) {
        self.commands.set_seed(seed);
    }

    /// The command handler.
    pub fn commands(&self) -> &Arc<CommandHandler> {
        &self.commands
    }

    /// The projector.
    pub fn projector(&self) -> &Arc<Projector> {
        &self.projector
    }

    /// The event store.
    pub fn store(&self) -> Arc<EventStore> {
        self.store.store()
    }

    /// Adds an aggregate type; it replaces one of the same name.
    ///
    /// # Errors
    ///
    /// As for [`DefinedAggregate::new`] and [`CommandHandler::add`].
    pub fn define_aggregate(&self, definition: AggregateDefinition) -> Result<(), Violation> {
        self.add_aggregate(Arc::new(DefinedAggregate::new(definition)?))
    }

    /// Adds an aggregate type; it replaces one of the same name.
    ///
    /// # Errors
    ///
    /// As for [`CommandHandler::add`].
    pub fn add_aggregate(&self, aggregate: Arc<dyn Aggregate>) -> Result<(), Violation> {
        self.commands.add(aggregate)
    }

    /// Adds a projection.
    ///
    /// # Errors
    ///
    /// As for [`Projector::define`]; if all events are known, and it handles one that no aggregate has.
    pub fn define_projection(&self, definition: &ProjectionDefinition) -> Result<(), Violation> {
        if let Some(known) = self.commands.event_types() {
            let is_unknown = |kind: &&String| !known.contains(kind);
            if let Some(unknown) = definition.handles.keys().find(is_unknown) {
                let hint = did_you_mean(unknown, known.iter().map(String::as_str));
                return Err(Violation::new(
                    format!("/handles/{}", pointer_token(unknown)),
                    format!("no aggregate has an event {unknown:?}: {hint}"),
                ));
            }
        }
        self.projector.define(definition)
    }

    /// Stores events in a file from now on, which can be opened again.
    ///
    /// # Errors
    ///
    /// If events are stored already, or the file is not an event store.
    pub fn store_events_in(&mut self, file: PathBuf) -> Result<(), String> {
        if self.store().last_position() > 0 {
            return Err("a file for the events must be chosen before the first event".to_owned());
        }
        self.file = Some(file);
        self.reopen()
    }

    /// Opens the event store's file again, as a new process does.
    ///
    /// # Errors
    ///
    /// If events are stored in memory, or the file is not an event store.
    pub fn reopen(&mut self) -> Result<(), String> {
        let Some(file) = &self.file else {
            return Err("the event store is in memory and cannot be reopened".to_owned());
        };
        // The file is locked until the previous store is dropped.
        self.store.replace(EventStore::default());
        let opened = EventStore::open(file).map_err(|error| error.to_string())?;
        self.store.replace(opened);
        Ok(())
    }

    /// A command with the next id.
    pub fn command(&mut self, kind: &str, aggregate_id: &str, payload: Value) -> Command {
        self.sent += 1;
        Command {
            id: format!("command-{}", self.sent).into(),
            kind: kind.into(),
            aggregate_id: aggregate_id.into(),
            payload: Arc::new(payload),
            metadata: CommandMetadata::default(),
        }
    }

    /// Handles commands concurrently.
    pub async fn send(&mut self, commands: &[Command]) {
        let handled = commands.iter().map(|command| self.commands.handle(command));
        self.results = join_all(handled).await;
    }

    /// The results of the last commands.
    pub fn results(&self) -> &[Result<CommandResult, Box<Failure>>] {
        &self.results
    }

    /// Waits until no event is on its way to the bus or a projection, except for those that wait for a
    /// retry or the end of an outage.
    pub async fn idle(&self) {
        self.activity.idle().await;
        self.projector.idle().await;
    }

    /// The relay that publishes stored events.
    pub fn relay(&self) -> &Relay {
        &self.relay
    }

    /// Waits until every projection has applied all events, or is paused.
    ///
    /// # Errors
    ///
    /// If there is no projection, or that takes more than an hour.
    pub async fn catch_up(&self) -> Result<(), String> {
        if self.projector.is_empty() {
            return Err("no projection is declared".to_owned());
        }
        tokio::time::timeout(MAX_CATCH_UP, self.projector.caught_up())
            .await
            .map_err(|_| "the projections have not caught up within an hour".to_owned())
    }
}

impl World {
    /// The aggregates, the event store and the projections.
    pub fn cqrs(&mut self) -> &mut Cqrs {
        let cqrs = match self.parts.take() {
            Some(cqrs) => cqrs,
            None => {
                let seed = self.scenario().seed;
                let relay = self.messages().relay_of(EVENT_STORE);
                Box::new(Cqrs::new(self.cast(), relay, seed))
            }
        };
        self.parts.put(cqrs)
    }

    pub(super) fn set_seed_of_commands(&mut self, seed: Seed) {
        if let Some(cqrs) = self.parts.take::<Cqrs>() {
            self.parts.put(cqrs).set_seed(seed);
        }
    }
}
