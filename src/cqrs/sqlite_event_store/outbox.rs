use rusqlite::{OptionalExtension as _, Row, params};

use super::{
    Database, EventStoreError, SqliteEventStore,
    rows::{self, Key, Place},
};
use crate::{
    cqrs::StreamId,
    database::within_transaction,
    domain::Failure,
    messaging::{EventDocument, EventId, Outbox, OutboxError, Publication},
};

/// The stream that an event belongs to by its id, and its version; `None` if it is no aggregate's.
fn stream_of(event: &EventId) -> Option<(StreamId, u64)> {
    let aggregate = event.source.strip_prefix('/')?;
    let (id, version) = event.id.rsplit_once('/')?;
    // Written in one way only, so that no two ids stand for one event.
    let canonical = !version.starts_with(['0', '+']);
    let version = version.parse().ok().filter(|_| canonical)?;
    Some((StreamId::new(aggregate, id), version))
}

/// The stream of an event that belongs to no aggregate: it is the only one in it.
fn stream_of_none(event: &EventId) -> StreamId {
    StreamId::new("", event.to_string())
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

impl Database {
    fn position(&mut self, event: &EventId) -> Result<Option<i64>, OutboxError> {
        let of_aggregate = stream_of(event);
        let of_none = (stream_of_none(event), 1);
        for (stream, version) in of_aggregate.into_iter().chain([of_none]) {
            let connection = &self.connection;
            let Some(known) = self.index.stream(connection, &stream)? else {
                continue;
            };
            if version > known.version {
                continue;
            }
            let positions = self
                .index
                .positions(connection, known.number, version, version)?;
            if let Some(position) = positions.first() {
                return Ok(Some(*position));
            }
        }
        Ok(None)
    }

    fn positions(&mut self, events: &[EventId]) -> Result<Vec<i64>, OutboxError> {
        let mut positions = Vec::with_capacity(events.len());
        for event in events {
            let position = self.position(event)?;
            positions.push(position.ok_or_else(|| OutboxError::Unknown(event.clone()))?);
        }
        Ok(positions)
    }

    fn store(&mut self, events: &[EventDocument]) -> Result<(), OutboxError> {
        let mut seen = std::collections::HashSet::new();
        let mut texts = Vec::with_capacity(events.len());
        for event in events {
            let id = event.event_id();
            if self.position(&id)?.is_some() || !seen.insert(id.clone()) {
                return Err(OutboxError::AlreadyStored(id));
            }
            texts.push((stream_of_none(&id), rows::written(event.json())?));
        }
        let connection = &self.connection;
        let first = self.last_position + 1;
        let places = within_transaction(connection, || {
            let mut places = Vec::with_capacity(texts.len());
            for (position, (stream, text)) in (first..).zip(&texts) {
                let key = Key::of(rows::insert_stream(connection, stream)?, 1)?;
                let place = Place { position, key };
                rows::insert_event(connection, place, None, text)?;
                places.push(place);
            }
            Ok::<_, OutboxError>(places)
        })?;
        self.last_position += texts.len() as i64;
        for ((stream, _), place) in texts.iter().zip(places) {
            self.index.remember(stream, place, 1, None);
            self.index.settle(connection);
        }
        Ok(())
    }

    fn mark_published(&mut self, events: &[EventId]) -> Result<(), OutboxError> {
        let positions = self.positions(events)?;
        let connection = &self.connection;
        let before = self.published_to;
        let published_to = within_transaction(connection, || {
            let mut published_to = before;
            for position in positions {
                if position == published_to + 1 {
                    published_to = position;
                } else if position > published_to {
                    connection
                        .prepare_cached(
                            "INSERT OR REPLACE INTO publications (position, published) VALUES (?, 1)",
                        )?
                        .execute([position])?;
                }
                while is_published(connection, published_to + 1)? {
                    published_to += 1;
                }
            }
            if published_to > before {
                connection
                    .prepare_cached("DELETE FROM publications WHERE position <= ?")?
                    .execute([published_to])?;
                connection
                    .prepare_cached("UPDATE published_to SET position = ?")?
                    .execute([published_to])?;
            }
            Ok::<_, rusqlite::Error>(published_to)
        })?;
        self.published_to = published_to;
        Ok(())
    }

    fn mark_failed(&mut self, events: &[EventId], failure: &Failure) -> Result<(), OutboxError> {
        let positions = self.positions(events)?;
        let text = rows::written(failure)?;
        let connection = &self.connection;
        within_transaction(connection, || {
            for position in positions {
                if position <= self.published_to || is_published(connection, position)? {
                    continue;
                }
                connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO publications (position, published, failure) VALUES (?, 0, ?)",
                    )?
                    .execute(params![position, text])?;
            }
            Ok::<_, rusqlite::Error>(())
        })?;
        Ok(())
    }

    fn publication(
        &mut self,
        event: &EventId,
    ) -> Result<Option<(Publication, Option<Failure>)>, OutboxError> {
        let Some(position) = self.position(event)? else {
            return Ok(None);
        };
        if position <= self.published_to {
            return Ok(Some((Publication::Published, None)));
        }
        let mut statement = self
            .connection
            .prepare_cached("SELECT published, failure FROM publications WHERE position = ?")?;
        let mut found = statement.query([position])?;
        let Some(row) = found.next()? else {
            return Ok(Some((Publication::Pending, None)));
        };
        if row.get::<_, i64>(0)? == 1 {
            return Ok(Some((Publication::Published, None)));
        }
        Ok(Some((Publication::Failed, Some(rows::read_from(row, 1)?))))
    }
}

