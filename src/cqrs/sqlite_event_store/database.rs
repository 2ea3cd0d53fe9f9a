use std::{path::Path, sync::Arc};

use rusqlite::Connection;

use super::{
    index::Index,
    rows::{self, Key, Place},
};
use crate::{
    cqrs::{
        EventStoreError, StreamId,
        event_store::{check, check_version},
    },
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

/// The file of an event store that is open, and what is kept in mind of it.
pub(super) struct Database {
    pub connection: Connection,
    pub last_position: i64,
    pub index: Index,
    /// All up to this position are published.
    pub published_to: i64,
}

impl Database {
    /// Opens the file, or makes one where there is none.
    pub fn open(path: &Path) -> Result<Self, EventStoreError> {
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
            connection,
            last_position: last.unwrap_or(0),
            index,
            published_to,
        })
    }

    pub fn append(
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

    pub fn load(
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
    pub fn between(
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
