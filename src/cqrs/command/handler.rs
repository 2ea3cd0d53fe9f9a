use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{Aggregate, Command, CommandResult, DomainEvent, defined_aggregate::unknown_command};
use crate::{
    clock::{Clock, Seed},
    cqrs::{
        store::{EventStoreClient, EventStoreError, LoadedStream, StreamId, kinds},
        upcasts::{DATA_VERSION, data_version},
    },
    domain::{Failure, Locked, Violation, code},
    messaging::{CloudEvent, TraceContext},
    observability::{CommandHead, EventKind},
    resilience::Retry,
    services::Client,
};

/// Handles commands: loads the aggregate, lets it decide, and appends the events after the loaded
/// version.
///
/// After a conflict with another command it is decided anew, from the load, up to 3 times at once
/// unless the aggregate or [`decide_anew`](Self::decide_anew) says otherwise. Appended events stay in the store until published.
pub struct CommandHandler {
    client: Arc<Client>,
    /// The types of aggregates by name; each command belongs to one of them.
    aggregates: Locked<IndexMap<Arc<str>, Arc<dyn Aggregate>>>,
    seed: AtomicU64,
    /// How a command is decided anew after a conflict.
    decided_anew: Locked<Retry>,
}

/// Why a command was not handled.
enum CommandError {
    /// The aggregate refused it.
    Refused(Box<Failure>),
    /// It could not be decided, or its events could not be stored.
    Failed(Box<Failure>),
}

impl CommandHandler {
    /// A handler without aggregates, which calls the event store through a client.
    pub fn new(client: Arc<Client>, seed: Seed) -> Self {
        Self {
            client,
            aggregates: Locked::default(),
            seed: AtomicU64::new(seed.0),
            decided_anew: Locked::new(Retry {
                base: Duration::ZERO,
                ..Retry::up_to(3)
            }),
        }
    }

    /// Sets how often and after which delays commands are decided anew after a conflict, for
    /// aggregates that do not say it themselves.
    pub fn decide_anew(&self, retry: Retry) {
        *self.decided_anew.lock() = retry;
    }

    /// Draws the ids of traces from this seed from now on.
    pub fn set_seed(&self, seed: Seed) {
        self.seed.store(seed.0, Ordering::Relaxed);
    }

    /// Adds a type of aggregates, in place of another of its name.
    ///
    /// # Errors
    ///
    /// If its name is not valid, or another type of aggregates has one of its commands.
    pub fn add(&self, aggregate: Arc<dyn Aggregate>) -> Result<(), Violation> {
        let name = aggregate.name();
        if name.is_empty() || name.contains(['/', '.', '#']) {
            let message = format!(
                "{name:?} is not a valid name of an aggregate: it must not be empty or contain \"/\", \".\" or \"#\""
            );
            return Err(Violation::new("/name", message));
        }
        let mut aggregates = self.aggregates.lock();
        for other in aggregates.values() {
            if other.name() == aggregate.name() {
                continue;
            }
            let taken = other.commands();
            if let Some(command) = aggregate.commands().iter().find(|own| taken.contains(own)) {
                return Err(Violation::new(
                    format!("/commands/{command}"),
                    format!("{} already has a command {command:?}", other.name()),
                ));
            }
        }
        aggregates.insert(aggregate.name().into(), aggregate);
        Ok(())
    }

    /// The types of all events; `None` without aggregates, or if the events of one are not known.
    pub fn event_types(&self) -> Option<Vec<String>> {
        let mut types = Vec::new();
        for aggregate in self.aggregates.lock().values() {
            types.extend(aggregate.events()?.into_iter().map(str::to_owned));
        }
        (!types.is_empty()).then_some(types)
    }

    fn aggregate_for(&self, command: &str) -> Result<Arc<dyn Aggregate>, Box<Failure>> {
        let aggregates = self.aggregates.lock();
        let mut found = aggregates.values();
        let found = found.find(|aggregate| aggregate.commands().contains(&command));
        found.map(Arc::clone).ok_or_else(|| {
            let known = aggregates.values().flat_map(|own| own.commands());
            unknown_command(command, known)
        })
    }

