use std::{path::Path, sync::Arc};

use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{EventStore, EventStoreError, Snapshot, StreamId};
use crate::{
    database::{FileKind, within_transaction},
    domain::{Failure, Locked},
    messaging::{CloudEvent, EventDocument, EventId, Outbox as _, OutboxError, Publication},
};

const EVENT_STORE: FileKind = FileKind {
    name: "event store",
    // `rees` in ASCII.
    application: 0x7265_6573,
    version: 3,
    raised: &[(
        2,
        "ALTER TABLE events ADD COLUMN digest TEXT;
         ALTER TABLE snapshots ADD COLUMN revision TEXT;",
    )],
    // The aggregate is null for an event that belongs to none; the failure, for one that is published.
    // The digest is that of the command, with the first of its events.
    tables: "
        CREATE TABLE events (
            position INTEGER PRIMARY KEY, aggregate TEXT, event TEXT NOT NULL, digest TEXT
        ) STRICT;
        CREATE TABLE snapshots (
            aggregate TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, state TEXT NOT NULL,
            revision TEXT, PRIMARY KEY (aggregate, id)
        ) STRICT;
        CREATE TABLE publications (
            source TEXT NOT NULL, id TEXT NOT NULL, failure TEXT, PRIMARY KEY (source, id)
        ) STRICT;
    ",
};

/// Why an event is not published, as the column `failure` holds it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum NotPublished {
    /// It is a dead letter.
    DeadLetter {
        #[serde(rename = "deadLettered")]
        dead_lettered: Failure,
    },
    /// It is tried again.
    Failed(Failure),
}

/// The SQLite file of an event store.
///
/// It is in WAL mode with `synchronous=NORMAL`: events survive the death of the process; the last few
/// may be lost with the machine's power, never torn. One process uses it at a time.
///
/// The file is a log. It is read once, when it is opened; from then on each change is written to it
/// and then made in memory, where everything is looked up. So an event is one row in one tree without
/// an index: appending must reach half the rate of raw one-row commits (`cargo bench --bench cqrs --
/// append`), and a commit writes each page that it changes. A table with a unique key on stream and
/// version beside the position reaches 0.43 to 0.46 of that rate, one that is clustered by that key
/// 0.25, and with another index for commands 0.3.
#[derive(Debug)]
pub(super) struct EventFile {
    connection: Locked<Connection>,
}

impl EventFile {
    /// Opens a file, or creates it.
    pub fn open(path: &Path) -> Result<Self, EventStoreError> {
        let connection = EVENT_STORE
            .open(path)
            .map_err(|why| EventStoreError::Unusable {
                path: path.display().to_string(),
                why,
            })?;
        Ok(Self {
            connection: Locked::new(connection),
        })
    }

    /// Fills an empty store with the contents of the file.
    pub fn read_into(&self, store: &EventStore) -> Result<(), EventStoreError> {
        let connection = &*self.connection.lock();
        let corrupt = |error: OutboxError| EventStoreError::Corrupt(error.to_string());
        let mut statement = connection
            .prepare("SELECT position, aggregate, event, digest FROM events ORDER BY position")?;
        let mut rows = statement.query([])?;
        let mut expected = 1_i64;
        while let Some(row) = rows.next()? {
            if row.get::<_, i64>(0)? != expected {
                let message = format!("the event at position {expected} is missing");
                return Err(EventStoreError::Corrupt(message));
            }
            expected += 1;
            match row.get::<_, Option<Arc<str>>>(1)? {
                Some(aggregate) => {
                    let event: CloudEvent = from_text(row, 2)?;
                    let id = event.subject.clone().unwrap_or_default();
                    let digest: Option<Arc<str>> = row.get(3)?;
                    store.restore(&StreamId::new(aggregate, id), event, digest.as_ref())?;
                }
                None => {
                    let event = EventDocument::read(from_text(row, 2)?)
                        .map_err(|error| EventStoreError::Corrupt(error.to_string()))?;
                    store.store(&[event]).map_err(corrupt)?;
                }
            }
        }
        let mut statement =
            connection.prepare("SELECT aggregate, id, version, state, revision FROM snapshots")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let stream = StreamId::new(row.get::<_, Arc<str>>(0)?, row.get::<_, Arc<str>>(1)?);
            let snapshot = Snapshot {
                version: row.get::<_, i64>(2)?.unsigned_abs(),
                revision: row.get(4)?,
                state: from_text(row, 3)?,
            };
            store.save_snapshot(&stream, &snapshot)?;
        }
        let mut statement = connection.prepare("SELECT source, id, failure FROM publications")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let event = [EventId {
                source: row.get(0)?,
                id: row.get(1)?,
            }];
            let marked = match row.get_ref(2)? {
                rusqlite::types::ValueRef::Null => store.mark_published(&event),
                _ => match from_text(row, 2)? {
                    NotPublished::Failed(failure) => store.mark_failed(&event, &failure),
                    NotPublished::DeadLetter { dead_lettered } => {
                        store.mark_dead_lettered(&event, &dead_lettered)
                    }
                },
            };
            marked.map_err(corrupt)?;
        }
        Ok(())
    }

    /// Writes events, the first of them at a position and with the digest of their command.
    pub fn save_events(
        &self,
        first: u64,
        aggregate: Option<&str>,
        events: &[impl Serialize],
        mut digest: Option<&str>,
    ) -> Result<(), EventStoreError> {
        let connection = &*self.connection.lock();
        let mut insert = || {
            let mut statement = connection.prepare_cached(
                "INSERT INTO events (position, aggregate, event, digest) VALUES (?, ?, ?, ?)",
            )?;
            for (position, event) in (signed(first)?..).zip(events) {
                let event = to_text(event)?;
                statement.execute(params![position, aggregate, event, digest.take()])?;
            }
            Ok(())
        };
        match events.len() {
            // A single statement is a transaction already.
            1 => insert(),
            _ => within_transaction(connection, insert),
        }
    }

    /// Writes the status of events, with the reason if they are not published.
    pub fn save_publication(
        &self,
        events: &[&EventId],
        status: Publication,
        failure: Option<&Failure>,
    ) -> Result<(), EventStoreError> {
        let reason = match (status, failure) {
            (Publication::DeadLettered, Some(failure)) => {
                Some(to_text(&NotPublished::DeadLetter {
                    dead_lettered: failure.clone(),
                })?)
            }
            _ => failure.map(to_text).transpose()?,
        };
        let connection = &*self.connection.lock();
        within_transaction(connection, || {
            let mut statement = connection.prepare_cached(match status {
                Publication::Pending => "DELETE FROM publications WHERE source = ? AND id = ?",
                _ => "INSERT OR REPLACE INTO publications (source, id, failure) VALUES (?, ?, ?)",
            })?;
            for EventId { source, id } in events {
                match status {
                    Publication::Pending => statement.execute(params![source, id])?,
                    _ => statement.execute(params![source, id, reason])?,
                };
            }
            Ok(())
        })
    }

    /// Writes the latest snapshot of an aggregate.
    pub fn save_snapshot(
        &self,
        stream: &StreamId,
        snapshot: &Snapshot,
    ) -> Result<(), EventStoreError> {
        let (version, state) = (signed(snapshot.version)?, to_text(&snapshot.state)?);
        let sql = "INSERT OR REPLACE INTO snapshots (aggregate, id, version, state, revision)
            VALUES (?, ?, ?, ?, ?)";
        let revision = &snapshot.revision;
        self.connection
            .lock()
            .prepare_cached(sql)?
            .execute(params![
                stream.aggregate,
                stream.id,
                version,
                state,
                revision
            ])?;
        Ok(())
    }
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
