use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, MutexGuard},
};

use rusqlite::{Connection, Row, params};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    EventStore, EventStoreError, Handled, MemoryEventStore, Snapshot, StoredEvent, StreamId,
};
use crate::{
    database::{FileKind, within_transaction},
    domain::{Failure, Locked},
    messaging::{CloudEvent, EventDocument, EventId, Outbox, OutboxError, Publication},
};

const EVENT_STORE: FileKind = FileKind {
    name: "event store",
    // `rees` in ASCII.
    application: 0x7265_6573,
    version: 2,
    // The aggregate is null for an event that belongs to none; the failure, for one that is published.
    tables: "
        CREATE TABLE events (position INTEGER PRIMARY KEY, aggregate TEXT, event TEXT NOT NULL) STRICT;
        CREATE TABLE snapshots (
            aggregate TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, state TEXT NOT NULL,
            PRIMARY KEY (aggregate, id)
        ) STRICT;
        CREATE TABLE publications (
            source TEXT NOT NULL, id TEXT NOT NULL, failure TEXT, PRIMARY KEY (source, id)
        ) STRICT;
    ",
};

/// An event store in a SQLite file: it outlives the process.
///
/// The file is in WAL mode with `synchronous=NORMAL`: events survive the death of the process; the
/// last few may be lost with the machine's power, never torn. One process uses it at a time.
///
/// The file is a log. It is read once, when it is opened; from then on each change is written to it
/// and then made in memory, where everything is looked up. So an event is one row in one tree without
/// an index: appending must reach half the rate of raw one-row commits (`cargo bench --bench cqrs --
/// append`), and a commit writes each page that it changes. A table with a unique key on stream and
/// version beside the position reaches 0.43 to 0.46 of that rate, one that is clustered by that key
/// 0.25, and with another index for commands 0.3.
pub struct SqliteEventStore {
    path: PathBuf,
    connection: Locked<Connection>,
    memory: MemoryEventStore,
}

impl SqliteEventStore {
    /// Opens an event store, or creates one if there is no file.
    ///
    /// # Errors
    ///
    /// [`EventStoreError::Unusable`] if the file is not an event store, is of another version, is used
    /// by another process, or cannot be opened; it is left as it is. [`EventStoreError::Corrupt`] if
    /// what it contains is not valid.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, EventStoreError> {
        let path = path.as_ref();
        let unusable = |why| EventStoreError::Unusable {
            path: path.display().to_string(),
            why,
        };
        let connection = EVENT_STORE.open(path).map_err(unusable)?;
        let memory = read_all(&connection)?;
        Ok(Self {
            path: path.to_owned(),
            connection: Locked::new(connection),
            memory,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock()
    }

    /// Writes events, the first of them at a position.
    fn save(
        &self,
        first: u64,
        aggregate: Option<&str>,
        events: &[impl Serialize],
    ) -> Result<(), EventStoreError> {
        let connection = &*self.lock();
        let insert = || {
            let mut statement = connection.prepare_cached(
                "INSERT INTO events (position, aggregate, event) VALUES (?, ?, ?)",
            )?;
            for (position, event) in (signed(first)?..).zip(events) {
                statement.execute(params![position, aggregate, to_text(event)?])?;
            }
            Ok(())
        };
        match events.len() {
            // One statement is a transaction of its own.
            1 => insert(),
            _ => within_transaction(connection, insert),
        }
    }

    /// Writes the publication of events, if all of them are stored.
    fn save_publication(
        &self,
        events: &[EventId],
        sql: &str,
        failure: Option<&Failure>,
    ) -> Result<(), OutboxError> {
        for event in events {
            if self.memory.publication(event)?.is_none() {
                return Err(OutboxError::Unknown(event.clone()));
            }
        }
        let failure = failure.map(to_text).transpose()?;
        let connection = &*self.lock();
        within_transaction(connection, || {
            let mut statement = connection.prepare_cached(sql)?;
            for EventId { source, id } in events {
                statement.execute(params![source, id, failure])?;
            }
            Ok(())
        })
    }
}

/// Reads a whole file.
fn read_all(connection: &Connection) -> Result<MemoryEventStore, EventStoreError> {
    let memory = MemoryEventStore::default();
    let corrupt = |error: OutboxError| EventStoreError::Corrupt(error.to_string());
    let mut statement =
        connection.prepare("SELECT position, aggregate, event FROM events ORDER BY position")?;
    let mut rows = statement.query([])?;
    let mut expected = 1_i64;
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(0)? != expected {
            let message = format!("there is no event at position {expected}");
            return Err(EventStoreError::Corrupt(message));
        }
        expected += 1;
        match row.get::<_, Option<Arc<str>>>(1)? {
            Some(aggregate) => {
                let event: CloudEvent = from_text(row, 2)?;
                let id = event.subject.clone().unwrap_or_default();
                memory.restore(&StreamId::new(aggregate, id), event)?;
            }
            None => {
                let event = EventDocument::read(from_text(row, 2)?)
                    .map_err(|error| EventStoreError::Corrupt(error.to_string()))?;
                memory.store(&[event]).map_err(corrupt)?;
            }
        }
    }
    let mut statement =
        connection.prepare("SELECT aggregate, id, version, state FROM snapshots")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let stream = StreamId::new(row.get::<_, Arc<str>>(0)?, row.get::<_, Arc<str>>(1)?);
        let snapshot = Snapshot {
            version: row.get::<_, i64>(2)?.unsigned_abs(),
            state: from_text(row, 3)?,
        };
        memory.save_snapshot(&stream, &snapshot)?;
    }
    let mut statement = connection.prepare("SELECT source, id, failure FROM publications")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let event = [EventId {
            source: row.get(0)?,
            id: row.get(1)?,
        }];
        let marked = match row.get_ref(2)? {
            rusqlite::types::ValueRef::Null => memory.mark_published(&event),
            _ => memory.mark_failed(&event, &from_text(row, 2)?),
        };
        marked.map_err(corrupt)?;
    }
    Ok(memory)
}

