//! What runs wait for, as others see it.

use std::sync::Arc;

use super::{JournalError, Orchestrator, plan::StepAction, state::RunState};
use crate::{domain::StepStatus, observability::WaitHead, services::Limit};

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
        Arc::clone(&self.process.waiting).notified_owned()
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
        of_parent: Option<Limit>,
        found: &mut Pauses,
    ) -> Result<(), JournalError> {
        let deadline = state.deadline(of_parent);
        for step in state.running() {
            let (planned, own) = (&state.plan.steps[step], &state.steps[step]);
            let path_of_step = || format!("{path}{}", planned.id);
            match (&planned.action, &own.child_run) {
                (StepAction::Wait(wait), _) => {
                    // One whose subject is not text is about to fail.
                    if let Ok(mut head) = state.wait_head(step, wait, deadline) {
                        head.step = path_of_step().into();
                        found.waits.push(head);
                    }
                }
                (StepAction::Workflow(plan), Some(child)) if own.tries().due.is_none() => {
                    let path = path_of_step() + "/";
                    let mut find_within = |child: &RunState| {
                        let limit = state.child_limit(step, deadline, child.deadline_base);
                        self.find_pauses(child, &path, limit, found)
                    };
                    if let Some(child) = self.find(child) {
                        find_within(&child.lock())?;
                    } else if let Some(child) = self.load_child(child, plan)? {
                        find_within(&child)?;
                    }
                }
                _ => found.is_at_work = true,
            }
        }
        found.is_at_work |= state.with_status(StepStatus::Compensating).next().is_some();
        Ok(())
    }
}
