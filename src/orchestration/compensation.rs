use std::sync::Arc;

use serde_json::{Value, json};

use super::{CrashPoint, Entry, RunError, plan::PlannedCompensation, run::Run};
use crate::{
    domain::{Call, CallName, Failure, Key, resolve},
    observability::{CompensationHead, EventKind},
    services::{CallPolicy, CallResult},
};

impl Run {
    /// Undoes what was done, newest first; a failure does not stop the rest.
    pub(super) async fn compensate(&self) -> Result<(), RunError> {
        let steps = self.lock().to_compensate();
        for step in steps {
            let planned = &self.plan.steps[step];
            let Some(compensation) = &planned.compensation else {
                continue;
            };
            self.strike(CrashPoint::BeforeCompensation, step)?;
            let at = self.now();
            self.commit(&Entry::CompensationStarted { step, at })?;
            let head = Arc::new(CompensationHead {
                run: Arc::clone(&self.id),
                step: Arc::clone(&planned.id),
                call: compensation.call().cloned(),
            });
            self.timeline().record(EventKind::CompensationStarted {
                head: Arc::clone(&head),
            });
            let result = match compensation {
                PlannedCompensation::Call { call, input } => {
                    self.undo(step, call, input.as_ref()).await.map(|_| ())
                }
                PlannedCompensation::Workflow(plan) => self.undo_inner(step, plan).await?,
            };
            self.strike(CrashPoint::DuringCompensation, step)?;
            let code = match &result {
                Ok(()) => "ok".into(),
                Err(failure) => Arc::clone(&failure.code),
            };
            let at = self.now();
            let failure = result.err();
            self.commit(&Entry::CompensationEnded { step, failure, at })?;
            self.timeline()
                .record(EventKind::CompensationEnded { head, result: code });
            self.strike(CrashPoint::AfterCompensation, step)?;
        }
        Ok(())
    }

    async fn undo(&self, step: usize, name: &CallName, input: Option<&Value>) -> CallResult {
        let input = self
            .undo_input(step, input)
            .map_err(|failure| Box::new(failure.at(name)))?;
        let call = Call {
            head: self.head(step, name),
            input: Arc::new(input),
            key: Some(Key::of_step(&self.id, &self.plan.steps[step].id).undo()),
        };
        let client = &self.orchestrator.client;
        // The deadline is for the work; undoing it takes what it takes.
        client.call(&call, &CallPolicy::default(), None).await
    }

    /// The compensation's own input, else the input and reply of the step.
    fn undo_input(&self, step: usize, own: Option<&Value>) -> Result<Value, Box<Failure>> {
        let state = self.lock();
        let data = |name: &str| state.data(name);
        if let Some(input) = own {
            return resolve(input, &data);
        }
        // An input that refers to nothing never left: the call was not made.
        let input = resolve(&self.plan.steps[step].input, &data).unwrap_or_default();
        Ok(json!({ "input": input, "reply": state.steps[step].reply.as_deref() }))
    }
}
