//! What runs wait for, as others see it.

use std::{sync::Arc, time::Duration};

use super::{JournalError, Orchestrator, plan::StepAction, state::RunState};
use crate::{domain::StepStatus, observability::WaitHead};

/// What a run waits for, and whether it does anything else.
#[derive(Default)]
pub(super) struct Pauses {
    pub waits: Vec<WaitHead>,
    is_at_work: bool,
}

impl Orchestrator {
    /// What a run waits for, if it only waits; `None` once it has ended or while a call is made.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn paused(&self, id: &str) -> Result<Option<Vec<WaitHead>>, JournalError> {
        let Some(state) = self.find(id) else {
            return Ok(None);
        };
        let pauses = self.pauses(&state.lock())?;
        Ok((!pauses.is_at_work && !pauses.waits.is_empty()).then_some(pauses.waits))
    }

    /// Waits until a run begins to wait.
    pub fn next_wait(&self) -> impl Future<Output = ()> + use<> {
        Arc::clone(&self.waiting).notified_owned()
    }

    pub(super) fn pauses(&self, state: &RunState) -> Result<Pauses, JournalError> {
        let mut pauses = Pauses::default();
        self.find_pauses(state, "", None, &mut pauses)?;
        Ok(pauses)
    }

    fn find_pauses(
        &self,
        state: &RunState,
        path: &str,
        limit: Option<Duration>,
        found: &mut Pauses,
    ) -> Result<(), JournalError> {
        let deadline = state.plan.workflow.deadline;
        let deadline = deadline.map(|deadline| state.deadline_base + deadline);
        let limit = deadline.into_iter().chain(limit).min();
        let limit = limit.filter(|_| !state.is_past_pivot());
        for step in state.running() {
            let (planned, own) = (&state.plan.steps[step], &state.steps[step]);
            let until = own.due.into_iter().chain(limit).min();
            match (&planned.action, &own.child_run) {
                (StepAction::Wait(wait), _) => {
                    let of = wait.event().and_then(|event| state.event_of(event).ok());
                    let (kind, subject) = of.map(|of| (of.kind, of.subject)).unzip();
                    found.waits.push(WaitHead {
                        run: Arc::clone(&state.run),
                        step: format!("{path}{}", planned.id).into(),
                        until,
                        kind,
                        subject: subject.flatten(),
                    });
                }
                (StepAction::Workflow(plan), Some(child)) if own.tries.due.is_none() => {
                    let path = format!("{path}{}/", planned.id);
                    if let Some(child) = self.find(child) {
                        self.find_pauses(&child.lock(), &path, until, found)?;
                    } else if let Some(child) = self.load_child(child, plan)? {
                        self.find_pauses(&child, &path, until, found)?;
                    }
                }
                _ => found.is_at_work = true,
            }
        }
        found.is_at_work |= state.with_status(StepStatus::Compensating).next().is_some();
        Ok(())
    }
}
