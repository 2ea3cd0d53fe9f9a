use std::sync::Arc;

use serde_json::{Value, json};

use super::{CrashPoint, Entry, RunError, plan::PlannedCompensation, reference, run::Run};
use crate::{
    domain::{Call, Failure, Key},
    observability::EventKind,
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
            let at = self.now();
            self.commit(&Entry::CompensationStarted { step, at })?;
            self.timeline().record(EventKind::CompensationStarted {
                run: Arc::clone(&self.id),
                step: Arc::clone(&planned.id),
                call: compensation.call.clone(),
            });
            let result = self.undo(step, compensation).await;
            self.strike(CrashPoint::DuringCompensation, step)?;
            let code = match &result {
                Ok(_) => "ok".into(),
                Err(failure) => Arc::clone(&failure.code),
            };
            let at = self.now();
            let failure = result.err();
            self.commit(&Entry::CompensationEnded { step, failure, at })?;
            self.timeline().record(EventKind::CompensationEnded {
                run: Arc::clone(&self.id),
                step: Arc::clone(&planned.id),
                call: compensation.call.clone(),
                result: code,
            });
        }
        Ok(())
    }

    async fn undo(&self, step: usize, compensation: &PlannedCompensation) -> CallResult {
        let input = self
            .undo_input(step, compensation)
            .map_err(|failure| Box::new(failure.at(&compensation.call)))?;
        let call = Call {
            caller: Arc::clone(&self.caller),
            name: compensation.call.clone(),
            input: Arc::new(input),
            context: self.context(step),
            key: Some(Key::of_step(&self.id, &self.plan.steps[step].id).undo()),
        };
        // The deadline is for the work; undoing it takes what it takes.
        self.client.call(&call, &CallPolicy::default(), None).await
    }

    /// The compensation's own input, else the input and reply of the step.
    fn undo_input(
        &self,
        step: usize,
        compensation: &PlannedCompensation,
    ) -> Result<Value, Box<Failure>> {
        let state = self.lock();
        let data = |name: &str| state.data(name);
        if let Some(input) = &compensation.input {
            return reference::resolve(input, &data);
        }
        // An input that refers to nothing never left: the call was not made.
        let input = reference::resolve(&self.plan.steps[step].input, &data).unwrap_or_default();
        Ok(json!({ "input": input, "reply": state.steps[step].reply.as_deref() }))
    }
}
