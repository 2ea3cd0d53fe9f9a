use std::path::Path;

use super::{EventStoreError, MemoryEventStore};

/// An event store in a file. There is none: the Cargo feature `sqlite` is off.
#[derive(Debug)]
pub enum SqliteEventStore {}

impl SqliteEventStore {
    /// Opens no event store.
    ///
    /// # Errors
    ///
    /// Always: it names the Cargo feature that is off.
    pub fn open(path: impl AsRef<Path>) -> Result<MemoryEventStore, EventStoreError> {
        Err(EventStoreError::Unusable {
            path: path.as_ref().display().to_string(),
            why: "an event store in a file needs the Cargo feature `sqlite` of rehearsal, which is off"
                .to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_store_in_a_file_is_refused_by_naming_the_feature_it_needs() {
        let refused = SqliteEventStore::open("x.db").unwrap_err().to_string();
        assert!(
            refused.contains("x.db") && refused.contains("`sqlite`"),
            "{refused}"
        );
    }
}
