use std::{fmt, path::Path, sync::Arc};

use super::{
    AuditEntry, AuditError, AuditStore, AuditType, JsonLinesAudit, SqliteAudit,
    entry_of_event::EntryContext,
};
use crate::{
    domain::{Locked, with_sources},
    observability::{Event, EventKind},
};

/// What warnings about the trail are about.
const ABOUT: &str = "audit trail";

/// An entry for each decision and each interaction with a service, which outlives the process if it is
/// kept in a file.
///
/// A timeline keeps it: see [`Timeline::set_audit_trail`](crate::observability::Timeline). If it cannot
/// be written, that is a warning on the timeline, and nothing else fails.
///
/// A handle: clones share the trail.
#[derive(Clone)]
pub struct AuditTrail {
    state: Arc<Locked<TrailState>>,
}

struct TrailState {
    store: Box<dyn AuditStore>,
    context: EntryContext,
    last_id: u64,
    /// The ends of executions that their callers abandoned at one instant, by the number of their calls;
    /// those of the last instant may not all have come.
    abandoned: Vec<(u64, Event)>,
    /// The failures that were warned of.
    failures: Vec<String>,
    /// Those of them, and of what was found when it was opened, that are not on a timeline yet.
    warnings: Vec<EventKind>,
    /// From now on nothing can be written; this is told of each entry.
    fault: Option<Box<dyn Fn() + Send>>,
}

impl AuditTrail {
    /// An audit trail in a store.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn new(store: impl AuditStore + 'static) -> Result<Self, AuditError> {
        Self::with_warning(Box::new(store), None)
    }

    /// An audit trail in SQLite, which is lost with the process.
    ///
    /// # Errors
    ///
    /// Without the Cargo feature `sqlite`.
    pub fn in_memory() -> Result<Self, AuditError> {
        Self::new(SqliteAudit::in_memory()?)
    }

    /// Opens an audit trail in a file, or creates it: in SQLite if the name ends in `.db` or `.sqlite`, as
    /// JSON lines if it ends in `.jsonl`.
    ///
    /// # Errors
    ///
    /// [`AuditError::Unusable`] if the name ends otherwise, and as for [`SqliteAudit::open`] and
    /// [`JsonLinesAudit::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, AuditError> {
        let path = path.as_ref();
        let ending = path.extension().and_then(|ending| ending.to_str());
        match ending {
            Some("db" | "sqlite") => Self::new(SqliteAudit::open(path)?),
            Some("jsonl") => {
                let (store, warning) = JsonLinesAudit::open(path)?;
                Self::with_warning(Box::new(store), warning)
            }
            _ => Err(AuditError::Unusable {
                path: path.display().to_string(),
                why: "expected a name that ends in `.db` or `.sqlite` (SQLite) or in `.jsonl` (JSON lines)"
                    .to_owned(),
            }),
        }
    }

    fn with_warning(
        store: Box<dyn AuditStore>,
        warning: Option<String>,
    ) -> Result<Self, AuditError> {
        let mut context = EntryContext::default();
        let plans = store.of_type(AuditType::Planning, usize::MAX)?;
        plans.iter().rev().for_each(|plan| context.learn(plan));
        let state = TrailState {
            last_id: store.last_id()?,
            store,
            context,
            abandoned: Vec::new(),
            failures: Vec::new(),
            warnings: warning.map(warned).into_iter().collect(),
            fault: None,
        };
        Ok(Self {
            state: Arc::new(Locked::new(state)),
        })
    }

    /// The entries of a trace, oldest first.
    ///
    /// # Errors
    ///
    /// If the trail cannot be read.
    pub fn of_trace(&self, trace: &str) -> Result<Vec<AuditEntry>, AuditError> {
        self.read(|store| store.of_trace(trace))
    }

    /// The latest entries of a type, newest first.
    ///
    /// # Errors
    ///
    /// If the trail cannot be read.
    pub fn of_type(&self, kind: AuditType, limit: usize) -> Result<Vec<AuditEntry>, AuditError> {
        self.read(|store| store.of_type(kind, limit))
    }

    /// The latest entries, newest first.
    ///
    /// # Errors
    ///
    /// If the trail cannot be read.
    pub fn recent(&self, limit: usize) -> Result<Vec<AuditEntry>, AuditError> {
        self.read(|store| store.recent(limit))
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&dyn AuditStore) -> Result<T, AuditError>,
    ) -> Result<T, AuditError> {
        let mut state = self.state.lock();
        state.settle();
        read(&*state.store)
    }

    /// Fails to write each entry from now on, and tells of it.
    pub(crate) fn fail(&self, fault: impl Fn() + Send + 'static) {
        self.state.lock().fault = Some(Box::new(fault));
    }

    /// Takes the warnings that are to be recorded.
    pub(in crate::observability) fn warnings(&self) -> Vec<EventKind> {
        std::mem::take(&mut self.state.lock().warnings)
    }

    /// Makes an entry of an event, if it makes one; returns the warnings that are to be recorded.
    pub(in crate::observability) fn record(&self, event: &Event) -> Vec<EventKind> {
        let mut state = self.state.lock();
        state.settle();
        state.append(event);
        std::mem::take(&mut state.warnings)
    }

    /// As [`record`](Self::record), later, for an execution that its caller abandoned: the entries of one
    /// instant are in the order of their calls, in whichever order the callers were dropped.
    pub(in crate::observability) fn record_abandoned(&self, number: u64, event: &Event) {
        let mut state = self.state.lock();
        let last = state.abandoned.last();
        if last.is_some_and(|(_, last)| last.at != event.at) {
            state.settle();
        }
        let place = state
            .abandoned
            .partition_point(|(other, _)| *other <= number);
        state.abandoned.insert(place, (number, event.clone()));
    }
}

impl TrailState {
    /// Appends the entries that waited for others of their instant.
    fn settle(&mut self) {
        for (_, event) in std::mem::take(&mut self.abandoned) {
            self.append(&event);
        }
    }

    fn append(&mut self, event: &Event) {
        let Some(entry) = self.context.entry(event) else {
            return;
        };
        let id = self.last_id + 1;
        let written = match &self.fault {
            Some(fault) => {
                fault();
                Err(AuditError::Unwritable(None))
            }
            None => self.store.append(&AuditEntry { id, ..entry }),
        };
        let Err(error) = written else {
            self.last_id = id;
            return;
        };
        let failure = with_sources(&error);
        if !self.failures.contains(&failure) {
            self.warnings.push(warned(failure.clone()));
            self.failures.push(failure);
        }
    }
}

impl Drop for TrailState {
    fn drop(&mut self) {
        self.settle();
    }
}

fn warned(message: String) -> EventKind {
    EventKind::Warning {
        about: ABOUT.into(),
        message,
    }
}

impl fmt::Debug for AuditTrail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditTrail").finish_non_exhaustive()
    }
}
