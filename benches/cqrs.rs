//! The event store in a file: appends per second beside raw commits; and how fast a projection is
//! rebuilt.
//!
//! `cargo bench --bench cqrs`; `-- append` and `-- rebuild` run one of them. It fails outside its
//! limits.

#[path = "scene/disk.rs"]
mod disk;
#[path = "scene/median.rs"]
mod median;
#[path = "scene/runtime.rs"]
mod runtime;

use std::{
    hint::black_box,
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use rehearsal::{
    clock::{Clock, EPOCH, Seed},
    cqrs::{
        EventStore, EventStoreService, ProjectionDefinition, ProjectionStatus, Projector, StreamId,
    },
    messaging::{CloudEvent, TraceContext},
    observability::Timeline,
    services::{Client, Effects, Faults, Registry},
};
use serde_json::{Map, json};

use self::{disk::Beside, runtime::runtime};

fn main() -> ExitCode {
    disk::run(&[("append", append), ("rebuild", rebuild)])
}

/// Events that were appended, one by one, to many aggregates in turn.
const AGGREGATES: u64 = 100;

/// Appends of one event.
fn append(folder: &Path) -> bool {
    const APPENDS: u64 = 5_000;
    let store = EventStore::open(folder.join("events.db")).expect("an event store opens");
    let row = serde_json::to_string(&*event(0).1).expect("an event is JSON");
    let beside = Beside {
        name: "append",
        things: "appends",
        count: APPENDS,
        row: &row,
    };
    beside.measure(folder, |round| {
        let events: Vec<_> = (round * APPENDS..(round + 1) * APPENDS)
            .map(event)
            .collect();
        append_all(&store, &events)
    })
}

fn append_all(store: &EventStore, events: &[(StreamId, Arc<CloudEvent>)]) -> Duration {
    let began = Instant::now();
    for (stream, event) in events {
        let expected = event.sequence.unwrap_or_default() - 1;
        let events = std::slice::from_ref(event);
        store
            .append(stream, expected, events, None)
            .expect("it is stored");
    }
    began.elapsed()
}

/// The event with a number, and its aggregate.
fn event(number: u64) -> (StreamId, Arc<CloudEvent>) {
    let stream = StreamId::new("Account", format!("account-{}", number % AGGREGATES));
    let version = number / AGGREGATES + 1;
    let event = CloudEvent {
        id: stream.event_id(version).into(),
        source: stream.source().into(),
        kind: "Deposited".into(),
        subject: Some(Arc::clone(&stream.id)),
        time: EPOCH,
        trace: TraceContext::new(Seed(number)),
        correlation_id: Some(Arc::clone(&stream.id)),
        causation_id: Some(format!("command-{number}").into()),
        sequence: Some(version),
        extensions: Map::new(),
        data: Arc::new(json!({"amount": 5})),
    };
    (stream, Arc::new(event))
}

/// A whole rebuild, over a store in memory and over one in a file.
fn rebuild(folder: &Path) -> bool {
    const EVENTS: u64 = 100_000;
    const AT_MOST: f64 = 6.0;
    let file = EventStore::open(folder.join("rebuild.db")).expect("an event store opens");
    let mut all_within = true;
    for (name, store) in [("memory", EventStore::default()), ("file", file)] {
        let events: Vec<_> = (0..EVENTS).map(event).collect();
        let plain = write_and_read(&events);
        for (number, (stream, event)) in (0..).zip(events) {
            let expected = number / AGGREGATES;
            store
                .append(&stream, expected, &[event], None)
                .expect("it is stored");
        }
        let took = runtime().block_on(rebuild_projection(store, EVENTS));
        let ratio = took.as_secs_f64() / plain.as_secs_f64();
        println!(
            "rebuild: {EVENTS} events in {name} in {took:.1?}, {ratio:.2} times what it takes to write and read their JSON (at most {AT_MOST})"
        );
        all_within &= ratio <= AT_MOST;
    }
    all_within
}

/// How long it takes to write all events as JSON and read them back.
fn write_and_read(events: &[(StreamId, Arc<CloudEvent>)]) -> Duration {
    let began = Instant::now();
    for (_, event) in events {
        let json = serde_json::to_string(&**event).expect("an event is JSON");
        let read: CloudEvent = serde_json::from_str(&json).expect("JSON is an event");
        black_box(read);
    }
    began.elapsed()
}

async fn rebuild_projection(store: EventStore, events: u64) -> Duration {
    let timeline = Timeline::new(Clock::start());
    let registry = Registry::default();
    let effects = Effects::new(timeline.clone());
    let service = EventStoreService::new(Arc::new(store), effects, timeline.clone());
    registry.add(service.clone());
    let client = Client::new(registry, Faults::default(), timeline.clone());
    let projector = Projector::new(Arc::new(client), &service);
    let balances: ProjectionDefinition = serde_json::from_value(json!({
        "name": "Balances",
        "handles": { "Deposited": { "changes": [{ "add": "/balance", "by": "${/event/data/amount}" }] } },
    }))
    .expect("the definition is well-formed");
    projector
        .define(&balances)
        .expect("the definition is sound");
    projector.caught_up().await;
    drop(timeline.take());

    let began = Instant::now();
    projector.rebuild("Balances").expect("it is there");
    projector.caught_up().await;
    let took = began.elapsed();
    assert_eq!(projector.status("Balances"), Ok(ProjectionStatus::Running));
    assert_eq!(projector.checkpoint("Balances"), Ok(events));
    let balance = projector
        .document("Balances", "account-0")
        .expect("it is kept");
    assert_eq!(
        balance.as_deref(),
        Some(&json!({"balance": 5 * events / AGGREGATES}))
    );
    took
}
