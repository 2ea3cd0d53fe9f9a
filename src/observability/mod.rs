//! The one timeline that everything is recorded on, in virtual time and without secrets.

mod event;
mod redaction;
mod timeline;

pub use event::{Event, EventHead, EventKind, RefusedBy, ServiceName};
pub use redaction::{REDACTED, looks_secret, redact};
pub use timeline::Timeline;
