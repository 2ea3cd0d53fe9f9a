//! An event store in a SQLite file.

mod index;
mod outbox;
mod rows;
mod tail;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rusqlite::{Connection, params};

use self::{
    index::Index,
    rows::{Key, Place},
};
use super::{
    EventStore, EventStoreError, Handled, Snapshot, StoredEvent, StreamId,
    event_store::{check, check_version},
};
use crate::{
    database::{FileKind, within_transaction},
    messaging::CloudEvent,
};

// A commit writes every page that it changes, whole, so most change one only: an event goes to one
// tree, whose keys grow, as SQLite fills pages from the left only where rows come at the end. Where
// the versions of an aggregate lie and which commands were handled is said by indexes that are brought
// up to date once in many events; until then it is kept in mind, and read from the events' own rows
// when the file is opened. What is published is noted only when it is, and mostly as one number.
const TABLES: &str = "
    CREATE TABLE streams (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE events (
        position INTEGER PRIMARY KEY, version INTEGER NOT NULL, command TEXT, event TEXT NOT NULL
    ) STRICT;
    CREATE TABLE versions (id INTEGER PRIMARY KEY, position INTEGER NOT NULL) STRICT;
    CREATE TABLE commands (
        stream INTEGER NOT NULL, command TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
        PRIMARY KEY (stream, command)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE snapshots (stream INTEGER PRIMARY KEY, version INTEGER NOT NULL, state TEXT NOT NULL) STRICT;
    CREATE TABLE indexed_to (one INTEGER PRIMARY KEY, position INTEGER NOT NULL) STRICT;
    CREATE TABLE published_to (one INTEGER PRIMARY KEY, position INTEGER NOT NULL) STRICT;
    CREATE TABLE publications (position INTEGER PRIMARY KEY, published INTEGER NOT NULL, failure TEXT) STRICT;
    INSERT INTO indexed_to VALUES (1, 0);
    INSERT INTO published_to VALUES (1, 0);
";

const EVENT_STORE: FileKind = FileKind {
    name: "event store",
    // `rees` in ASCII.
    application: 0x7265_6573,
    version: 1,
    tables: TABLES,
};

/// An event store in a SQLite file: it outlives the process.
///
/// The file is in WAL mode with `synchronous=NORMAL`: events survive the death of the process; the
/// last few may be lost with the machine's power, never torn. One process uses it at a time.
pub struct SqliteEventStore {
    path: PathBuf,
    database: Mutex<Database>,
}

struct Database {
    connection: Connection,
    last_position: i64,
    index: Index,
    /// All up to this position are published.
    published_to: i64,
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
        let unusable = |why| EventStoreError::Unusable {
            path: path.display().to_string(),
            why,
        };
        let connection = EVENT_STORE.open(path).map_err(unusable)?;
        // 16 MiB in place of 2, so that looking up a command does not read the file.
        connection.pragma_update(None, "cache_size", -16_384)?;
        let last: Option<i64> =
            connection.query_row("SELECT max(position) FROM events", [], |row| row.get(0))?;
        let published_to =
            connection.query_row("SELECT position FROM published_to", [], |row| row.get(0))?;
        let index = Index::open(&connection)?;
        Ok(Self {
            path: path.to_owned(),
            database: Mutex::new(Database {
                connection,
                last_position: last.unwrap_or(0),
                index,
                published_to,
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Database> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Database {
    fn append(
        &mut self,
        stream: &StreamId,
        expected: u64,
        events: &[Arc<CloudEvent>],
    ) -> Result<u64, EventStoreError> {
        let command = check(stream, expected, events)?;
        let connection = &self.connection;
        let known = self.index.stream(connection, stream)?;
        if let (Some(command), Some(known)) = (command, known)
            && let Some((_, last)) = self.index.versions_of(connection, known.number, command)?
        {
            return Ok(last);
        }
        let actual = known.map_or(0, |known| known.version);
        check_version(stream, expected, actual)?;
        if events.is_empty() {
            return Ok(actual);
        }
        let texts: Vec<String> = events
            .iter()
            .map(|event| rows::written(&**event))
            .collect::<Result<_, _>>()?;
        let version = expected + events.len() as u64;
        let insert = |number: i64| {
            let mut place = Place {
                position: self.last_position + 1,
                key: Key::of(number, expected + 1)?,
            };
            for text in &texts {
                rows::insert_event(connection, place, command.map(|command| &**command), text)?;
                place = place.next();
            }
            Ok::<_, EventStoreError>(number)
        };
        let number = match known {
            // One statement is a transaction of its own.
            Some(known) if texts.len() == 1 => insert(known.number)?,
            Some(known) => within_transaction(connection, || insert(known.number))?,
            None => within_transaction(connection, || {
                insert(rows::insert_stream(connection, stream)?)
            })?,
        };
        let first = Place {
            position: self.last_position + 1,
            key: Key::of(number, expected + 1)?,
        };
        self.last_position += texts.len() as i64;
        self.index.remember(stream, first, version, command);
        self.index.settle(connection);
        Ok(version)
    }

    fn load(
        &mut self,
        stream: &StreamId,
        after: u64,
    ) -> Result<Vec<Arc<CloudEvent>>, EventStoreError> {
        let Some(known) = self.index.stream(&self.connection, stream)? else {
            return Ok(Vec::new());
        };
        if after >= known.version {
            return Ok(Vec::new());
        }
        self.between(known.number, after + 1, known.version)
    }

    /// The events of a stream from a version to another.
    fn between(
        &self,
        number: i64,
        first: u64,
        last: u64,
    ) -> Result<Vec<Arc<CloudEvent>>, EventStoreError> {
        let connection = &self.connection;
        let positions = self.index.positions(connection, number, first, last)?;
        let mut statement =
            connection.prepare_cached("SELECT event FROM events WHERE position = ?")?;
        let mut events = Vec::with_capacity(positions.len());
        for position in positions {
            let mut rows = statement.query([position])?;
            let row = rows.next()?.ok_or_else(|| {
                EventStoreError::Corrupt(format!("there is no event at {position}"))
            })?;
            events.push(rows::event_of(row, 0)?);
        }
        Ok(events)
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
