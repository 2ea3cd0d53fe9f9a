//! Events per second on one core: publisher, outbox, relay, bus and three subscriptions in memory,
//! with the full timeline.
//!
//! `cargo bench --bench messaging`. It fails outside its limit.

#[path = "scene/apart.rs"]
mod apart;
#[path = "scene/median.rs"]
mod median;
#[path = "scene/runtime.rs"]
mod runtime;

use std::{
    hint::black_box,
    process::ExitCode,
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use rehearsal::{
    clock::{Clock, EPOCH, Seed},
    domain::{Call, CallName, Reply},
    messaging::{
        CloudEvent, DeadLetters, EventBus, EventDraft, OutboxService, Publisher, Relay,
        Subscription, TraceContext,
    },
    observability::{EventKind, Timeline},
    services::{CallResult, Client, Effects, Faults, Registry, Service},
};
use serde_json::{Map, Value, json};

use self::median::median;

/// Events of one measurement, published one by one.
const EVENTS: usize = 100_000;
/// Events published in a row, before other tasks run.
const BURST: usize = 100;
/// Subjects of the events, in turn.
const SUBJECTS: usize = 1_000;
/// Number of measurements.
const ROUNDS: usize = 5;
/// A publication may take this many times as long as writing the JSON of its event and reading it for
/// each handler: about 50,000 events a second on the machine of `benches/README.md`.
const MAX_RATIO: f64 = 3.2;
/// The services that handle each event.
const HANDLERS: [&str; 3] = ["Audit", "Mail", "Stock"];

fn main() -> ExitCode {
    match apart::case().as_deref() {
        Some("json") => apart::end(write_and_read()),
        Some(_) => measure(),
        None => {}
    }
    // In turn, so that what else the machine does touches both.
    let rounds = [(); ROUNDS].map(|()| {
        let plain = apart::measured("json");
        let took = apart::measured("events");
        (took, took.as_secs_f64() / plain.as_secs_f64())
    });
    let took = rounds.map(|(took, _)| took);
    let ratio = median(rounds.map(|(_, ratio)| ratio), f64::total_cmp);
    let rate = EVENTS as f64 / median(took, Ord::cmp).as_secs_f64();
    println!(
        "{rate:.0} events/s through publisher, bus and {} subscribers: {ratio:.2} times what it takes to write their JSON and read it for each (at most {MAX_RATIO}); {EVENTS} took {took:.2?}",
        HANDLERS.len()
    );
    ExitCode::from(u8::from(ratio > MAX_RATIO))
}

/// How long it takes to write as many events as JSON, and to read and keep them for each handler.
///
/// They are kept because the publications are: how fast a machine finds memory varies more than how
/// fast it computes.
fn write_and_read() -> Duration {
    let began = Instant::now();
    let mut kept: Vec<(String, Vec<CloudEvent>)> = Vec::new();
    for number in 0..EVENTS {
        let event = CloudEvent {
            id: format!("event-{number}").into(),
            source: "shop".into(),
            kind: "OrderPlaced".into(),
            subject: Some(format!("order-{}", number % SUBJECTS).into()),
            time: EPOCH,
            trace: TraceContext::new(Seed(0)),
            correlation_id: None,
            causation_id: None,
            sequence: None,
            extensions: Map::new(),
            data: Arc::new(json!({"total": 12.5, "items": 3})),
        };
        let json = serde_json::to_string(&event).expect("an event is JSON");
        let read = |_| serde_json::from_str(&json).expect("JSON is an event");
        let read = HANDLERS.iter().map(read).collect();
        kept.push((json, read));
    }
    let took = began.elapsed();
    black_box(&kept);
    // It is not given back: that is not measured.
    std::mem::forget(kept);
    took
}

fn measure() -> ! {
    runtime::runtime().block_on(async {
        let timeline = Timeline::new(Clock::start());
        let (publisher, bus) = publisher_and_bus(&timeline);
        let kind: Arc<str> = "OrderPlaced".into();
        let data = Arc::new(json!({"total": 12.5, "items": 3}));
        let subjects: Vec<Arc<str>> = (0..SUBJECTS).map(|n| format!("order-{n}").into()).collect();
        let began = Instant::now();
        for number in 0..EVENTS {
            let draft = EventDraft {
                kind: Arc::clone(&kind),
                subject: Some(Arc::clone(&subjects[number % SUBJECTS])),
                data: Arc::clone(&data),
                ..EventDraft::default()
            };
            publisher.publish(draft).await.expect("the event is stored");
            if number % BURST == BURST - 1 {
                tokio::task::yield_now().await;
            }
        }
        bus.activity().idle().await;
        let took = began.elapsed();
        let handled = timeline.read(|events| {
            let handled = |kind: &EventKind| matches!(kind, EventKind::EventHandled { .. });
            events.iter().filter(|event| handled(&event.kind)).count()
        });
        assert_eq!(handled, EVENTS * HANDLERS.len());
        apart::end(took)
    })
}

fn publisher_and_bus(timeline: &Timeline) -> (Publisher, EventBus) {
    let (registry, faults) = (Registry::default(), Faults::default());
    let effects = Effects::new(timeline.clone());
    let bus = EventBus::new(timeline.clone(), faults.clone());
    registry.add(bus.clone());
    let outbox = OutboxService::in_memory(effects.clone());
    registry.add(outbox.clone());
    registry.add(DeadLetters::default());
    for handler in HANDLERS {
        registry.add(Handler(handler));
    }
    let client = Arc::new(Client::new(registry, faults.clone(), timeline.clone()));
    for handler in HANDLERS {
        let subscription = Subscription::new("OrderPlaced", CallName::new(handler, "on"));
        let subscribed = bus.subscribe(subscription, &client);
        subscribed.expect("the handler can subscribe");
    }
    let activity = bus.activity().clone();
    let relay = Relay::new(Arc::clone(&client), OutboxService::NAME, activity, faults);
    relay.listen(outbox.listener());
    let types = bus.types().clone();
    let publisher = Publisher::new(client, relay, types, "shop", Seed(0));
    (publisher, bus)
}

/// Accepts every event and does nothing: only delivery is measured.
struct Handler(&'static str);

#[async_trait::async_trait]
impl Service for Handler {
    fn name(&self) -> &str {
        self.0
    }

    async fn call(&self, _: &Call) -> CallResult {
        Ok(Reply::new(Arc::clone(&NOTHING)))
    }
}

static NOTHING: LazyLock<Arc<Value>> = LazyLock::new(|| Arc::new(json!({})));
