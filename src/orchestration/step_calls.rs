//! The calls of steps, with their retries in the journal.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use serde_json::Value;

use super::{CrashPoint, JournalEntry, Run, RunError};
use crate::{
    domain::{Call, CallName, Failure, Key, Locked},
    services::{CallObserver, CallPolicy, CallResult, Moment, Tries},
};

impl Run {
    /// Makes the call of a step, and its fallback calls if it fails.
    pub(super) async fn call(
        &self,
        step: usize,
        name: &CallName,
        policy: &CallPolicy,
        input: Result<Arc<Value>, Box<Failure>>,
    ) -> Result<CallResult, RunError> {
        let input = match input {
            Ok(input) => input,
            Err(failure) => return Ok(Err(Box::new(failure.at(name)))),
        };
        let call = Call {
            head: self.head(step, name),
            input,
            key: Some(Key::of_step(&self.id, &self.plan.steps[step].id)),
            accepts_fallback: true,
        };
        match self
            .observed(step, CallRole::Forward, &call, policy)
            .await?
        {
            Err(failure) => self.try_fallback_calls(step, &call.input, failure).await,
            reply => Ok(reply),
        }
    }

    /// Makes a call whose retries are journalled, after those that earlier processes made.
    pub(super) async fn observed(
        &self,
        step: usize,
        role: CallRole,
        call: &Call,
        policy: &CallPolicy,
    ) -> Result<CallResult, RunError> {
        let tries = match role {
            CallRole::Fallback => Tries::default(),
            CallRole::Forward | CallRole::Undo => self.lock().steps[step].tries(),
        };
        let limit = match role {
            CallRole::Forward => self.limit(step),
            CallRole::Fallback => self.deadline(),
            // The deadline is for the steps; compensation may take longer.
            CallRole::Undo => None,
        };
        let observer = StepObserver::new(self, step, role);
        let client = &self.orchestrator.process.client;
        let result = client
            .call_observed(call, policy, limit, &tries, &observer)
            .await;
        match observer.into_error() {
            Some(error) => Err(error),
            None => Ok(result),
        }
    }
}

/// Journals the retries of what a step does or of its compensation, and ends the wait for them once the
/// run is lost.
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
            Err(error) => self.fail(error),
        }
    }

    fn fail(&self, error: RunError) -> bool {
        *self.error.lock() = Some(error);
        false
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
        let child_run = match self.run.plan.steps[self.step].workflow() {
            Some(_) if self.role == CallRole::Forward => self.run.next_try(self.step).map(Some),
            _ => Ok(None),
        };
        match child_run {
            Ok(child_run) => self.commit(&JournalEntry::RetryStarted {
                step: self.step,
                child_run,
                at: self.run.now(),
            }),
            Err(error) => self.fail(error),
        }
    }

    fn stopped(&self) -> BoxFuture<'_, ()> {
        if self.role == CallRole::Undo {
            return Box::pin(std::future::pending());
        }
        Box::pin(self.run.state.is_lost())
    }

    fn dies(&self, moment: Moment, _: u32) -> bool {
        let point = match (moment, self.role) {
            (Moment::BeforeActing, CallRole::Undo) => CrashPoint::BeforeUndoing,
            (Moment::AfterActing, CallRole::Undo) => CrashPoint::AfterUndoing,
            (Moment::BeforeActing, _) => CrashPoint::BeforeActing,
            (Moment::AfterActing, _) => CrashPoint::AfterActing,
        };
        self.run.crash_if_declared(point, self.step).is_err()
    }
}
