use std::path::Path;

use super::{JournalError, MemoryJournal};

/// A journal in a file. There is none: the Cargo feature `sqlite` is off.
#[derive(Debug)]
pub enum SqliteJournal {}

impl SqliteJournal {
    /// Opens no journal.
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
    fn a_journal_in_a_file_is_refused_by_naming_the_feature_it_needs() {
        let refused = SqliteJournal::open("x.db").unwrap_err().to_string();
        assert!(
            refused.contains("x.db") && refused.contains("`sqlite`"),
            "{refused}"
        );
    }
}