    /// Handles a command once: a repeated one, with the same id, has the same result. A command that
    /// led to no event is decided again.
    ///
    /// # Errors
    ///
    /// `UNKNOWN_COMMAND_TYPE`, with the nearest type, if no aggregate has it; the aggregate's refusal;
    /// `IDEMPOTENCY_KEY_REUSED` if its id came before with another type or payload;
    /// `CONCURRENT_MODIFICATION` after a conflict of the last decision; failures of the event store.
    pub async fn handle(&self, command: &Command) -> Result<CommandResult, Box<Failure>> {
        let timeline = self.client.timeline();
        let head = Arc::new(command.head());
        match self.decide(command, &head).await {
            Ok(result) => Ok(result),
            Err(CommandError::Refused(failure)) => {
                timeline.record(EventKind::CommandRefused {
                    head,
                    code: Arc::clone(&failure.code),
                });
                Err(failure)
            }
            Err(CommandError::Failed(failure)) => {
                timeline.record(EventKind::CommandFailed {
                    head,
                    code: Arc::clone(&failure.code),
                });
                Err(failure)
            }
        }
    }

    /// The events of an aggregate, oldest first, and its state after them. Only for one without snapshots, which
    /// stand in for events.
    ///
    /// # Errors
    ///
    /// `UNKNOWN_EVENT_TYPE` if there is no such type of aggregates; failures of the event store.
    #[cfg(feature = "configuration")]
    pub async fn events_and_state(
        &self,
        stream: &StreamId,
    ) -> Result<(Vec<Arc<CloudEvent>>, Arc<Value>), Box<Failure>> {
        let aggregate = self.aggregates.lock().get(&stream.aggregate).cloned();
        let Some(aggregate) = aggregate else {
            let message = format!("there are no aggregates of the type {:?}", stream.aggregate);
            return Err(Box::new(Failure::new(code::UNKNOWN_EVENT_TYPE, message)));
        };
        let store = EventStoreClient::new(&self.client);
        let loaded = store.load(stream, None, aggregate.revision()).await?;
        let state = restore(&*aggregate, &loaded)?;
        Ok((loaded.events, state))
    }

    async fn decide(
        &self,
        command: &Command,
        head: &Arc<CommandHead>,
    ) -> Result<CommandResult, CommandError> {
        let aggregate = self
            .aggregate_for(&command.kind)
            .map_err(CommandError::Refused)?;
        let stream = StreamId::new(aggregate.name(), Arc::clone(&command.aggregate_id));
        let trace = self.trace_of(&stream, command);
        let digest = command.digest();
        let store = EventStoreClient::new(&self.client);
        let decided_anew = aggregate.decided_anew();
        let decided_anew = decided_anew.unwrap_or_else(|| *self.decided_anew.lock());
        let mut conflicts = Vec::new();
        loop {
            let loaded = store
                .load(&stream, Some(&command.id), aggregate.revision())
                .await
                .map_err(CommandError::Failed)?;
            let timeline = self.client.timeline();
            if let Some(before) = loaded.handled {
                if before.digest.is_some_and(|before| before != digest) {
                    let (stream, command) = (stream.clone(), Arc::clone(&command.id));
                    let reused = EventStoreError::CommandReused { stream, command };
                    return Err(CommandError::Refused(reused.failure()));
                }
                timeline.record(EventKind::CommandRepeated {
                    head: Arc::clone(head),
                    version: before.version,
                });
                return Ok(result(command, before.version, before.events));
            }
            let expected = loaded.version;
            let state = restore(&*aggregate, &loaded).map_err(CommandError::Failed)?;
            let decided = aggregate
                .decide(&state, command)
                .map_err(CommandError::Refused)?;
            let events =
                self.cloud_events(&stream, command, &*aggregate, trace, expected, &decided);
            let named = (&*command.id, &digest);
            let version = match store.append(&stream, named, expected, &events).await {
                Ok(version) => version,
                Err(failure) if *failure.code == *code::IDEMPOTENCY_KEY_REUSED => {
                    return Err(CommandError::Refused(failure));
                }
                Err(mut failure) => {
                    let is_conflict = *failure.code == *code::CONCURRENT_MODIFICATION;
                    let number = u32::try_from(conflicts.len()).unwrap_or(u32::MAX);
                    if is_conflict && number < decided_anew.max_retries {
                        conflicts.push(*failure);
                        let delay = decided_anew.delay(number, self.seed_of(&stream, command));
                        timeline.clock().sleep(delay).await;
                        continue;
                    }
                    let earlier = conflicts.iter().map(|earlier| earlier.executions);
                    failure.executions += earlier.sum::<u32>();
                    failure.causes.splice(0..0, conflicts);
                    return Err(CommandError::Failed(failure));
                }
            };
            timeline.record(EventKind::CommandHandled {
                head: Arc::clone(head),
                version,
                events: kinds(&events),
            });
            if let Some(every) = aggregate.snapshot_every()
                && version / every > expected / every
            {
                self.take_snapshot(&stream, &*aggregate, state, version, &decided)
                    .await;
            }
            return Ok(result(command, version, kinds(&events)));
        }
    }

