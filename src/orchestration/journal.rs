use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Workflow;
use crate::domain::{Failure, WorkflowStatus, offset_text};

/// A transition of a run, written before it is acted on.
///
/// Steps are named by their index in the workflow, times are offsets on the clock. Those of all
/// processes on a journal count from one start: see [`Clock::start_at`](crate::clock::Clock::start_at).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "entry",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
#[expect(missing_docs, reason = "the fields are named for what they hold")]
pub enum Entry {
    /// The run begins; the first entry of each.
    Started {
        workflow: Arc<Workflow>,
        input: Arc<Value>,
        #[serde(with = "offset_text")]
        at: Duration,
    },
    /// A step's call is about to be made, or the run of its workflow to begin or go on.
    StepStarted {
        step: usize,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inner: Option<Arc<str>>,
        #[serde(with = "offset_text")]
        at: Duration,
    },
    /// A step's call succeeded.
    StepCompleted {
        step: usize,
        reply: Arc<Value>,
        degraded: bool,
        #[serde(with = "offset_text")]
        at: Duration,
    },
    /// A step's call failed, for good.
    StepFailed {
        step: usize,
        failure: Box<Failure>,
        #[serde(with = "offset_text")]
        at: Duration,
    },
    /// Someone asked for the run to be cancelled.
    CancellationRequested {
        #[serde(with = "offset_text")]
        at: Duration,
    },
    /// A step's compensation is about to be called.
    CompensationStarted {
        step: usize,
        #[serde(with = "offset_text")]
        at: Duration,
    },
    /// A step's compensation succeeded, or failed for good.
    CompensationEnded {
        step: usize,
        failure: Option<Box<Failure>>,
        #[serde(with = "offset_text")]
        at: Duration,
    },
    /// The run has ended.
    Ended {
        status: WorkflowStatus,
        #[serde(with = "offset_text")]
        at: Duration,
    },
    /// An interrupted run goes on.
    Resumed {
        #[serde(with = "offset_text")]
        at: Duration,
    },
    /// A run that has ended is to be undone, as part of the run around it.
    UndoRequested {
        #[serde(with = "offset_text")]
        at: Duration,
    },
}

/// Why a journal could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A run of this id was begun before.
    #[error("the run {0:?} already exists")]
    AlreadyExists(String),
    /// No run of this id was begun.
    #[error("the run {0:?} does not exist")]
    Unknown(String),
    /// The file is no journal that can be used.
    #[error("the journal {path} cannot be used: {why}")]
    Unusable {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The database failed.
    #[cfg(feature = "sqlite")]
    #[error("the journal's database failed")]
    Database(#[from] rusqlite::Error),
    /// The entries of a run make no sense.
    #[error("the journal of the run {run:?} is corrupt: {why}")]
    Corrupt {
        /// The run.
        run: String,
        /// What makes no sense.
        why: String,
    },
}

/// What an orchestrator remembers beyond its own life.
///
/// An entry that was appended is there for every later reader, also after a crash.
pub trait Journal: Send + Sync {
    /// Begins a run with its first entry.
    ///
    /// # Errors
    ///
    /// [`JournalError::AlreadyExists`] if its id is taken.
    fn begin(&self, run: &Arc<str>, started: Entry) -> Result<(), JournalError>;

    /// Appends to a run that was begun.
    ///
    /// # Errors
    ///
    /// [`JournalError::Unknown`] if it was not.
    fn append(&self, run: &Arc<str>, entry: &Entry) -> Result<(), JournalError>;

    /// All entries of a run; `None` if it was never begun.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    fn read(&self, run: &str) -> Result<Option<Vec<Entry>>, JournalError>;

    /// The runs that have begun and not ended, in the order they began; not those within
    /// another, which brings them to their end.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    fn unfinished(&self) -> Result<Vec<Arc<str>>, JournalError>;
}

/// The id of the run within another that a step makes; the first, second, … time that it does.
pub(super) fn inner_run(run: &str, step: &str, time: usize) -> Arc<str> {
    match time {
        1 => format!("{run}/{step}").into(),
        time => format!("{run}/{step}~{time}").into(),
    }
}

/// Whether a run lies within another.
pub(super) fn is_inner(run: &str) -> bool {
    run.contains('/')
}

/// A journal in memory: it outlives an orchestrator, not the process.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    runs: Mutex<IndexMap<Arc<str>, Vec<Entry>>>,
}

impl Journal for MemoryJournal {
    fn begin(&self, run: &Arc<str>, started: Entry) -> Result<(), JournalError> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if runs.contains_key(run) {
            return Err(JournalError::AlreadyExists(run.to_string()));
        }
        runs.insert(Arc::clone(run), vec![started]);
        Ok(())
    }

    fn append(&self, run: &Arc<str>, entry: &Entry) -> Result<(), JournalError> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.get_mut(run)
            .ok_or_else(|| JournalError::Unknown(run.to_string()))?
            .push(entry.clone());
        Ok(())
    }

    fn read(&self, run: &str) -> Result<Option<Vec<Entry>>, JournalError> {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(runs.get(run).cloned())
    }

    fn unfinished(&self) -> Result<Vec<Arc<str>>, JournalError> {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(runs
            .iter()
            .filter(|(run, entries)| {
                !is_inner(run) && !matches!(entries.last(), Some(Entry::Ended { .. }))
            })
            .map(|(run, _)| Arc::clone(run))
            .collect())
    }
}
