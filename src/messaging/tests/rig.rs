//! Publisher, outbox, bus, dead letter queue and three handlers, without anything around them.

use std::{
    sync::{Arc, RwLock},
    time::Duration,
};

use serde_json::json;

use crate::{
    clock::{Clock, Seed},
    domain::{CallName, Failure},
    messaging::{DeadLetters, EventBus, EventDraft, OutboxService, Publisher, Relay, Subscription},
    observability::{Event, EventHead, EventKind, Timeline},
    services::{Client, Effects, Faults, MockService, Policies, Registry, Response},
};

/// The services that handle events, by their operation `on`.
pub const HANDLERS: [&str; 3] = ["Audit", "Mail", "Stock"];

pub struct Rig {
    pub timeline: Timeline,
    pub registry: Registry,
    pub faults: Faults,
    pub client: Arc<Client>,
    pub bus: EventBus,
    pub relay: Relay,
    pub publisher: Publisher,
}

impl Rig {
    pub fn new() -> Self {
        let timeline = Timeline::new(Clock::start());
        let (registry, faults) = (Registry::default(), Faults::default());
        let effects = Effects::new(timeline.clone());
        let bus = EventBus::new(timeline.clone(), faults.clone());
        registry.add(bus.clone());
        registry.add(OutboxService::in_memory(effects.clone()));
        registry.add(DeadLetters::default());
        for handler in HANDLERS {
            registry.add(MockService::bare(handler, effects.clone()));
        }
        let policies = Arc::new(RwLock::new(Policies::default()));
        let client = Client::new(
            registry.clone(),
            policies,
            faults.clone(),
            timeline.clone(),
            Seed(0),
        );
        let client = Arc::new(client);
        let relay = Relay::new(
            Arc::clone(&client),
            OutboxService::NAME,
            bus.activity().clone(),
            faults.clone(),
        );
        let types = bus.types().clone();
        let publisher = Publisher::new(Arc::clone(&client), relay.clone(), types, "test", Seed(0));
        Self {
            timeline,
            registry,
            faults,
            client,
            bus,
            relay,
            publisher,
        }
    }

    /// Subscribes every handler to events of the type `Happened`.
    pub fn subscribe_all(&self) {
        for handler in HANDLERS {
            let subscription = Subscription::new("Happened", CallName::new(handler, "on"));
            self.bus.subscribe(subscription, &self.client).unwrap();
        }
    }

    pub async fn publish(&self, subject: Option<&str>) -> Result<(), Box<Failure>> {
        let draft = EventDraft {
            subject: subject.map(Arc::from),
            data: Arc::new(json!({ "total": 1 })),
            ..EventDraft::new("Happened")
        };
        self.publisher.publish(draft).await.map(|_| ())
    }

    pub fn fails(&self, handler: &str, times: u32, code: &str) {
        let fault = self.faults.declare("fails", "test");
        let fails = self.registry.script(handler, |script, _| {
            script.times("on", times, Response::Error(code.into()), fault);
        });
        fails.unwrap();
    }

    pub fn goes_down(&self, service: &str, until: Duration) {
        let fault = self.faults.declare("is down", "test");
        let down = self
            .registry
            .script(service, |script, _| script.goes_down(Some(until), fault));
        down.unwrap();
    }

    /// The heads of events that `pick` picks from the timeline.
    pub fn heads(
        &self,
        pick: impl Fn(&EventKind) -> Option<&Arc<EventHead>>,
    ) -> Vec<Arc<EventHead>> {
        self.timeline.read(|events: &[Event]| {
            let heads = events.iter().filter_map(|event| pick(&event.kind));
            heads.cloned().collect()
        })
    }

    pub fn stored(&self) -> Vec<Arc<EventHead>> {
        self.heads(|kind| match kind {
            EventKind::EventStored { head } => Some(head),
            _ => None,
        })
    }

    pub fn published(&self) -> Vec<Arc<EventHead>> {
        self.heads(|kind| match kind {
            EventKind::EventPublished { head } => Some(head),
            _ => None,
        })
    }
}
