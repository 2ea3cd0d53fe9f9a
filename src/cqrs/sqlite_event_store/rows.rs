use std::{collections::HashMap, sync::Arc};

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Serialize, de::DeserializeOwned};

use super::EventStoreError;
use crate::{cqrs::StreamId, messaging::CloudEvent};

/// Where a version of an aggregate lies: the number of its stream and, in the lower half, the version.
#[derive(Clone, Copy)]
pub(super) struct Key(pub i64);

impl Key {
    pub(super) fn of(stream: i64, version: u64) -> Result<Self, EventStoreError> {
        let version = u32::try_from(version)
            .map_err(|_| EventStoreError::Corrupt(format!("no version is {version}")))?;
        Ok(Self(stream << 32 | i64::from(version)))
    }

    fn version(self) -> u64 {
        (self.0 & i64::from(u32::MAX)).unsigned_abs()
    }

    pub(super) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A stream's number, and the version it is at.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub number: i64,
    pub version: u64,
}

/// The streams that this process has asked for, so that most need not be looked up.
#[derive(Default)]
pub(super) struct Streams {
    known: HashMap<StreamId, Known>,
}

impl Streams {
    /// More are forgotten all at once: looking one up again is cheap.
    const MOST: usize = 10_000;

    pub(super) fn get(
        &mut self,
        connection: &Connection,
        stream: &StreamId,
    ) -> Result<Option<Known>, EventStoreError> {
        if let Some(known) = self.known.get(stream) {
            return Ok(Some(*known));
        }
        let number: Option<i64> = connection
            .prepare_cached("SELECT number FROM streams WHERE name = ?")?
            .query_row([stream.to_string()], |row| row.get(0))
            .optional()?;
        let Some(number) = number else {
            return Ok(None);
        };
        let (first, last) = (Key::of(number, 0)?, Key::of(number, u32::MAX.into())?);
        let last: Option<i64> = connection
            .prepare_cached("SELECT max(id) FROM versions WHERE id BETWEEN ? AND ?")?
            .query_row([first.0, last.0], |row| row.get(0))?;
        let version = last.map_or(0, |last| Key(last).version());
        self.remember(stream, number, version);
        Ok(Some(Known { number, version }))
    }

    pub(super) fn remember(&mut self, stream: &StreamId, number: i64, version: u64) {
        if let Some(known) = self.known.get_mut(stream) {
            known.version = version;
            return;
        }
        if self.known.len() >= Self::MOST {
            self.known.clear();
        }
        self.known.insert(stream.clone(), Known { number, version });
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
    position: i64,
    text: &str,
) -> Result<(), rusqlite::Error> {
    connection
        .prepare_cached("INSERT INTO events (position, event) VALUES (?, ?)")?
        .execute(params![position, text])?;
    Ok(())
}

pub(super) fn insert_version(
    connection: &Connection,
    key: Key,
    position: i64,
) -> Result<(), rusqlite::Error> {
    connection
        .prepare_cached("INSERT INTO versions (id, position) VALUES (?, ?)")?
        .execute([key.0, position])?;
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
