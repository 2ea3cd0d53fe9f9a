//! Requests and events between services. Events are delivered at least once and handled once.

mod activity;
mod bus;
mod communication;
mod dead_letter;
mod event;
mod outbox;
mod publisher;
mod relay;
mod request;
mod subscriber;
#[cfg(test)]
mod tests;

pub use activity::{ActivityGuard, MessageActivity};
pub use bus::EventBus;
pub use communication::{
    CommunicationFile, CommunicationPattern, CommunicationPolicies, Exchange, Exchanged,
    ResponseTimes, ScriptedAnswer, Speed, Thresholds, Turn,
};
pub use dead_letter::{DeadLetter, DeadLetters, LetterError, Origin};
pub use event::{
    CloudEvent, EventDocument, EventDraft, EventError, EventId, EventTypes, TraceContext,
    TraceError,
};
#[cfg(all(test, feature = "cqrs"))]
pub(crate) use outbox::conformance as outbox_conformance;
pub use outbox::{
    Listener, MemoryOutbox, OUTBOX_OPERATIONS, Outbox, OutboxError, OutboxService, Publication,
    answer_outbox,
};
pub use publisher::Publisher;
pub use relay::{PublisherCrash, Relay};
pub use request::{
    RequestError, RequestOutcome, RequestReceipt, RequestView, Requests, ResponseBody,
    ResponseEnvelope, ResponseMetadata, ServiceRequest,
};
pub use subscriber::{Filter, Subscription};

use std::time::Duration;

use crate::{
    clock::Seed,
    observability::Timeline,
    resilience::Retry,
    services::{Effects, Faults, Registry},
};

/// How long to wait before the next try after `failures` earlier ones: the delays of the preset
/// `reconnect`, without its end.
fn reconnect_delay(failures: u32) -> Duration {
    Retry::reconnect().delay(failures, Seed::default())
}

/// The services that take events from publishers to subscribers.
pub(crate) struct Mailroom {
    /// The bus, unless another service of that name replaces it.
    pub bus: EventBus,
    /// The outbox, unless another service of that name replaces it.
    pub outbox: OutboxService,
}

impl Mailroom {
    /// A bus, an outbox in memory and a dead letter queue, which join the scenario when first called.
    pub fn new(
        registry: &Registry,
        effects: &Effects,
        faults: &Faults,
        timeline: &Timeline,
    ) -> Self {
        let bus = EventBus::new(timeline.clone(), faults.clone());
        registry.add_on_call(bus.clone());
        let outbox = OutboxService::in_memory(effects.clone());
        registry.add_on_call(outbox.clone());
        registry.add_on_call(DeadLetters::default());
        Self { bus, outbox }
    }
}
