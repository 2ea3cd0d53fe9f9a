use std::{sync::Arc, time::Duration};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Plan, Workflow};
use crate::domain::{
    Failure, Locked, SecurityContext, WorkflowStatus, offset_text, opt_offset_text,
};

/// A transition of a run, written before it is acted on.
///
/// Steps are identified by their index in the workflow; times are offsets on the clock. All processes
/// on a journal count from the same start: see [`Clock::start_at`](crate::clock::Clock::start_at).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "entry",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
#[expect(missing_docs, reason = "the fields are named for what they hold")]
pub enum JournalEntry {
    /// The run begins; the first entry of each.
    Started {
        workflow: Arc<Workflow>,
        input: Arc<Value>,
        /// The number of the first event that its waits may take.
        #[serde(default, skip_serializing_if = "is_zero")]
        events_from: u64,
        /// Who makes its calls, unless the orchestrator does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller: Option<Arc<str>>,
        /// Who it runs for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        security: Option<Arc<SecurityContext>>,
        #[serde(with = "offset_text")]
        at: Duration,
    },
    /// A step's call is about to be made, its child run to begin or continue, or its wait to begin.
    StepStarted {
        step: usize,
        #[serde(default, rename = "inner", skip_serializing_if = "Option::is_none")]
        child_run: Option<Arc<str>>,
        /// When its wait ends, or the time for all its tries.
        #[serde(
            default,
            with = "opt_offset_text",
            skip_serializing_if = "Option::is_none"
        )]
        due: Option<Duration>,
        #[serde(with = "offset_text")]
        at: Duration,
    },
    /// A call of a step or of its compensation failed, or its child run did, and a retry is due.
    RetryScheduled {
        step: usize,
        failure: Box<Failure>,
        #[serde(with = "offset_text")]
        due: Duration,
        #[serde(with = "offset_text")]
        at: Duration,
    },
    /// The retry that was due starts.
    RetryStarted {
        step: usize,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        child_run: Option<Arc<str>>,
        #[serde(with = "offset_text")]
        at: Duration,
    },
    /// A step's call succeeded, perhaps after executions whose effects are not known.
    StepCompleted {
        step: usize,
        reply: Arc<Value>,
        degraded: bool,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        in_doubt: bool,
        /// The number of the event that it waited for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        event: Option<u64>,
        #[serde(with = "offset_text")]
        at: Duration,
    },
    /// A step's call failed, for good.
    StepFailed {
        step: usize,
        failure: Box<Failure>,
        /// Whether its child run is past its pivot.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_past_pivot: bool,
        /// When it is resumed at the latest, if it is.
        #[serde(
            default,
            with = "opt_offset_text",
            skip_serializing_if = "Option::is_none"
        )]
        resumes_at: Option<Duration>,
        /// Whether it is resumed as soon as its service is back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        awaits_service: bool,
        #[serde(with = "offset_text")]
        at: Duration,
    },
    /// Cancellation was requested.
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
    /// A process takes up the run after a crash.
    Recovered {
        #[serde(with = "offset_text")]
        at: Duration,
    },
    /// The parent of a child run goes no further, and so does this one.
    Stopped {
        #[serde(with = "offset_text")]
        at: Duration,
    },
    /// The run has ended.
    Ended {
        status: WorkflowStatus,
        #[serde(with = "offset_text")]
        at: Duration,
    },
    /// An interrupted run is resumed, or the undo of a failed one.
    Resumed {
        /// What is done from now on, where that has changed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        workflow: Option<Arc<Workflow>>,
        #[serde(with = "offset_text")]
        at: Duration,
    },
    /// A child run that has ended is to be undone with its parent.
    UndoRequested {
        #[serde(with = "offset_text")]
        at: Duration,
    },
}

/// What a run begins with.
#[derive(Debug)]
pub(super) struct RunStart {
    pub input: Arc<Value>,
    /// The number of the first event that its waits may take.
    pub events_from: u64,
    pub parties: Option<Box<Parties>>,
    pub at: Duration,
}

/// Who takes part in a run; most have nobody.
#[derive(Debug)]
pub(super) struct Parties {
    /// Who makes its calls, unless the orchestrator does.
    pub caller: Option<Arc<str>>,
    /// Who it runs for.
    pub security: Option<Arc<SecurityContext>>,
}

impl Parties {
    pub fn of(
        caller: Option<Arc<str>>,
        security: Option<Arc<SecurityContext>>,
    ) -> Option<Box<Self>> {
        let is_any = caller.is_some() || security.is_some();
        is_any.then(|| Box::new(Self { caller, security }))
    }
}