    /// A failure is only a warning: without the snapshot, later loads take longer.
    async fn take_snapshot(
        &self,
        stream: &StreamId,
        aggregate: &dyn Aggregate,
        mut state: Arc<Value>,
        version: u64,
        events: &[DomainEvent],
    ) {
        let taken = async {
            for event in events {
                aggregate.apply(&mut state, event)?;
            }
            let store = EventStoreClient::new(&self.client);
            let revision = aggregate.revision();
            store.save_snapshot(stream, version, revision, state).await
        };
        if let Err(failure) = taken.await {
            self.client.timeline().record(EventKind::Warning {
                about: stream.to_string().into(),
                message: format!("no snapshot was taken at version {version}: {failure}"),
            });
        }
    }

    fn cloud_events(
        &self,
        stream: &StreamId,
        command: &Command,
        aggregate: &dyn Aggregate,
        trace: TraceContext,
        expected: u64,
        decided: &[DomainEvent],
    ) -> Vec<Arc<CloudEvent>> {
        let source: Arc<str> = stream.source().into();
        let time = Clock::instant(self.client.timeline().now());
        let user = command.metadata.user_id.iter();
        let extensions: Map<_, _> = user
            .map(|user| ("userid".to_owned(), (**user).into()))
            .collect();
        (expected + 1..)
            .zip(decided)
            .map(|(version, event)| {
                let mut extensions = extensions.clone();
                let data_version = aggregate.event_version(&event.kind);
                if data_version > 1 {
                    extensions.insert(DATA_VERSION.to_owned(), data_version.into());
                }
                Arc::new(CloudEvent {
                    id: stream.event_id(version).into(),
                    source: Arc::clone(&source),
                    kind: Arc::clone(&event.kind),
                    subject: Some(Arc::clone(&stream.id)),
                    time,
                    trace,
                    correlation_id: Some(Arc::clone(&stream.id)),
                    causation_id: Some(Arc::clone(&command.id)),
                    sequence: Some(version),
                    extensions,
                    data: Arc::clone(&event.data),
                })
            })
            .collect()
    }

    /// The span of handling a command: in the caller's trace, or in a new one.
    fn trace_of(&self, stream: &StreamId, command: &Command) -> TraceContext {
        TraceContext::of(
            command.metadata.traceparent.as_deref(),
            self.seed_of(stream, command),
            self.client.timeline(),
            || format!("command {} to {stream}", command.id),
        )
    }

    fn seed_of(&self, stream: &StreamId, command: &Command) -> Seed {
        let seed = Seed(self.seed.load(Ordering::Relaxed));
        seed.part(["command", &stream.aggregate, &stream.id, &command.id])
    }
}

fn restore(aggregate: &dyn Aggregate, loaded: &LoadedStream) -> Result<Arc<Value>, Box<Failure>> {
    let mut state = match &loaded.snapshot {
        Some(snapshot) => Arc::clone(&snapshot.state),
        None => aggregate.initial(),
    };
    for event in &loaded.events {
        let today = aggregate.event_version(&event.kind);
        let attribute = event.extensions.get(DATA_VERSION);
        let version = data_version(aggregate.name(), &event.kind, attribute, today)?;
        let mut event = DomainEvent::new(Arc::clone(&event.kind), Arc::clone(&event.data));
        if version < today {
            aggregate.upcast(&mut event, version)?;
        }
        aggregate.apply(&mut state, &event)?;
    }
    Ok(state)
}

fn result(command: &Command, version: u64, events: Vec<Arc<str>>) -> CommandResult {
    CommandResult {
        success: true,
        aggregate_id: Arc::clone(&command.aggregate_id),
        version,
        events,
    }
}

impl fmt::Debug for CommandHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CommandHandler").finish_non_exhaustive()
    }
}
