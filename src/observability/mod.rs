//! The one timeline that everything is recorded on, in virtual time and without secrets.

mod event;
mod expectation;
mod redaction;
mod timeline;

pub use event::{Event, EventHead, EventKind, RefusedBy, ServiceName};
pub use expectation::{unexpected_duration, unexpected_reply};
pub use redaction::{REDACTED, looks_secret, redact};
pub use timeline::Timeline;
