//! The one timeline that records everything, in virtual time and without secrets.

mod event;
mod event_kind;
mod expectation;
mod heads;
mod redaction;
mod timeline;

pub use event::Event;
pub use event_kind::EventKind;
pub use expectation::{unexpected_duration, unexpected_reply};
pub use heads::{
    CommandHead, CompensationHead, EventHead, HandlerRuns, RefusedBy, RequestHead, ServiceName,
};
pub use redaction::{REDACTED, looks_secret, redact};
pub use timeline::Timeline;
