use std::path::Path;

use chrono::SecondsFormat;
use rusqlite::{Connection, Params, Row, params};

use super::{AuditEntry, AuditError, AuditStore, AuditType};
use crate::{clock::timestamp, database::FileKind};

/// Each index costs as much at every entry as the entry itself, so there is one only for what is looked up
/// most: the other queries read backwards until they have enough.
const AUDIT_TRAIL: FileKind = FileKind {
    name: "audit trail",
    // `reau` in ASCII.
    application: 0x7265_6175,
    version: 1,
    raised: &[],
    tables: "
        CREATE TABLE entries (
            id INTEGER PRIMARY KEY, at TEXT NOT NULL, trace TEXT NOT NULL, type TEXT NOT NULL,
            target TEXT NOT NULL, reason TEXT NOT NULL, alternatives TEXT NOT NULL, confidence REAL,
            metadata TEXT NOT NULL
        ) STRICT;
        CREATE INDEX entries_of_trace ON entries (trace);
    ",
};

/// An audit trail in a SQLite file, which other programs can query: a table `entries` with a column for
/// each field.
///
/// It is in WAL mode with `synchronous=NORMAL`: entries survive the death of the process; a power failure
/// may lose the last few, but never parts of one. One process uses it at a time.
#[derive(Debug)]
pub struct SqliteAudit {
    connection: Connection,
}

impl SqliteAudit {
    /// Opens a file, or creates it.
    ///
    /// # Errors
    ///
    /// [`AuditError::Unusable`] if the file is not an audit trail, is from a newer version, is used by
    /// another process, or cannot be opened; it is left as it is.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, AuditError> {
        let path = path.as_ref();
        let connection = AUDIT_TRAIL.open(path);
        let connection = connection.map_err(|why| AuditError::Unusable {
            path: path.display().to_string(),
            why,
        })?;
        Ok(Self { connection })
    }

    /// An audit trail that is lost with the process.
    ///
    /// # Errors
    ///
    /// If there is no memory for it.
    pub fn in_memory() -> Result<Self, AuditError> {
        Self::open(":memory:")
    }

    fn select(&self, sql: &str, wanted: impl Params) -> Result<Vec<AuditEntry>, AuditError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(unreadable)?;
        let mut rows = statement.query(wanted).map_err(unreadable)?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next().map_err(unreadable)? {
            entries.push(entry(row)?);
        }
        Ok(entries)
    }
}

impl AuditStore for SqliteAudit {
    fn append(&mut self, entry: &AuditEntry) -> Result<(), AuditError> {
        let insert = || -> Result<_, Box<dyn std::error::Error + Send + Sync>> {
            let sql = "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
            let mut statement = self.connection.prepare_cached(sql)?;
            Ok(statement.execute(params![
                i64::try_from(entry.id)?,
                entry.at.to_rfc3339_opts(SecondsFormat::Millis, true),
                entry.trace,
                entry.kind.as_str(),
                entry.target,
                entry.reason,
                serde_json::to_string(&entry.alternatives)?,
                entry.confidence,
                serde_json::to_string(&entry.metadata)?,
            ])?)
        };
        insert().map_err(|error| AuditError::Unwritable(Some(error)))?;
        Ok(())
    }

    fn last_id(&self) -> Result<u64, AuditError> {
        let sql = "SELECT coalesce(max(id), 0) FROM entries";
        let last = self
            .connection
            .query_row(sql, [], |row| row.get::<_, i64>(0));
        Ok(last.map_err(unreadable)?.unsigned_abs())
    }

    fn of_trace(&self, trace: &str) -> Result<Vec<AuditEntry>, AuditError> {
        let sql = "SELECT * FROM entries WHERE trace = ? ORDER BY id";
        self.select(sql, [trace])
    }

    fn of_type(&self, kind: AuditType, limit: usize) -> Result<Vec<AuditEntry>, AuditError> {
        let sql = "SELECT * FROM entries WHERE type = ? ORDER BY id DESC LIMIT ?";
        self.select(sql, params![kind.as_str(), signed(limit)])
    }

    fn recent(&self, limit: usize) -> Result<Vec<AuditEntry>, AuditError> {
        let sql = "SELECT * FROM entries ORDER BY id DESC LIMIT ?";
        self.select(sql, [signed(limit)])
    }
}

fn entry(row: &Row<'_>) -> Result<AuditEntry, AuditError> {
    let id = row.get::<_, i64>(0).map_err(unreadable)?.unsigned_abs();
    let corrupt = |why: &dyn std::fmt::Display| AuditError::Corrupt(format!("entry {id}: {why}"));
    let text = |column: usize| {
        let text = row.get_ref(column).map_err(unreadable)?.as_str();
        text.map_err(|error| corrupt(&error))
    };
    Ok(AuditEntry {
        id,
        at: timestamp::read(text(1)?).map_err(|why| corrupt(&why))?,
        trace: text(2)?.into(),
        kind: text(3)?.parse().map_err(|why: String| corrupt(&why))?,
        target: text(4)?.into(),
        reason: text(5)?.into(),
        alternatives: serde_json::from_str(text(6)?).map_err(|error| corrupt(&error))?,
        confidence: row.get(7).map_err(unreadable)?,
        metadata: serde_json::from_str(text(8)?).map_err(|error| corrupt(&error))?,
    })
}

fn signed(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn unreadable(error: rusqlite::Error) -> AuditError {
    AuditError::Unreadable(error.into())
}
