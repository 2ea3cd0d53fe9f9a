//! A publisher, outbox, bus, dead letter queue and three handlers, without a scenario.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::{
    clock::{Clock, Seed},
    domain::{Call, CallName, Failure, code},
    messaging::{
        DeadLetters, EventBus, EventDocument, EventDraft, OnDeadLetter, OutboxService, Publisher,
        Relay, Subscription, redrive,
    },
    observability::{Event, EventHead, EventKind, Timeline},
    services::{CallResult, Client, Effects, Faults, MockService, Registry, Response, Service},
};

/// A bus that refuses events whose data is `poison`, while it is set.
struct PickyBus {
    bus: EventBus,
    refuses: Arc<AtomicBool>,
}

#[async_trait]
impl Service for PickyBus {
    fn name(&self) -> &str {
        EventBus::NAME
    }

    async fn call(&self, call: &Call) -> CallResult {
        if call.input["data"] == "poison" && self.refuses.load(Ordering::Relaxed) {
            return Err(Box::new(Failure::new(code::VALIDATION_FAILED, "poison")));
        }
        self.bus.call(call).await
    }
}

/// The services that handle events, by their operation `on`.
pub const HANDLERS: [&str; 3] = ["Audit", "Mail", "Stock"];

/// The id of a handler's subscription, by the handler's index.
pub fn subscription(handler: usize) -> String {
    format!("{}.on", HANDLERS[handler])
}

pub struct Rig {
    pub timeline: Timeline,
    pub registry: Registry,
    pub faults: Faults,
    pub client: Arc<Client>,
    pub bus: EventBus,
    pub outbox: OutboxService,
    pub relay: Relay,
    pub publisher: Publisher,
    pub refuses_poison: Arc<AtomicBool>,
}

impl Rig {
    pub fn new() -> Self {
        let timeline = Timeline::new(Clock::start());
        let (registry, faults) = (Registry::default(), Faults::default());
        let effects = Effects::new(timeline.clone());
        let bus = EventBus::new(timeline.clone(), faults.clone());
        let refuses_poison = Arc::new(AtomicBool::new(true));
        registry.add(PickyBus {
            bus: bus.clone(),
            refuses: Arc::clone(&refuses_poison),
        });
        let outbox = OutboxService::in_memory(effects.clone());
        registry.add(outbox.clone());
        registry.add(DeadLetters::default());
        for handler in HANDLERS {
            registry.add(MockService::bare(handler, effects.clone()));
        }
        let client = Client::new(registry.clone(), faults.clone(), timeline.clone());
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
            outbox,
            relay,
            publisher,
            refuses_poison,
        }
    }

    /// Lets the relay listen to the outbox.
    pub fn listen(&self) {
        self.relay.listen(self.outbox.listener());
    }

    /// Subscribes every handler to events of the type `Happened`.
    pub fn subscribe_all(&self) {
        self.subscribe_holding([false; 3]);
    }

    /// The same, with the handlers whose dead letters hold their subjects.
    pub fn subscribe_holding(&self, holding: [bool; 3]) {
        for (handler, holds) in HANDLERS.into_iter().zip(holding) {
            let mut subscription = Subscription::new("Happened", CallName::new(handler, "on"));
            subscription.on_dead_letter = holds.then_some(OnDeadLetter::HoldSubject);
            self.bus.subscribe(subscription, &self.client).unwrap();
        }
    }

    pub async fn publish(&self, subject: Option<&str>) -> Result<(), Box<Failure>> {
        self.publish_data(subject, json!({ "total": 1 })).await
    }

    pub async fn publish_data(
        &self,
        subject: Option<&str>,
        data: Value,
    ) -> Result<(), Box<Failure>> {
        let draft = EventDraft {
            subject: subject.map(Arc::from),
            data: Arc::new(data),
            ..EventDraft::new("Happened")
        };
        self.publisher.publish(draft).await.map(|_| ())
    }

    /// Redrives all dead letters.
    pub async fn redrive(&self) -> Result<usize, Box<Failure>> {
        let relays = std::slice::from_ref(&self.relay);
        redrive(&self.client, &self.bus, relays, None).await
    }

    pub fn fail(&self, handler: &str, times: u32, code: &str) {
        self.answer(handler, "on", times, Response::Error(code.into()));
    }

    /// Makes the outbox store the next event this long after its call timed out.
    pub fn store_late(&self, after: Duration) {
        self.answer(OutboxService::NAME, "store", 1, Response::Late(after));
    }

    fn answer(&self, service: &str, operation: &str, times: u32, response: Response) {
        let fault = self.faults.declare("scripted answer", "test");
        let answered = self.registry.script(service, |script, _| {
            script.times(operation, times, response, fault);
        });
        answered.unwrap();
    }

    pub fn take_down(&self, service: &str, until: Duration) {
        let fault = self.faults.declare("is down", "test");
        let down = self
            .registry
            .script(service, |script, _| script.take_down(Some(until), fault));
        down.unwrap();
    }

    /// The heads of events on the timeline that `pick` selects.
    pub fn heads(
        &self,
        pick: impl Fn(&EventKind) -> Option<&Arc<EventHead>>,
    ) -> Vec<Arc<EventHead>> {
        self.timeline.read(|events: &[Event]| {
            let heads = events.iter().filter_map(|event| pick(&event.kind));
            heads.cloned().collect()
        })
    }

    /// The events reported as stored.
    pub fn reported_stored(&self) -> Vec<Arc<EventHead>> {
        self.heads(|kind| match kind {
            EventKind::EventStored { head } => Some(head),
            _ => None,
        })
    }

    /// The events that the outbox has stored, even if the call timed out.
    pub fn stored(&self) -> Vec<Arc<EventHead>> {
        let store = CallName::new(OutboxService::NAME, "store");
        self.timeline.read(|events: &[Event]| {
            // Each publication is one call, whose key counts them.
            let mut sent = IndexMap::new();
            let mut stored = Vec::new();
            for event in events {
                match &event.kind {
                    EventKind::CallStarted {
                        head,
                        input,
                        number,
                        ..
                    } if head.name == store => {
                        let document = EventDocument::read(Arc::clone(input)).unwrap();
                        sent.entry(*number).or_insert(document);
                    }
                    EventKind::Effect { call, key } if *call == store => {
                        let (_, number) = key.subject().text.rsplit_once('/').unwrap();
                        let (_, document) = sent
                            .get_index(number.parse::<usize>().unwrap() - 1)
                            .unwrap();
                        stored.push(Arc::clone(document.head()));
                    }
                    _ => {}
                }
            }
            stored
        })
    }

    pub fn published(&self) -> Vec<Arc<EventHead>> {
        self.heads(|kind| match kind {
            EventKind::EventPublished { head } => Some(head),
            _ => None,
        })
    }
}
