//! Requests and events: what services say to each other, and how none of it is lost or taken twice.

mod activity;
mod attributes;
mod bus;
mod bus_faults;
mod communication;
mod dead_letter;
mod delivery;
mod document;
mod draft;
mod event;
mod event_types;
mod handling;
mod inbox;
mod memory_outbox;
mod outbox;
#[cfg(test)]
pub(crate) mod outbox_conformance;
mod outbox_service;
mod publisher;
mod reconnecting;
mod relay;
mod request;
mod subscriber;
mod subscription;
#[cfg(test)]
mod tests;
mod topics;
mod trace;

pub use activity::{Activity, Counted};
pub use attributes::EventError;
pub use bus::EventBus;
pub use communication::{
    CommunicationFile, CommunicationPattern, CommunicationPolicies, Exchange, Exchanged,
    ExpectedError, ExpectedWait, ResponseTimes, ScriptedAnswer, Speed, Thresholds, TimeoutText,
    Turn,
};
pub use dead_letter::{DeadLetter, DeadLetters, LetterError, Origin};
pub use document::EventDocument;
pub use draft::EventDraft;
pub use event::{CloudEvent, EventId};
pub use event_types::EventTypes;
pub use memory_outbox::MemoryOutbox;
pub use outbox::{Outbox, OutboxError, Publication};
pub use outbox_service::{OUTBOX_OPERATIONS, OutboxService, answer_outbox};
pub use publisher::Publisher;
pub use relay::{PublisherCrash, Relay};
pub use request::{
    Request, RequestError, RequestOutcome, RequestReceipt, RequestView, Requests, Response,
    ResponseBody, ResponseMetadata,
};
pub use subscription::{Filter, Subscription};
pub use trace::{TraceContext, TraceError};
