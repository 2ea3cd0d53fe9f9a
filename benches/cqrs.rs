//! The event store in a file: appends per second beside what the disk gives; and how fast a projection
//! is rebuilt.
//!
//! `cargo bench --bench cqrs`; `-- append` and `-- rebuild` run one of them. It fails outside its
//! limits.

use std::{
    path::Path,
    process::ExitCode,
    sync::{Arc, RwLock},
    time::{Duration, Instant},
};

use rehearsal::{
    clock::{Clock, EPOCH, Seed},
    cqrs::{
        EventStore, EventStoreService, MemoryEventStore, ProjectionDefinition, ProjectionStatus,
        Projector, SqliteEventStore, StreamId,
    },
    messaging::{CloudEvent, TraceContext},
    observability::Timeline,
    services::{Client, Effects, Faults, Policies, Registry},
};
use rusqlite::Connection;
use serde_json::{Map, json};

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let folder = tempfile::tempdir().expect("a directory can be made");
    let mut all_within = true;
    for (name, case) in [
        ("append", append as fn(&Path) -> bool),
        ("rebuild", rebuild),
    ] {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            all_within &= case(folder.path());
        }
    }
    if all_within {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Events that were appended, one by one, to many aggregates in turn.
const AGGREGATES: u64 = 100;

/// Appends of one event beside what the disk gives: one-row commits.
///
/// Both in turn, so that what else the machine does touches both.
fn append(folder: &Path) -> bool {
    const ROUNDS: u64 = 25;
    const APPENDS: u64 = 5_000;
    const AT_LEAST: f64 = 0.5;
    let raw = raw_database(&folder.join("raw.db"));
    let store = SqliteEventStore::open(folder.join("events.db")).expect("an event store opens");
    let mut rates = (Vec::new(), Vec::new());
    let mut ratios = Vec::new();
    let rate = |took: Duration| APPENDS as f64 / took.as_secs_f64();
    for round in 0..ROUNDS {
        let events: Vec<_> = (0..APPENDS)
            .map(|number| event(round * APPENDS + number))
            .collect();
        let (disk, appends) = if round % 2 == 0 {
            let disk = commit_rows(&raw, APPENDS);
            (disk, append_all(&store, &events))
        } else {
            let appends = append_all(&store, &events);
            (commit_rows(&raw, APPENDS), appends)
        };
        rates.0.push(rate(disk));
        rates.1.push(rate(appends));
        ratios.push(disk.as_secs_f64() / appends.as_secs_f64());
    }
    let ratio = median(&mut ratios);
    println!(
        "append: {:.0} appends/s, {:.0} raw one-row commits/s, ratio {ratio:.3} (at least {AT_LEAST})",
        median(&mut rates.1),
        median(&mut rates.0),
    );
    ratio >= AT_LEAST
}

fn raw_database(file: &Path) -> Connection {
    let raw = Connection::open(file).expect("a database opens");
    raw.execute_batch(
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
         CREATE TABLE events (position INTEGER PRIMARY KEY, event TEXT NOT NULL) STRICT;",
    )
    .expect("a table can be made");
    raw
}

fn commit_rows(raw: &Connection, rows: u64) -> Duration {
    let event = serde_json::to_string(&*event(0).1).expect("an event is JSON");
    let began = Instant::now();
    for _ in 0..rows {
        raw.prepare_cached("INSERT INTO events (event) VALUES (?)")
            .and_then(|mut insert| insert.execute([&event]))
            .expect("a row is inserted");
    }
    began.elapsed()
}

fn append_all(store: &dyn EventStore, events: &[(StreamId, Arc<CloudEvent>)]) -> Duration {
    let began = Instant::now();
    for (stream, event) in events {
        let expected = event.sequence.unwrap_or_default() - 1;
        let events = std::slice::from_ref(event);
        store
            .append(stream, expected, events)
            .expect("it is stored");
    }
    began.elapsed()
}

/// The event of a number, and the aggregate that it is of.
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

/// From the wish for a rebuild to its end, over a store in memory and over one in a file.
fn rebuild(folder: &Path) -> bool {
    const EVENTS: u64 = 100_000;
    const AT_MOST: Duration = Duration::from_secs(1);
    let file = SqliteEventStore::open(folder.join("rebuild.db")).expect("an event store opens");
    let mut all_within = true;
    for (name, store) in [
        (
            "memory",
            Arc::new(MemoryEventStore::default()) as Arc<dyn EventStore>,
        ),
        ("file", Arc::new(file)),
    ] {
        for number in 0..EVENTS {
            let (stream, event) = event(number);
            let expected = number / AGGREGATES;
            store
                .append(&stream, expected, &[event])
                .expect("it is stored");
        }
        let took = runtime().block_on(rebuild_of(store, EVENTS));
        println!("rebuild: {EVENTS} events in {name} in {took:.1?} (at most {AT_MOST:?})");
        all_within &= took <= AT_MOST;
    }
    all_within
}

async fn rebuild_of(store: Arc<dyn EventStore>, events: u64) -> Duration {
    let timeline = Timeline::new(Clock::start());
    let registry = Registry::default();
    let service = EventStoreService::new(store, Effects::new(timeline.clone()), timeline.clone())
        .expect("the store can be read");
    registry.add(service.clone());
    let policies = Arc::new(RwLock::new(Policies::default()));
    let client = Client::new(
        registry,
        policies,
        Faults::default(),
        timeline.clone(),
        Seed(0),
    );
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

/// A runtime of one thread, its time virtual.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be built")
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