fn is_published(connection: &rusqlite::Connection, position: i64) -> Result<bool, rusqlite::Error> {
    connection
        .prepare_cached("SELECT published = 1 FROM publications WHERE position = ?")?
        .query_row([position], |row| row.get(0))
        .optional()
        .map(|published| published.unwrap_or(false))
}

fn document_of(row: &Row<'_>) -> Result<EventDocument, OutboxError> {
    let json = rows::read_from(row, 0)?;
    EventDocument::read(json).map_err(|error| OutboxError::Unusable(error.to_string()))
}

impl Outbox for SqliteEventStore {
    fn store(&self, events: &[EventDocument]) -> Result<(), OutboxError> {
        self.lock().store(events)
    }

    fn unpublished(&self, limit: usize) -> Result<Vec<EventDocument>, OutboxError> {
        let database = self.lock();
        let mut statement = database.connection.prepare_cached(
            "SELECT event FROM events LEFT JOIN publications USING (position)
             WHERE position > ? AND coalesce(published, 0) = 0 ORDER BY position LIMIT ?",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut found = statement.query([database.published_to, limit])?;
        let mut events = Vec::new();
        while let Some(row) = found.next()? {
            events.push(document_of(row)?);
        }
        Ok(events)
    }

    fn mark_published(&self, events: &[EventId]) -> Result<(), OutboxError> {
        self.lock().mark_published(events)
    }

    fn mark_failed(&self, events: &[EventId], failure: &Failure) -> Result<(), OutboxError> {
        self.lock().mark_failed(events, failure)
    }

    fn publication(
        &self,
        event: &EventId,
    ) -> Result<Option<(Publication, Option<Failure>)>, OutboxError> {
        self.lock().publication(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_tells_its_stream_and_version_in_one_way_only() {
        let of = |source: &str, id: &str| {
            stream_of(&EventId {
                source: source.into(),
                id: id.into(),
            })
        };
        let stream = StreamId::new("Account", "a/1");
        assert_eq!(of("/Account", &stream.event_id(12)), Some((stream, 12)));
        for (source, id) in [
            ("Account", "a/1"),
            ("/Account", "a"),
            ("/Account", "a/x"),
            ("/Account", "a/01"),
            ("/Account", "a/+1"),
            ("/Account", "a/0"),
        ] {
            assert_eq!(of(source, id), None, "{source} {id}");
        }
    }
}
