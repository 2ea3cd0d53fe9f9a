use std::sync::Arc;

use super::{LastRun, Progress, Runs, no_input};
use crate::{
    harness::process::{Mission, run_until_killed},
    orchestration::{CrashPoint, RunError},
};

impl Runs {
    /// Runs the workflow in a process of its own, on the journal's file, and kills that at a point.
    ///
    /// # Errors
    ///
    /// If the workflow or the point makes no sense, the journal is kept in no file, something still
    /// runs, the process does not do as it is told, or the run ends without reaching the point.
    pub async fn run_in_process_until(
        &mut self,
        point: CrashPoint,
        step: &str,
    ) -> Result<(), String> {
        self.check_crash(point, step)?;
        if step.contains('/') {
            return Err(format!(
                "a process is killed at a step of its workflow, {step:?} is one of a workflow within"
            ));
        }
        let Some(journal) = self.file.clone() else {
            return Err(
                "a process that is killed leaves nothing but its journal: say `the journal is kept in a file` before"
                    .to_owned(),
            );
        };
        let under_way = |run: &LastRun| matches!(run.state, Progress::UnderWay(_));
        if self.last.iter().any(under_way) {
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
        self.close_journal();
        let mission = Mission {
            client: Arc::clone(&self.client),
            workflow: Arc::clone(plan.workflow()),
            input: Arc::new(no_input()),
            journal,
            point,
            step,
        };
        let run = run_until_killed(mission).await;
        // What it left behind can be read, but nothing goes on before a restart.
        self.open_journal().map_err(|error| error.to_string())?;
        self.orchestrator.kill();
        let lost = LastRun::ended(Some(run?), Err(RunError::Crashed));
        self.last.push(lost);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        clock::{Clock, Seed},
        harness::Cast,
        observability::Timeline,
    };

    #[tokio::test(start_paused = true)]
    async fn a_process_is_killed_only_where_that_can_be_survived() {
        let cast = Cast::new(Timeline::new(Clock::start()), Seed(0));
        cast.add_bare("AgentService");
        let mut runs = cast.runs();
        let workflow = json!({
            "id": "w", "steps": [{
                "id": "around", "workflow": {
                    "id": "within",
                    "steps": [{ "id": "a", "service": "AgentService", "operation": "createAgent" }],
                },
            }],
        });
        runs.declare(Arc::new(serde_json::from_value(workflow).unwrap()));
        let after = CrashPoint::After;
        let refused = runs.run_in_process_until(after, "around/a").await;
        assert!(refused.unwrap_err().contains("one of a workflow within"));
        let refused = runs.run_in_process_until(after, "around").await;
        assert!(refused.unwrap_err().contains("nothing but its journal"));

        let folder = tempfile::tempdir().unwrap();
        runs.keep_journal_in(folder.path().join("journal.db"))
            .unwrap();
        cast.script("AgentService.createAgent").unwrap().hangs();
        runs.start(no_input()).unwrap();
        let refused = runs.run_in_process_until(after, "around").await;
        assert!(
            refused
                .unwrap_err()
                .contains("still running in this process")
        );
    }
}
