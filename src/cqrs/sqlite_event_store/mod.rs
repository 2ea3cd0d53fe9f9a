//! An event store in a SQLite file.

mod database;
mod index;
mod outbox;
mod rows;
mod tail;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rusqlite::params;

use self::database::Database;
use super::{EventStore, EventStoreError, Handled, Snapshot, StoredEvent, StreamId};
use crate::messaging::CloudEvent;

/// An event store in a SQLite file: it outlives the process.
///
/// The file is in WAL mode with `synchronous=NORMAL`: events survive the death of the process; the
/// last few may be lost with the machine's power, never torn. One process uses it at a time.
pub struct SqliteEventStore {
    path: PathBuf,
    database: Mutex<Database>,
}

impl SqliteEventStore {
    /// Opens an event store, or makes one where there is no file.
    ///
    /// # Errors
    ///
    /// [`EventStoreError::Unusable`] if the file is no event store, is from a newer version, is used
    /// by another process, or cannot be opened; it is left as it is.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, EventStoreError> {
        let path = path.as_ref();
        Ok(Self {
            path: path.to_owned(),
            database: Mutex::new(Database::open(path)?),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Database> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn signed(number: u64) -> Result<i64, EventStoreError> {
    i64::try_from(number).map_err(|_| EventStoreError::Corrupt(format!("no version is {number}")))
}

impl EventStore for SqliteEventStore {
    fn append(
        &self,
        stream: &StreamId,
        expected: u64,
        events: &[Arc<CloudEvent>],
    ) -> Result<u64, EventStoreError> {
        self.lock().append(stream, expected, events)
    }

    fn load(&self, stream: &StreamId, after: u64) -> Result<Vec<Arc<CloudEvent>>, EventStoreError> {
        self.lock().load(stream, after)
    }

    fn handled(
        &self,
        stream: &StreamId,
        command: &str,
    ) -> Result<Option<Handled>, EventStoreError> {
        let mut database = self.lock();
        let database = &mut *database;
        let Some(known) = database.index.stream(&database.connection, stream)? else {
            return Ok(None);
        };
        let Some((first, last)) =
            database
                .index
                .versions_of(&database.connection, known.number, command)?
        else {
            return Ok(None);
        };
        let events = database.between(known.number, first, last)?;
        Ok(Some(Handled {
            version: last,
            events: events.iter().map(|event| Arc::clone(&event.kind)).collect(),
        }))
    }

    fn read(&self, after: u64, limit: usize) -> Result<Vec<StoredEvent>, EventStoreError> {
        let database = self.lock();
        let mut statement = database.connection.prepare_cached(
            "SELECT position, event FROM events WHERE position > ? ORDER BY position LIMIT ?",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut rows = statement.query([i64::try_from(after).unwrap_or(i64::MAX), limit])?;
        let mut events = Vec::new();
        while let Some(row) = rows.next()? {
            events.push(StoredEvent {
                position: row.get::<_, i64>(0)?.unsigned_abs(),
                event: rows::event_of(row, 1)?,
            });
        }
        Ok(events)
    }

    fn last_position(&self) -> Result<u64, EventStoreError> {
        Ok(self.lock().last_position.unsigned_abs())
    }

    fn save_snapshot(&self, stream: &StreamId, snapshot: &Snapshot) -> Result<(), EventStoreError> {
        let mut database = self.lock();
        let database = &mut *database;
        let Some(known) = database.index.stream(&database.connection, stream)? else {
            return Ok(());
        };
        database
            .connection
            .prepare_cached(
                "INSERT INTO snapshots (stream, version, state) VALUES (?, ?, ?)
                 ON CONFLICT (stream) DO UPDATE SET version = excluded.version, state = excluded.state
                 WHERE excluded.version >= version",
            )?
            .execute(params![
                known.number,
                signed(snapshot.version)?,
                rows::written(&snapshot.state)?
            ])?;
        Ok(())
    }

    fn load_snapshot(&self, stream: &StreamId) -> Result<Option<Snapshot>, EventStoreError> {
        let mut database = self.lock();
        let database = &mut *database;
        let Some(known) = database.index.stream(&database.connection, stream)? else {
            return Ok(None);
        };
        let mut statement = database
            .connection
            .prepare_cached("SELECT version, state FROM snapshots WHERE stream = ?")?;
        let mut rows = statement.query([known.number])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        Ok(Some(Snapshot {
            version: row.get::<_, i64>(0)?.unsigned_abs(),
            state: rows::read_from(row, 1)?,
        }))
    }
}

impl fmt::Debug for SqliteEventStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqliteEventStore").field(&self.path).finish()
    }
}
