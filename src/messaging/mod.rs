//! Requests and events between services. Events are delivered at least once and handled once.

mod activity;
mod bus;
mod communication;
mod dead_letter;
mod event;
mod letter_queue;
mod outbox;
mod publisher;
mod redrive;
mod relay;
mod request;
mod subscriber;
#[cfg(test)]
mod tests;

pub(crate) use activity::{ActivityGuard, MessageActivity};
#[doc(hidden)]
pub use bus::EventBus;
pub(crate) use communication::{
    CommunicationFile, CommunicationPattern, CommunicationThresholds, CompletedExchange,
    ResponseTimes,
};
pub(crate) use dead_letter::DeadLetter;
#[doc(hidden)]
pub use dead_letter::DeadLetters;
use dead_letter::letter_id;
#[doc(hidden)]
pub use event::EventDraft;
pub use event::{CloudEvent, TraceContext};
pub(crate) use event::{EventDocument, EventId, EventTypes};
use letter_queue::LetterQueue;
pub(crate) use outbox::Listener;
#[doc(hidden)]
pub use outbox::OutboxService;
#[cfg(all(test, feature = "cqrs"))]
pub(crate) use outbox::tests as outbox_tests;
#[cfg(feature = "cqrs")]
pub(crate) use outbox::{
    MemoryOutbox, OUTBOX_OPERATIONS, Outbox, OutboxError, Publication, PublicationStatus,
    RedrivenEvent, answer_outbox,
};
#[doc(hidden)]
pub use publisher::Publisher;
pub(crate) use redrive::redrive;
pub(crate) use relay::PublisherCrash;
#[doc(hidden)]
pub use relay::Relay;
pub(crate) use request::{
    RequestReceipt, RequestView, Requests, ResponseBody, ResponseEnvelope, ServiceRequest,
};
#[doc(hidden)]
pub use subscriber::Subscription;
pub(crate) use subscriber::{EventFilter, InboxLoss, OnDeadLetter};

use std::time::Duration;

use crate::{
    clock::Seed,
    observability::Timeline,
    resilience::Retry,
    services::{Effects, Faults, Registry},
};

/// The delay before the next retry, after `failures` failures: that of the preset `reconnect`, which
/// never gives up here.
fn reconnect_delay(failures: u32) -> Duration {
    Retry::reconnect().delay(failures, Seed::default())
}

/// The services that carry events from publishers to subscribers.
pub(crate) struct MessagingServices {
    /// The bus, unless another service of that name replaces it.
    pub bus: EventBus,
    /// The outbox, unless another service of that name replaces it.
    pub outbox: OutboxService,
}

impl MessagingServices {
    /// A bus, an outbox in memory and a dead letter queue, each added to the registry on its first call.
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
