use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::Map;

use super::{
    AggregateState, AggregateType, Command, CommandResult, DomainEvent, StreamId,
    aggregates::Aggregates,
    event_store_client::EventStoreClient,
    event_store_messages::{Loaded, kinds},
};
use crate::{
    clock::{Clock, Seed},
    domain::{Failure, Violation, code},
    messaging::{CloudEvent, TraceContext},
    observability::{CommandHead, EventKind},
    services::Client,
};

/// Handles commands: loads the aggregate, lets it decide, and appends what it decides at the version
/// that it was loaded at.
///
/// Where someone else was faster, it begins anew with the load, at most
/// [`MOST_RETRIES`](Self::MOST_RETRIES) times. What was appended waits in the store to be published.
pub struct CommandHandler {
    client: Arc<Client>,
    aggregates: Aggregates,
    seed: AtomicU64,
}

/// Why a command came to nothing.
enum Trouble {
    /// The aggregate decided against it.
    Refused(Box<Failure>),
    /// It could not be decided, or its events not stored.
    Failed(Box<Failure>),
}

impl CommandHandler {
    /// How often a command is decided anew after a conflict.
    pub const MOST_RETRIES: u32 = 3;

    /// A handler of no commands yet, which calls the event store through a client.
    pub fn new(client: Arc<Client>, seed: Seed) -> Self {
        Self {
            client,
            aggregates: Aggregates::default(),
            seed: AtomicU64::new(seed.0),
        }
    }

    /// Draws the ids of traces from this seed from now on.
    pub fn set_seed(&self, seed: Seed) {
        self.seed.store(seed.0, Ordering::Relaxed);
    }

    /// Adds a type of aggregates, in place of another of its name.
    ///
    /// # Errors
    ///
    /// If another type of aggregates has one of its commands.
    pub fn add(&self, aggregate: Arc<dyn AggregateType>) -> Result<(), Violation> {
        self.aggregates.add(aggregate)
    }

    /// The types of the events that aggregates decide; `None` where there is an aggregate of which
    /// that is not known, or none at all.
    pub fn event_types(&self) -> Option<Vec<String>> {
        self.aggregates.event_types()
    }

    /// Handles a command, once: one of the same id that was handled before comes to the same.
    ///
    /// # Errors
    ///
    /// `UNKNOWN_COMMAND_TYPE`, with the nearest type, if no aggregate decides it; what the aggregate
    /// refuses it with; `CONCURRENT_MODIFICATION` if others were faster each time; what the event
    /// store fails with.
    pub async fn handle(&self, command: &Command) -> Result<CommandResult, Box<Failure>> {
        let timeline = self.client.timeline();
        let head = Arc::new(command.head());
        match self.decide(command, &head).await {
            Ok(result) => Ok(result),
            Err(Trouble::Refused(failure)) => {
                timeline.record(EventKind::CommandRefused {
                    head,
                    code: Arc::clone(&failure.code),
                });
                Err(failure)
            }
            Err(Trouble::Failed(failure)) => {
                timeline.record(EventKind::CommandFailed {
                    head,
                    code: Arc::clone(&failure.code),
                });
                Err(failure)
            }
        }
    }

    async fn decide(
        &self,
        command: &Command,
        head: &Arc<CommandHead>,
    ) -> Result<CommandResult, Trouble> {
        let aggregate = self
            .aggregates
            .deciding(&command.kind)
            .map_err(Trouble::Refused)?;
        let stream = StreamId::new(aggregate.name(), Arc::clone(&command.aggregate_id));
        let trace = self.trace_of(&stream, command);
        let store = EventStoreClient::new(&self.client);
        let mut conflicts = Vec::new();
        loop {
            let loaded = store
                .load(&stream, command)
                .await
                .map_err(Trouble::Failed)?;
            let timeline = self.client.timeline();
            if let Some(before) = loaded.handled {
                timeline.record(EventKind::CommandRepeated {
                    head: Arc::clone(head),
                    version: before.version,
                });
                return Ok(result(command, before.version, before.events));
            }
            let expected = loaded.version;
            let mut state = restore(&*aggregate, &loaded).map_err(Trouble::Failed)?;
            let decided = state.decide(command).map_err(Trouble::Refused)?;
            let events = self.cloud_events(&stream, command, trace, expected, &decided);
            let appended = store.append(&stream, command, expected, &events).await;
            let version = match appended {
                Ok(version) => version,
                Err(mut failure) => {
                    let is_conflict = *failure.code == *code::CONCURRENT_MODIFICATION;
                    if is_conflict && conflicts.len() < Self::MOST_RETRIES as usize {
                        conflicts.push(*failure);
                        continue;
                    }
                    let earlier = conflicts.iter().map(|earlier| earlier.executions);
                    failure.executions += earlier.sum::<u32>();
                    failure.causes.splice(0..0, conflicts);
                    return Err(Trouble::Failed(failure));
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
                self.take_snapshot(&stream, &mut *state, version, &decided)
                    .await;
            }
            return Ok(result(command, version, kinds(&events)));
        }
    }

    /// A snapshot that cannot be taken only makes later loads longer.
    async fn take_snapshot(
        &self,
        stream: &StreamId,
        state: &mut dyn AggregateState,
        version: u64,
        events: &[DomainEvent],
    ) {
        let taken = async {
            for event in events {
                state.apply(event)?;
            }
            let store = EventStoreClient::new(&self.client);
            store
                .save_snapshot(stream, version, state.snapshot()?)
                .await
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
                    extensions: extensions.clone(),
                    data: Arc::clone(&event.data),
                })
            })
            .collect()
    }

    /// The span that a command is handled in: of the caller's trace, or of a new one.
    fn trace_of(&self, stream: &StreamId, command: &Command) -> TraceContext {
        let seed = Seed(self.seed.load(Ordering::Relaxed));
        let seed = seed.part(["command", &stream.to_string(), &command.id]);
        TraceContext::of(
            command.metadata.traceparent.as_deref(),
            seed,
            self.client.timeline(),
            || format!("command {} to {stream}", command.id),
        )
    }
}

fn restore(
    aggregate: &dyn AggregateType,
    loaded: &Loaded,
) -> Result<Box<dyn AggregateState>, Box<Failure>> {
    let mut state = match &loaded.snapshot {
        Some(snapshot) => aggregate.restore(&snapshot.state)?,
        None => aggregate.begin(),
    };
    for event in &loaded.events {
        state.apply(&DomainEvent {
            kind: Arc::clone(&event.kind),
            data: Arc::clone(&event.data),
        })?;
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
