use std::path::Path;

use serde::Serialize;

use super::{EventStore, EventStoreError, Snapshot, StreamId};
use crate::{
    domain::Failure,
    messaging::{EventId, Publication},
};

/// Stands in for the file of an event store, as the Cargo feature `sqlite` is off.
#[derive(Debug)]
pub(super) enum EventFile {}

type Saved = Result<(), EventStoreError>;

impl EventFile {
    pub fn open(path: &Path) -> Result<Self, EventStoreError> {
        Err(EventStoreError::Unusable {
            path: path.display().to_string(),
            why: "an event store in a file needs the Cargo feature `sqlite` of rehearsal, which is off"
                .to_owned(),
        })
    }

    pub fn read_into(&self, _: &EventStore) -> Saved {
        match *self {}
    }

    pub fn save_events(
        &self,
        _: u64,
        _: Option<&str>,
        _: &[impl Serialize],
        _: Option<&str>,
    ) -> Saved {
        match *self {}
    }

    pub fn save_publication(&self, _: &[&EventId], _: Publication, _: Option<&Failure>) -> Saved {
        match *self {}
    }

    pub fn save_snapshot(&self, _: &StreamId, _: &Snapshot) -> Saved {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_store_in_a_file_is_refused_with_the_feature_it_needs() {
        let refused = EventStore::open("x.db").unwrap_err().to_string();
        assert!(
            refused.contains("x.db") && refused.contains("`sqlite`"),
            "{refused}"
        );
    }
}
