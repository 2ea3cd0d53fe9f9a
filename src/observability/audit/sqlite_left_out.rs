use std::path::Path;

use super::{AuditEntry, AuditError, AuditStore, AuditType};

/// Stands in for the audit trail in SQLite, as the Cargo feature `sqlite` is off.
#[derive(Debug)]
pub enum SqliteAudit {}

impl SqliteAudit {
    /// Refuses to open an audit trail.
    ///
    /// # Errors
    ///
    /// Always: it names the Cargo feature that is off.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, AuditError> {
        Err(AuditError::Unusable {
            path: path.as_ref().display().to_string(),
            why: "an audit trail in SQLite needs the Cargo feature `sqlite` of rehearsal, which is off; \
                  one in a file that ends in `.jsonl` does not"
                .to_owned(),
        })
    }

    /// Refuses to make an audit trail.
    ///
    /// # Errors
    ///
    /// Always: it names the Cargo feature that is off.
    pub fn in_memory() -> Result<Self, AuditError> {
        Self::open("in memory")
    }
}

impl AuditStore for SqliteAudit {
    fn append(&mut self, _: &AuditEntry) -> Result<(), AuditError> {
        match *self {}
    }

    fn last_id(&self) -> Result<u64, AuditError> {
        match *self {}
    }

    fn of_trace(&self, _: &str) -> Result<Vec<AuditEntry>, AuditError> {
        match *self {}
    }

    fn of_type(&self, _: AuditType, _: usize) -> Result<Vec<AuditEntry>, AuditError> {
        match *self {}
    }

    fn recent(&self, _: usize) -> Result<Vec<AuditEntry>, AuditError> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audit_trail_in_sqlite_is_refused_with_the_feature_it_needs() {
        let refused = SqliteAudit::open("x.db").unwrap_err().to_string();
        assert!(
            refused.contains("x.db") && refused.contains("`sqlite`"),
            "{refused}"
        );
    }
}
