//! The one timeline that records everything, in virtual time and without secrets; the audit trail and the
//! golden signals, which are made of its events.

mod audit;
mod consistency_event;
mod control_event;
mod event;
mod event_fields;
mod event_kind;
mod expectation;
mod golden_signals;
mod heads;
mod redaction;
mod spans;
mod task_event;
mod timeline;

pub use audit::{
    AuditEntry, AuditError, AuditStore, AuditTrail, AuditType, JsonLinesAudit, SqliteAudit,
};
pub(crate) use consistency_event::ConsistencyEvent;
#[cfg(feature = "configuration")]
pub(crate) use consistency_event::{Conflict, ConflictType, Finding, FindingKind, OperationValue};
pub(crate) use control_event::{ALL_CALLS, BudgetUse, ControlEvent, Decision, short_goal};
pub use event::Event;
pub(crate) use event_fields::EVENT_FIELDS;
pub use event_kind::EventKind;
pub(crate) use expectation::{unexpected_duration, unexpected_reply};
pub use golden_signals::{CallSignals, GoldenSignals, Percentiles};
pub(crate) use heads::{
    CommandHead, CompensationHead, EventHead, EventOf, HandlerRuns, LetterOwner, RefusedBy,
    RequestHead, Retried, ServiceName, StepHead, WaitHead,
};
pub(crate) use redaction::{REDACTED, looks_secret, redact};
pub(crate) use task_event::TaskEvent;
pub use timeline::Timeline;
