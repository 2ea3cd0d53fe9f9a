//! Interrupted runs that are resumed with another definition of what has yet to be done.

use std::sync::Arc;

use super::{
    JournalEntry, JournalError, Orchestrator, Plan, Run, RunError,
    plan::{PlannedStep, invalid},
    state::RunState,
    step_state::StepState,
    wait::Wait,
};
use crate::domain::{Failure, StepStatus};

impl Orchestrator {
    /// Resumes an interrupted run with another definition; what has completed is as before.
    ///
    /// # Errors
    ///
    /// As for [`resume`](Self::resume), and if the definition changes a step that has completed or may
    /// have had an effect, or is that of another workflow.
    pub fn resume_mended(&self, id: &str, plan: &Arc<Plan>) -> Result<Run, RunError> {
        let mut state = self.load_mendable(id, plan)?;
        let entry = JournalEntry::Resumed {
            workflow: Some(Arc::clone(plan.workflow())),
            at: self.now(),
        };
        self.process.journal.append(&state.run, &entry)?;
        state
            .apply(&entry)
            .map_err(|why| JournalError::corrupt(id, why))?;
        self.continue_run(state, None, None)
    }

    /// Checks that a run can be resumed with another definition, without resuming it.
    ///
    /// # Errors
    ///
    /// As for [`resume_mended`](Self::resume_mended).
    #[cfg(feature = "control")]
    pub fn check_mended(&self, id: &str, plan: &Plan) -> Result<(), RunError> {
        self.load_mendable(id, plan).map(drop)
    }

    fn load_mendable(&self, id: &str, plan: &Plan) -> Result<RunState, RunError> {
        let state = self.load_resumable(id)?;
        if !state.status.can_be_resumed() {
            return Err(RunError::NotResumable {
                run: id.to_owned(),
                status: state.status,
            });
        }
        match state.unmendable(plan) {
            Some(fault) => Err(RunError::Refused(Box::new(fault))),
            None => Ok(state),
        }
    }
}

impl RunState {
    /// Why the rest of the run cannot have another definition.
    fn unmendable(&self, plan: &Plan) -> Option<Failure> {
        if plan.id() != self.plan.id() {
            let message = format!(
                "it is the workflow {:?}, expected another definition of {:?}",
                plan.id(),
                self.plan.id()
            );
            return Some(invalid("/id", message));
        }
        let changed = (0..self.steps.len()).filter(|&step| !self.is_as_in(step, plan));
        for step in changed {
            let (state, id) = (&self.steps[step], &self.plan.steps[step].id);
            let why = match state.status {
                // What else is to be done needs an approval of its own.
                StepStatus::Completed if self.is_approval(step) => continue,
                StepStatus::Completed => "has completed",
                _ if state.failure.as_ref().is_some_and(|it| it.in_doubt) || state.in_doubt => {
                    "may have had an effect"
                }
                _ => continue,
            };
            let message = format!("step {id:?} {why}, and so cannot be changed");
            return Some(invalid(&format!("/steps/{step}"), message));
        }
        None
    }

    fn is_approval(&self, step: usize) -> bool {
        matches!(self.plan.steps[step].wait(), Some(Wait::Approval(_)))
    }

    /// Whether a step is at the same place in a plan, and defined as it is here.
    fn is_as_in(&self, step: usize, plan: &Plan) -> bool {
        plan.workflow.steps.get(step) == Some(&self.plan.workflow.steps[step])
    }

    /// How often the approval of a step of this id was asked for, so that a former answer does not count
    /// again, wherever the step is now.
    fn requests(&self, id: &str) -> u32 {
        let asked = self.plan.index(id).filter(|&step| {
            self.is_approval(step) && self.steps[step].status != StepStatus::Pending
        });
        asked.map_or(0, |step| self.steps[step].child_count + 1)
    }

    /// Goes on with another plan: steps that it changes are as if they had never been started.
    pub(super) fn mend(&mut self, plan: Arc<Plan>) {
        let kept = |step: &usize| *step < self.steps.len() && self.is_as_in(*step, &plan);
        let kept: Vec<bool> = (0..plan.steps.len()).map(|step| kept(&step)).collect();
        let mut steps: Vec<StepState> = kept
            .iter()
            .enumerate()
            .map(|(step, kept)| match kept {
                true => self.steps[step].clone(),
                false => StepState {
                    child_count: self.requests(&plan.steps[step].id),
                    ..StepState::default()
                },
            })
            .collect();
        let is_done = |step: usize, steps: &[StepState]| match steps[step].status {
            StepStatus::Completed => true,
            StepStatus::Failed => plan.workflow.steps[step].optional,
            _ => false,
        };
        let waits = |planned: &PlannedStep| {
            let open = planned.dependencies.iter();
            let open = open.filter(|step| !is_done(**step, &steps)).count();
            u32::try_from(open).unwrap_or(u32::MAX)
        };
        let waits: Vec<u32> = plan.steps.iter().map(waits).collect();
        for (state, waits) in steps.iter_mut().zip(waits) {
            state.waits = waits;
        }
        self.ready = (0..steps.len())
            .filter(|&step| steps[step].status == StepStatus::Pending && steps[step].waits == 0)
            .collect();
        self.ended
            .retain(|&step| kept.get(step).is_some_and(|kept| *kept));
        self.steps = steps;
        self.plan = plan;
    }
}
