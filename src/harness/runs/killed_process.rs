use std::sync::Arc;

use super::{LastRun, RunProgress, Runs, no_input};
use crate::{
    harness::process::ProcessRun,
    orchestration::{CrashPoint, RunError},
};

impl Runs {
    /// Runs the workflow in a separate process, on the journal's file, and kills it at a point.
    ///
    /// # Errors
    ///
    /// If the workflow or the point is invalid, the journal is not kept in a file, a run has not
    /// ended, the process fails, or the run ends without reaching the point.
    pub async fn run_and_kill(&mut self, point: CrashPoint, step: &str) -> Result<(), String> {
        self.check_crash(point, step)?;
        if step.contains('/') {
            return Err(format!(
                "a process can be killed at a step of the workflow, not of a nested one: {step:?}"
            ));
        }
        if !matches!(
            point,
            CrashPoint::Before
                | CrashPoint::During
                | CrashPoint::After
                | CrashPoint::DuringCompensation
        ) {
            return Err(format!(
                "a process cannot be killed {point} step {step:?}, only before, during or after a step, or during its compensation"
            ));
        }
        let Some(journal) = self.journal_file.clone() else {
            return Err(
                "only the journal of a killed process remains: add `Given the journal is kept in a file`"
                    .to_owned(),
            );
        };
        let is_running = |run: &LastRun| matches!(run.progress, RunProgress::Running(_));
        if self.last.iter().any(is_running) {
            return Err("a workflow is still running in this process".to_owned());
        }
        self.last.clear();
        let plan = match self.plan()? {
            Ok(plan) => plan,
            Err(refused) => {
                self.last.push(LastRun::ended(None, Err(refused)));
                return Ok(());
            }
        };
        if let Some(kind) = plan.event_types().first() {
            return Err(format!(
                "the workflow waits for the event {kind:?}, which a process of its own does not receive"
            ));
        }
        self.close_journal();
        let process_run = ProcessRun {
            client: Arc::clone(&self.client),
            workflow: Arc::clone(plan.workflow()),
            input: Arc::new(no_input()),
            journal,
            point,
            step,
        };
        let run = process_run.run_until_killed().await;
        // Its journal can be read, but nothing continues before a restart.
        self.open_journal().map_err(|error| error.to_string())?;
        self.orchestrator().kill();
        let crashed = LastRun::ended(Some(run?), Err(RunError::Crashed));
        self.last.push(crashed);
        Ok(())
    }
}
