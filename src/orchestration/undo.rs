//! What follows a failed step: its fallback calls, then compensation.

use std::sync::Arc;

use futures::{StreamExt as _, stream::FuturesUnordered};
use serde_json::{Value, json};

use super::{
    CrashPoint, JournalEntry, Run, RunError, plan::PlannedCompensation, step_calls::CallRole,
    undo_order::UndoOrder,
};
use crate::{
    domain::{Call, CallName, Failure, Key, code, resolve},
    observability::{CompensationHead, EventKind},
    services::{CallPolicy, CallResult},
};

impl Run {
    /// Makes the fallback calls that a failed step declares, once and sequentially.
    ///
    /// Their input is the step's input and its failure. The last one replaces the step's call: it
    /// has the step's key, so that the step's compensation undoes it, and its reply is the step's.
    /// Those before it have keys of their own, and their effects are not undone.
    ///
    /// # Errors
    ///
    /// The step's failure, if there is no fallback call or one of them fails; in doubt as well if
    /// the last one's is.
    pub(super) async fn try_fallback_calls(
        &self,
        step: usize,
        input: &Value,
        mut failure: Box<Failure>,
    ) -> Result<CallResult, RunError> {
        let planned = &self.plan.steps[step];
        let is_final = matches!(&*failure.code, code::WORKFLOW_TIMEOUT | code::CANCELLED);
        let mut last = None;
        if !is_final {
            let input = Arc::new(json!({ "input": input, "error": failure }));
            for (position, name) in planned.recover.iter().enumerate() {
                let is_lost = self.lock().is_lost();
                if is_lost {
                    return Ok(Err(failure));
                }
                let is_last = position + 1 == planned.recover.len();
                let key = match is_last {
                    true => Key::of_step(&self.id, &planned.id),
                    false => {
                        let part = format!("{}/recover/{position}", planned.id);
                        Key::of_step(&self.id, &part)
                    }
                };
                let call = Call {
                    head: self.head(step, name),
                    input: Arc::clone(&input),
                    key: Some(key),
                    accepts_fallback: false,
                };
                let policy = CallPolicy::default();
                match self
                    .observed(step, CallRole::Fallback, &call, &policy)
                    .await?
                {
                    Ok(reply) => last = Some(reply),
                    Err(again) => {
                        let message = format!("{name} does not recover it: {again}");
                        self.warn(&planned.id, message);
                        failure.in_doubt |= again.in_doubt && is_last;
                        return Ok(Err(failure));
                    }
                }
            }
        }
        let Some(reply) = last else {
            return Ok(Err(failure));
        };
        self.warn(&planned.id, format!("recovered from {}", failure.code));
        Ok(Ok(reply))
    }

    fn warn(&self, about: &Arc<str>, message: String) {
        self.timeline().record(EventKind::Warning {
            about: Arc::clone(about),
            message,
        });
    }

    /// Undoes the steps in their [`UndoOrder`], several at a time; a failure does not stop the rest.
    pub(super) async fn compensate(&self) -> Result<(), RunError> {
        let mut order = UndoOrder::of(&self.lock());
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < self.plan.workflow.max_parallel
                && let Some(step) = order.next()
            {
                running.push(async move { self.undo_step(step).await.map(|()| step) });
            }
            match running.next().await {
                Some(step) => order.settled(step?),
                None => return Ok(()),
            }
        }
    }

    async fn undo_step(&self, step: usize) -> Result<(), RunError> {
        let planned = &self.plan.steps[step];
        if let Some(compensation) = &planned.compensation {
            self.crash_if_declared(CrashPoint::BeforeCompensation, step)?;
            let at = self.now();
            self.commit(&JournalEntry::CompensationStarted { step, at })?;
            let head = Arc::new(CompensationHead {
                run: Arc::clone(&self.id),
                step: Arc::clone(&planned.id),
                call: compensation.call().cloned(),
            });
            self.timeline().record(EventKind::CompensationStarted {
                head: Arc::clone(&head),
            });
            let result = match compensation {
                PlannedCompensation::Call {
                    call,
                    input,
                    policy,
                } => {
                    let undone = self.undo(step, call, input.as_ref(), policy).await?;
                    undone.map(|_| ())
                }
                PlannedCompensation::Workflow(plan) => self.undo_children(step, plan).await?,
            };
            self.crash_if_declared(CrashPoint::DuringCompensation, step)?;
            let code = match &result {
                Ok(()) => "ok".into(),
                Err(failure) => Arc::clone(&failure.code),
            };
            let at = self.now();
            let failure = result.err();
            self.commit(&JournalEntry::CompensationEnded { step, failure, at })?;
            self.timeline()
                .record(EventKind::CompensationEnded { head, result: code });
            self.crash_if_declared(CrashPoint::AfterCompensation, step)?;
        }
        Ok(())
    }

    async fn undo(
        &self,
        step: usize,
        name: &CallName,
        input: Option<&Value>,
        policy: &CallPolicy,
    ) -> Result<CallResult, RunError> {
        let input = match self.undo_input(step, input) {
            Ok(input) => input,
            Err(failure) => return Ok(Err(Box::new(failure.at(name)))),
        };
        let call = Call {
            head: self.head(step, name),
            input: Arc::new(input),
            key: Some(Key::of_step(&self.id, &self.plan.steps[step].id).undo()),
            accepts_fallback: false,
        };
        self.observed(step, CallRole::Undo, &call, policy).await
    }

    /// The compensation's configured input, else the input and reply of the step.
    fn undo_input(&self, step: usize, configured: Option<&Value>) -> Result<Value, Box<Failure>> {
        let state = self.lock();
        let data = |name: &str| state.data(name);
        if let Some(input) = configured {
            return resolve(input, &data);
        }
        // Where the input cannot be resolved, the step's call was never made.
        let input = resolve(&self.plan.steps[step].input, &data).unwrap_or_default();
        Ok(json!({ "input": input, "reply": state.steps[step].reply.as_deref() }))
    }
}
