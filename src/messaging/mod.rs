//! Requests and events: what services say to each other, and how none of it is lost or taken twice.

mod activity;
mod bus;
mod communication;
mod dead_letter;
mod delivery;
mod event;
mod mailroom;
mod outbox;
mod publisher;
mod reconnecting;
mod relay;
mod request;
mod subscriber;
#[cfg(test)]
mod tests;

pub use activity::{Activity, Counted};
pub use bus::EventBus;
pub use communication::{
    CommunicationFile, CommunicationPattern, CommunicationPolicies, Exchange, Exchanged,
    ExpectedError, ExpectedWait, ResponseTimes, ScriptedAnswer, Speed, Thresholds, TimeoutText,
    Turn,
};
pub use dead_letter::{DeadLetter, DeadLetters, LetterError, Origin};
pub use event::{
    CloudEvent, EventDocument, EventDraft, EventError, EventId, EventTypes, TraceContext,
    TraceError,
};
pub(crate) use mailroom::Mailroom;
#[cfg(all(test, feature = "cqrs"))]
pub(crate) use outbox::conformance as outbox_conformance;
pub use outbox::{
    Listener, MemoryOutbox, OUTBOX_OPERATIONS, Outbox, OutboxError, OutboxService, Publication,
    answer_outbox,
};
pub use publisher::Publisher;
pub use relay::{PublisherCrash, Relay};
pub use request::{
    Request, RequestError, RequestOutcome, RequestReceipt, RequestView, Requests, Response,
    ResponseBody, ResponseMetadata,
};
pub use subscriber::{Filter, Subscription};
