//! The one timeline that records everything, in virtual time and without secrets.

mod control_event;
mod event;
mod event_fields;
mod event_kind;
mod expectation;
mod heads;
mod redaction;
mod timeline;

#[cfg(feature = "control")]
pub(crate) use control_event::Decision;
pub(crate) use control_event::{BudgetUse, ControlEvent};
pub use event::Event;
pub(crate) use event_fields::EVENT_FIELDS;
pub use event_kind::EventKind;
pub(crate) use expectation::{unexpected_duration, unexpected_reply};
pub(crate) use heads::{
    CommandHead, CompensationHead, EventHead, HandlerRuns, LetterOwner, RefusedBy, RequestHead,
    Retried, ServiceName, StepHead, WaitHead,
};
pub(crate) use redaction::{REDACTED, looks_secret, redact};
pub use timeline::Timeline;