fn signed(number: u64) -> Result<i64, EventStoreError> {
    i64::try_from(number)
        .map_err(|_| EventStoreError::Corrupt(format!("{number} is beyond 63 bits")))
}

fn to_text(value: &(impl Serialize + ?Sized)) -> Result<String, EventStoreError> {
    serde_json::to_string(value).map_err(|error| EventStoreError::Corrupt(error.to_string()))
}

fn from_text<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T, EventStoreError> {
    let text = row
        .get_ref(column)?
        .as_str()
        .map_err(rusqlite::Error::from)?;
    serde_json::from_str(text).map_err(|error| EventStoreError::Corrupt(error.to_string()))
}

impl From<EventStoreError> for OutboxError {
    fn from(error: EventStoreError) -> Self {
        Self::Unusable(error.to_string())
    }
}

impl From<rusqlite::Error> for OutboxError {
    fn from(error: rusqlite::Error) -> Self {
        Self::from(EventStoreError::from(error))
    }
}

impl EventStore for SqliteEventStore {
    fn append(
        &self,
        stream: &StreamId,
        expected: u64,
        events: &[Arc<CloudEvent>],
    ) -> Result<u64, EventStoreError> {
        let save = |first| self.save(first, Some(&stream.aggregate), events);
        self.memory.append_saved(stream, expected, events, save)
    }

    fn load(&self, stream: &StreamId, after: u64) -> Result<Vec<Arc<CloudEvent>>, EventStoreError> {
        self.memory.load(stream, after)
    }

    fn handled(
        &self,
        stream: &StreamId,
        command: &str,
    ) -> Result<Option<Handled>, EventStoreError> {
        self.memory.handled(stream, command)
    }

    fn read(&self, after: u64, limit: usize) -> Result<Vec<StoredEvent>, EventStoreError> {
        self.memory.read(after, limit)
    }

    fn last_position(&self) -> Result<u64, EventStoreError> {
        self.memory.last_position()
    }

    fn save_snapshot(&self, stream: &StreamId, snapshot: &Snapshot) -> Result<(), EventStoreError> {
        if !self.memory.has_stream(stream) {
            return Ok(());
        }
        let (version, state) = (signed(snapshot.version)?, to_text(&snapshot.state)?);
        self.lock()
            .prepare_cached(
                "INSERT INTO snapshots (aggregate, id, version, state) VALUES (?, ?, ?, ?)
                 ON CONFLICT DO UPDATE SET version = excluded.version, state = excluded.state
                 WHERE excluded.version >= version",
            )?
            .execute(params![stream.aggregate, stream.id, version, state])?;
        self.memory.save_snapshot(stream, snapshot)
    }

    fn load_snapshot(&self, stream: &StreamId) -> Result<Option<Snapshot>, EventStoreError> {
        self.memory.load_snapshot(stream)
    }
}

impl Outbox for SqliteEventStore {
    fn store(&self, events: &[EventDocument]) -> Result<(), OutboxError> {
        self.memory.store_saved(events, |first| {
            let events: Vec<_> = events.iter().map(|event| &**event.json()).collect();
            Ok(self.save(first, None, &events)?)
        })
    }

    fn unpublished(&self, limit: usize) -> Result<Vec<EventDocument>, OutboxError> {
        self.memory.unpublished(limit)
    }

    fn mark_published(&self, events: &[EventId]) -> Result<(), OutboxError> {
        let sql = "INSERT OR REPLACE INTO publications (source, id, failure) VALUES (?, ?, ?)";
        self.save_publication(events, sql, None)?;
        self.memory.mark_published(events)
    }

    fn mark_failed(&self, events: &[EventId], failure: &Failure) -> Result<(), OutboxError> {
        let sql = "INSERT INTO publications (source, id, failure) VALUES (?, ?, ?)
             ON CONFLICT DO UPDATE SET failure = excluded.failure WHERE failure IS NOT NULL";
        self.save_publication(events, sql, Some(failure))?;
        self.memory.mark_failed(events, failure)
    }

    fn publication(
        &self,
        event: &EventId,
    ) -> Result<Option<(Publication, Option<Failure>)>, OutboxError> {
        self.memory.publication(event)
    }
}

impl fmt::Debug for SqliteEventStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqliteEventStore").field(&self.path).finish()
    }
}
