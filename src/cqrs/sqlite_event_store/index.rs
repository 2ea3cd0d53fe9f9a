use std::{collections::HashMap, sync::Arc};

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    EventStoreError,
    rows::{Key, Place},
    tail::Tail,
};
use crate::{cqrs::StreamId, database::within_transaction};

/// Where the events of aggregates lie, and which commands they come from: in the file's indexes and,
/// for the last of them, in mind.
pub(super) struct Index {
    known: HashMap<StreamId, Known>,
    tail: Tail,
}

/// A stream's number, and the version it is at.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub number: i64,
    pub version: u64,
}

impl Index {
    /// More events than these are not kept in mind; the more there are, the fewer pages of the
    /// indexes each of them costs, and the longer an opening takes (some 5 ms).
    #[cfg(not(test))]
    const TAIL: usize = 4_096;
    /// So few that tests come by there often.
    #[cfg(test)]
    const TAIL: usize = 5;

    /// More streams are forgotten all at once: looking one up again is cheap.
    const STREAMS: usize = 10_000;

    pub fn open(connection: &Connection) -> Result<Self, EventStoreError> {
        let mut tail = Tail::default();
        let mut statement = connection.prepare(
            "SELECT position, version, command FROM events
             WHERE position > (SELECT position FROM indexed_to) ORDER BY position",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let place = Place {
                position: row.get(0)?,
                key: Key(row.get(1)?),
            };
            let command: Option<Arc<str>> = row.get(2)?;
            tail.push(place, command.as_ref());
        }
        Ok(Self {
            known: HashMap::new(),
            tail,
        })
    }

    pub fn stream(
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
        let version = match self.tail.events(number).last() {
            Some(last) => last.key.version(),
            None => {
                let (first, last) = (Key::of(number, 0)?, Key::of(number, u32::MAX.into())?);
                let last: Option<i64> = connection
                    .prepare_cached("SELECT max(id) FROM versions WHERE id BETWEEN ? AND ?")?
                    .query_row([first.0, last.0], |row| row.get(0))?;
                last.map_or(0, |last| Key(last).version())
            }
        };
        self.know(stream, Known { number, version });
        Ok(Some(Known { number, version }))
    }

    /// The first and the last version that a command came to.
    pub fn versions_of(
        &self,
        connection: &Connection,
        number: i64,
        command: &str,
    ) -> Result<Option<(u64, u64)>, EventStoreError> {
        if let Some(versions) = self.tail.versions_of(number, command) {
            return Ok(Some(versions));
        }
        let found = connection
            .prepare_cached("SELECT first, last FROM commands WHERE stream = ? AND command = ?")?
            .query_row(params![number, command], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            })
            .optional()?;
        Ok(found.map(|(first, last)| (first.unsigned_abs(), last.unsigned_abs())))
    }

    /// Where the events of a stream lie, from a version to another.
    pub fn positions(
        &self,
        connection: &Connection,
        number: i64,
        first: u64,
        last: u64,
    ) -> Result<Vec<i64>, EventStoreError> {
        let (first, last) = (Key::of(number, first)?, Key::of(number, last)?);
        let mut positions = Vec::new();
        let mut statement = connection
            .prepare_cached("SELECT position FROM versions WHERE id BETWEEN ? AND ? ORDER BY id")?;
        let mut rows = statement.query([first.0, last.0])?;
        while let Some(row) = rows.next()? {
            positions.push(row.get(0)?);
        }
        let tail = self.tail.events(number).iter();
        let within = tail.filter(|place| (first..=last).contains(&place.key));
        positions.extend(within.map(|place| place.position));
        Ok(positions)
    }

    /// Keeps in mind what was appended to a stream: events from a place on, up to a version.
    pub fn remember(
        &mut self,
        stream: &StreamId,
        first: Place,
        version: u64,
        command: Option<&Arc<str>>,
    ) {
        let mut place = first;
        for _ in first.key.version()..=version {
            self.tail.push(place, command);
            place = place.next();
        }
        match self.known.get_mut(stream) {
            Some(known) => known.version = version,
            None => {
                let number = first.key.stream();
                self.know(stream, Known { number, version });
            }
        }
    }

    fn know(&mut self, stream: &StreamId, known: Known) {
        if self.known.len() >= Self::STREAMS {
            self.known.clear();
        }
        self.known.insert(stream.clone(), known);
    }

    /// Brings the file's indexes up to date, where there is much to keep in mind.
    ///
    /// What was appended is safe already, so where this fails it is done later.
    pub fn settle(&mut self, connection: &Connection) {
        if self.tail.count() < Self::TAIL {
            return;
        }
        if self.write(connection).is_ok() {
            self.tail = Tail::default();
        }
    }

    fn write(&self, connection: &Connection) -> Result<(), rusqlite::Error> {
        within_transaction(connection, || {
            let mut version =
                connection.prepare_cached("INSERT INTO versions (id, position) VALUES (?, ?)")?;
            for place in self.tail.all_events() {
                version.execute([place.key.0, place.position])?;
            }
            let mut handled = connection.prepare_cached(
                "INSERT INTO commands (stream, command, first, last) VALUES (?, ?, ?, ?)",
            )?;
            for (stream, command, first, last) in self.tail.all_commands() {
                // Versions have 32 bits.
                let (first, last) = (first.cast_signed(), last.cast_signed());
                handled.execute(params![stream, command, first, last])?;
            }
            connection
                .prepare_cached(
                    "UPDATE indexed_to SET position = (SELECT max(position) FROM events)",
                )?
                .execute([])?;
            Ok(())
        })
    }
}
