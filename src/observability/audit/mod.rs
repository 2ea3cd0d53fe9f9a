//! The audit trail: why things were decided, and what services were asked and answered.

mod entry;
mod entry_of_event;
mod json_lines;
#[cfg_attr(not(feature = "sqlite"), path = "sqlite_left_out.rs")]
mod sqlite;
mod store;
mod trail;

pub use self::{
    entry::{AuditEntry, AuditType},
    json_lines::JsonLinesAudit,
    sqlite::SqliteAudit,
    store::{AuditError, AuditStore},
    trail::AuditTrail,
};

#[cfg(test)]
mod tests;
