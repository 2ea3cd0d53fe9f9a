use std::path::Path;

use super::{JournalError, MemoryJournal};

/// Stands in for the journal in a file, as the Cargo feature `sqlite` is off.
#[derive(Debug)]
pub enum SqliteJournal {}

impl SqliteJournal {
    /// Refuses to open a journal.
    ///
    /// # Errors
    ///
    /// Always: it names the Cargo feature that is off.
    pub fn open(path: impl AsRef<Path>) -> Result<MemoryJournal, JournalError> {
        Err(JournalError::Unusable {
            path: path.as_ref().display().to_string(),
            why: "a journal in a file needs the Cargo feature `sqlite` of rehearsal, which is off"
                .to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn journal_in_a_file_is_refused_with_the_feature_it_needs() {
        let refused = SqliteJournal::open("x.db").unwrap_err().to_string();
        assert!(
            refused.contains("x.db") && refused.contains("`sqlite`"),
            "{refused}"
        );
    }
}
