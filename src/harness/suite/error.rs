use std::{io, path::PathBuf};

use crate::harness::{FeaturesError, SelectionError, SnapshotError};

/// Why a suite cannot be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SuiteError {
    /// Features are missing or faulty.
    #[error(transparent)]
    Features(#[from] FeaturesError),
    /// The selection is faulty or selects nothing.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// The features hold no scenario.
    #[error("no scenario in {0:?}")]
    NoScenario(String),
    /// A folder that the suite names and that is none.
    #[error("the folder of {what} {path:?} {reason}")]
    Folder {
        /// `fixtures` or `snapshots`.
        what: &'static str,
        /// The folder, relative to the package.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A hook for tags that cannot be read.
    #[error("the hook {name:?} ({location}) is for tags that cannot be read")]
    Hook {
        /// Its name.
        name: String,
        /// `file:line:column` of where it was made.
        location: String,
        /// What is wrong with the tags.
        #[source]
        source: SelectionError,
    },
    /// A report that cannot be written.
    #[error("the report {path:?} cannot be written")]
    Report {
        /// The report.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The environment asks insta for what it does not know.
    #[error(transparent)]
    Snapshots(#[from] SnapshotError),
    /// No thread to run scenarios on.
    #[error("no thread can be started to run scenarios on")]
    Threads(#[source] io::Error),
}
