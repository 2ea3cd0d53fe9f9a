use std::error::Error;

use super::{AuditEntry, AuditType};

/// Where the entries of an audit trail are kept.
///
/// Entries are in the order of their ids, in which they were recorded: no clock that is set back changes it.
pub trait AuditStore: Send {
    /// Appends an entry, whole or not at all. Its id is larger than all before.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    fn append(&mut self, entry: &AuditEntry) -> Result<(), AuditError>;

    /// The id of the last entry, 0 before the first.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    fn last_id(&self) -> Result<u64, AuditError>;

    /// The entries of a trace, oldest first.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    fn of_trace(&self, trace: &str) -> Result<Vec<AuditEntry>, AuditError>;

    /// The latest entries of a type, newest first.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    fn of_type(&self, kind: AuditType, limit: usize) -> Result<Vec<AuditEntry>, AuditError>;

    /// The latest entries, newest first.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    fn recent(&self, limit: usize) -> Result<Vec<AuditEntry>, AuditError>;
}

/// Why an audit trail could not be opened, written or read.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The file cannot be used as an audit trail.
    #[error("the audit trail {path} cannot be used: {why}")]
    Unusable {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// An entry cannot be written.
    #[error("the audit trail cannot be written")]
    Unwritable(#[source] Option<Box<dyn Error + Send + Sync>>),
    /// The file cannot be read.
    #[error("the audit trail cannot be read")]
    Unreadable(#[source] Box<dyn Error + Send + Sync>),
    /// An entry in the file is not valid.
    #[error("the audit trail is corrupt: {0}")]
    Corrupt(String),
}