impl RunStart {
    /// The first entry of the run.
    pub fn entry(&self, plan: &Plan) -> JournalEntry {
        let parties = self.parties.as_ref();
        JournalEntry::Started {
            workflow: Arc::clone(plan.workflow()),
            input: Arc::clone(&self.input),
            events_from: self.events_from,
            caller: parties.and_then(|parties| parties.caller.clone()),
            security: parties.and_then(|parties| parties.security.clone()),
            at: self.at,
        }
    }
}

/// Why a journal could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The run id is taken.
    #[error("the run {0:?} already exists")]
    AlreadyExists(String),
    /// The run id is unknown.
    #[error("the run {0:?} does not exist")]
    Unknown(String),
    /// The file cannot be used as a journal.
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
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The entries of a run are invalid.
    #[error("the journal of the run {run:?} is corrupt: {why}")]
    Corrupt {
        /// The run.
        run: String,
        /// What is invalid.
        why: String,
    },
}

#[cfg(feature = "sqlite")]
impl From<rusqlite::Error> for JournalError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

impl JournalError {
    /// The entries of a run are not valid.
    pub(super) fn corrupt(run: &str, why: String) -> Self {
        Self::Corrupt {
            run: run.to_owned(),
            why,
        }
    }

    /// A run's first entry is missing or not the right one.
    pub(super) fn no_start(run: &str) -> Self {
        Self::corrupt(run, "it has no start".to_owned())
    }
}

/// The record of runs, which outlives the orchestrator.
///
/// Every later reader sees an entry that was appended, even after a crash.
pub trait Journal: Send + Sync {
    /// Begins a run with its first entry.
    ///
    /// # Errors
    ///
    /// [`JournalError::AlreadyExists`] if its id is taken.
    fn begin(&self, run: &Arc<str>, started: JournalEntry) -> Result<(), JournalError>;

    /// Appends to a run.
    ///
    /// # Errors
    ///
    /// [`JournalError::Unknown`] if it was not begun.
    fn append(&self, run: &Arc<str>, entry: &JournalEntry) -> Result<(), JournalError>;

    /// All entries of a run; `None` if it was never begun.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    fn read(&self, run: &str) -> Result<Option<Vec<JournalEntry>>, JournalError>;

    /// The runs that have begun and not ended, in the order they began; without child runs, which
    /// their parents finish.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    fn unfinished(&self) -> Result<Vec<Arc<str>>, JournalError>;
}

/// The id of a step's child run, the first, second, … one.
pub(super) fn child_run_id(parent: &str, step: &str, number: u32) -> Arc<str> {
    match number {
        1 => format!("{parent}/{step}").into(),
        number => format!("{parent}/{step}~{number}").into(),
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference to the field"
)]
pub(super) fn is_zero(number: &u64) -> bool {
    *number == 0
}

pub(super) fn is_child_run(run: &str) -> bool {
    run.contains('/')
}

/// A journal in memory: it outlives an orchestrator, but not the process.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    runs: Locked<IndexMap<Arc<str>, Vec<JournalEntry>>>,
}

impl Journal for MemoryJournal {
    fn begin(&self, run: &Arc<str>, started: JournalEntry) -> Result<(), JournalError> {
        let mut runs = self.runs.lock();
        if runs.contains_key(run) {
            return Err(JournalError::AlreadyExists(run.to_string()));
        }
        runs.insert(Arc::clone(run), vec![started]);
        Ok(())
    }

    fn append(&self, run: &Arc<str>, entry: &JournalEntry) -> Result<(), JournalError> {
        let mut runs = self.runs.lock();
        let entries = runs.get_mut(run);
        let entries = entries.ok_or_else(|| JournalError::Unknown(run.to_string()))?;
        if entries.len() < 4 {
            // Many runs may wait with only a few.
            entries.reserve_exact(1);
        }
        entries.push(entry.clone());
        Ok(())
    }

    fn read(&self, run: &str) -> Result<Option<Vec<JournalEntry>>, JournalError> {
        let runs = self.runs.lock();
        Ok(runs.get(run).cloned())
    }

    fn unfinished(&self) -> Result<Vec<Arc<str>>, JournalError> {
        let runs = self.runs.lock();
        Ok(runs
            .iter()
            .filter(|(run, entries)| {
                !is_child_run(run) && !matches!(entries.last(), Some(JournalEntry::Ended { .. }))
            })
            .map(|(run, _)| Arc::clone(run))
            .collect())
    }
}
