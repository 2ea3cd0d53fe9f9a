use std::sync::Arc;

use rusqlite::{Connection, Row, params};
use serde::{Serialize, de::DeserializeOwned};

use super::EventStoreError;
use crate::{cqrs::StreamId, messaging::CloudEvent};

/// A version of an aggregate: the number of its stream and, in the lower half, the version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(pub i64);

/// Where an event lies, and what it is a version of.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub position: i64,
    pub key: Key,
}

impl Key {
    pub fn of(stream: i64, version: u64) -> Result<Self, EventStoreError> {
        let version = u32::try_from(version)
            .map_err(|_| EventStoreError::Corrupt(format!("no version is {version}")))?;
        Ok(Self(stream << 32 | i64::from(version)))
    }

    pub fn stream(self) -> i64 {
        self.0 >> 32
    }

    pub fn version(self) -> u64 {
        (self.0 & i64::from(u32::MAX)).unsigned_abs()
    }
}

impl Place {
    pub fn next(self) -> Self {
        Self {
            position: self.position + 1,
            key: Key(self.key.0 + 1),
        }
    }
}

pub(super) fn insert_stream(
    connection: &Connection,
    stream: &StreamId,
) -> Result<i64, rusqlite::Error> {
    connection
        .prepare_cached("INSERT INTO streams (name) VALUES (?)")?
        .execute([stream.to_string()])?;
    Ok(connection.last_insert_rowid())
}

pub(super) fn insert_event(
    connection: &Connection,
    place: Place,
    command: Option<&str>,
    text: &str,
) -> Result<(), rusqlite::Error> {
    connection
        .prepare_cached(
            "INSERT INTO events (position, version, command, event) VALUES (?, ?, ?, ?)",
        )?
        .execute(params![place.position, place.key.0, command, text])?;
    Ok(())
}

pub(super) fn event_of(row: &Row<'_>, column: usize) -> Result<Arc<CloudEvent>, EventStoreError> {
    read_from(row, column).map(Arc::new)
}

pub(super) fn written(value: &impl Serialize) -> Result<String, EventStoreError> {
    serde_json::to_string(value).map_err(|error| EventStoreError::Corrupt(error.to_string()))
}

pub(super) fn read_from<T: DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
) -> Result<T, EventStoreError> {
    let text = row
        .get_ref(column)?
        .as_str()
        .map_err(rusqlite::Error::from)?;
    serde_json::from_str(text).map_err(|error| EventStoreError::Corrupt(error.to_string()))
}
