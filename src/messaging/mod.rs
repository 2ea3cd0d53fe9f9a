//! Requests and events: what services say to each other, and how none of it is lost or taken twice.

mod communication;
mod event;
mod outbox;
mod request;
mod trace;

pub use communication::{
    CommunicationFile, CommunicationPattern, CommunicationPolicies, Exchange, Exchanged,
    ExpectedError, ExpectedWait, ResponseTimes, ScriptedAnswer, Speed, Thresholds, Turn,
};
pub use event::{CloudEvent, EventError, EventId};
pub use outbox::{Outbox, OutboxError, Publication};
pub use request::{
    Request, RequestError, RequestOutcome, RequestReceipt, RequestView, Requests, Response,
    ResponseBody, ResponseMetadata,
};
pub use trace::{TraceContext, TraceError};
