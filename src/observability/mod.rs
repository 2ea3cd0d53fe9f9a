//! The one timeline that everything is recorded on, in virtual time and without secrets.

mod event;
mod event_kind;
mod expectation;
mod heads;
mod redaction;
mod timeline;

pub use event::{Event, RefusedBy, ServiceName};
pub use event_kind::EventKind;
pub use expectation::{unexpected_duration, unexpected_reply};
pub use heads::{Attempts, CommandHead, CompensationHead, EventHead, RequestHead};
pub use redaction::{REDACTED, looks_secret, redact};
pub use timeline::Timeline;
