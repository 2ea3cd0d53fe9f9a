use std::time::Duration;

use futures::future::BoxFuture;

use super::{CrashPoint, JournalEntry, Run, RunError};
use crate::{
    domain::{Failure, Locked},
    services::{CallObserver, Moment},
};

/// Journals the retries of a step's call or of its compensation's, and ends the waiting of a step
/// whose run is lost.
pub(super) struct StepObserver<'a> {
    run: &'a Run,
    step: usize,
    role: CallRole,
    /// Why the call cannot go on.
    error: Locked<Option<RunError>>,
}

/// What a call is to its step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallRole {
    /// What the step does.
    Forward,
    /// One of its fallback calls.
    Fallback,
    /// Its compensation.
    Undo,
}

impl<'a> StepObserver<'a> {
    pub fn new(run: &'a Run, step: usize, role: CallRole) -> Self {
        Self {
            run,
            step,
            role,
            error: Locked::default(),
        }
    }

    /// Why the call could not go on, if it could not.
    pub fn into_error(self) -> Option<RunError> {
        self.error.lock().take()
    }

    fn commit(&self, entry: &JournalEntry) -> bool {
        // After a crash the step itself is executed first, and its fallback calls start anew.
        if self.role == CallRole::Fallback {
            return true;
        }
        match self.run.commit(entry) {
            Ok(()) => true,
            Err(error) => {
                *self.error.lock() = Some(error);
                false
            }
        }
    }
}

impl CallObserver for StepObserver<'_> {
    fn retry_scheduled(&self, failure: &Failure, due: Duration) -> bool {
        self.commit(&JournalEntry::RetryScheduled {
            step: self.step,
            failure: Box::new(failure.clone()),
            due,
            at: self.run.now(),
        })
    }

    fn retry_started(&self) -> bool {
        let (step, at) = (self.step, self.run.now());
        self.commit(&JournalEntry::RetryStarted { step, at })
    }

    fn stopped(&self) -> BoxFuture<'_, ()> {
        if self.role == CallRole::Undo {
            return Box::pin(std::future::pending());
        }
        Box::pin(self.run.state.is_lost())
    }

    fn dies(&self, moment: Moment) -> bool {
        let point = match (moment, self.role) {
            (Moment::BeforeActing, CallRole::Undo) => CrashPoint::BeforeUndoing,
            (Moment::AfterActing, CallRole::Undo) => CrashPoint::AfterUndoing,
            (Moment::BeforeActing, _) => CrashPoint::BeforeActing,
            (Moment::AfterActing, _) => CrashPoint::AfterActing,
        };
        self.run.crash_if_declared(point, self.step).is_err()
    }
}
