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
    /// The features have no scenario.
    #[error("no scenario in {0:?}")]
    NoScenario(String),
    /// A folder of the suite that cannot be used.
    #[error("the folder of {what} {path:?} {reason}")]
    Folder {
        /// `fixtures` or `snapshots`.
        what: &'static str,
        /// The folder, relative to the package.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A hook whose tag expression is not valid.
    #[error("the hook {name:?} ({location}) has a tag expression that is not valid")]
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
    /// The environment asks for snapshots to be treated in a way that insta does not know.
    #[error(transparent)]
    Snapshots(#[from] SnapshotError),
    /// No thread could be started to run scenarios on.
    #[error("no thread could be started to run scenarios on")]
    Threads(#[source] io::Error),
}
