//! The events and requests of a scenario.

mod communication;
mod requests;

use std::{sync::Arc, time::Duration};

pub use self::requests::SentRequests;
pub use super::fixtures::communication::LoadedPattern;
use super::{Cast, World};
use crate::{
    clock::{Clock, Seed},
    domain::{CallName, Failure, format_duration},
    messaging::{
        CloudEvent, EventBus, EventDraft, OutboxService, Publisher, PublisherCrash, Relay,
        Subscription, redrive,
    },
    orchestration::Inbox,
    services::{Client, Faults},
};

/// The default source of events.
const SOURCE: &str = "scenario";

/// Longer than any outage that a scenario waits for.
const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The events of a scenario: its publisher and its subscriptions.
pub struct Messages {
    client: Arc<Client>,
    faults: Faults,
    bus: EventBus,
    relay: Relay,
    /// Of all outboxes.
    relays: Vec<Relay>,
    publisher: Publisher,
    max_redrives: Option<u32>,
}

impl Messages {
    /// A publisher with its own outbox, and a bus without subscriptions.
    pub fn new(cast: &Cast, seed: Seed) -> Self {
        let (client, bus, faults) = (cast.client(), cast.bus().clone(), cast.faults().clone());
        let relay = relay(OutboxService::NAME, &client, &bus, &faults);
        relay.listen(cast.outbox().listener());
        let types = bus.types().clone();
        let publisher = Publisher::new(Arc::clone(&client), relay.clone(), types, SOURCE, seed);
        Self {
            client,
            faults,
            bus,
            relays: vec![relay.clone()],
            relay,
            publisher,
            max_redrives: None,
        }
    }

    /// The bus.
    pub fn bus(&self) -> &EventBus {
        &self.bus
    }

    /// A relay for the outbox of another service.
    pub fn relay_of(&mut self, outbox: &str) -> Relay {
        let relay = relay(outbox, &self.client, &self.bus, &self.faults);
        self.relays.push(relay.clone());
        relay
    }

    /// Sets the source of events that have none.
    pub fn set_source(&mut self, source: &str) {
        self.publisher.set_source(source);
    }

    /// Stores an event, which is published in the background.
    ///
    /// # Errors
    ///
    /// As for [`Publisher::publish`].
    pub async fn send(&self, draft: EventDraft) -> Result<Arc<CloudEvent>, Box<Failure>> {
        self.publisher.publish(draft).await
    }

    /// Waits until no event is on its way and no handler runs, except for events that wait for the end
    /// of an outage or a pause.
    pub async fn idle(&self) {
        self.bus.activity().idle().await;
    }

    /// Waits until every stored event is handled or dead-lettered.
    ///
    /// # Errors
    ///
    /// If that takes longer than a day.
    pub async fn drained(&self) -> Result<(), String> {
        let drained = tokio::time::timeout(MAX_WAIT, self.bus.activity().drained());
        drained.await.map_err(|_| {
            format!(
                "not every event is handled within {}: the bus, the outbox, the dead letter queue or the publisher is down, a subscription is paused, or a dead letter holds its subject",
                format_duration(MAX_WAIT)
            )
        })
    }

    /// Begins a subscription, or adds event types to an existing one.
    ///
    /// # Errors
    ///
    /// As for [`EventBus::subscribe`].
    pub fn subscribe(&self, subscription: Subscription) -> Result<(), Box<Failure>> {
        self.bus.subscribe(subscription, &self.client)
    }

    /// Crashes the publisher's process the next time it reaches a point.
    pub fn crash(&self, point: PublisherCrash, at: impl Into<Arc<str>>) {
        self.relay.crash(point, at);
    }

    /// Starts a new process of the publisher, which continues with what is stored.
    ///
    /// # Errors
    ///
    /// If it has not crashed.
    pub fn restart(&self) -> Result<(), String> {
        if self.relay.restart() {
            return Ok(());
        }
        Err("the publisher has not crashed".to_owned())
    }

    /// Delivers or publishes every dead letter again, and returns how many there are.
    ///
    /// # Errors
    ///
    /// Those of the dead letter queue.
    pub async fn redrive(&self) -> Result<usize, Box<Failure>> {
        redrive(&self.client, &self.bus, &self.relays, self.max_redrives).await
    }

    /// Sets how often a dead letter is redriven, unless its subscription says it.
    pub fn limit_redrives(&mut self, times: u32) {
        self.max_redrives = Some(times);
    }

    /// The id of a handler's subscription.
    pub fn subscription_of(handler: &CallName) -> &str {
        handler.as_str()
    }
}

impl Cast {
    /// The bus, unless another service of that name replaces it.
    pub fn bus(&self) -> &EventBus {
        &self.messaging.bus
    }

    /// The outbox, unless another service of that name replaces it.
    pub fn outbox(&self) -> &OutboxService {
        &self.messaging.outbox
    }
}

impl World {
    /// The events of the scenario.
    pub fn messages(&mut self) -> &mut Messages {
        let messages = match self.parts.take() {
            Some(messages) => messages,
            None => {
                let seed = self.scenario().seed;
                Box::new(Messages::new(self.cast(), seed))
            }
        };
        self.parts.put(messages)
    }

    /// The requests of the scenario.
    pub fn requests(&mut self) -> &mut SentRequests {
        let requests = match self.parts.take() {
            Some(requests) => requests,
            None => Box::new(SentRequests::new(self.cast().client())),
        };
        self.parts.put(requests)
    }
}

/// Has an inbox receive the events that are published on a bus.
pub(super) fn fill(inbox: &Inbox, bus: &EventBus, clock: Clock) {
    let inbox = inbox.clone();
    bus.listen(move |document| {
        let data = || document.json().get("data").cloned().unwrap_or_default();
        inbox.receive(document.head(), data, clock.now());
    });
}

fn relay(outbox: &str, client: &Arc<Client>, bus: &EventBus, faults: &Faults) -> Relay {
    let activity = bus.activity().clone();
    Relay::new(Arc::clone(client), outbox, activity, faults.clone())
}
