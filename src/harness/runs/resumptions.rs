//! Runs that are called off, or taken up again after they were interrupted.

use std::sync::Arc;

use super::{LastRun, Runs};
use crate::orchestration::Workflow;

impl Runs {
    /// Cancels the last run; an interrupted one is called off, and undone to its end.
    ///
    /// # Errors
    ///
    /// If it is neither running nor interrupted.
    pub async fn cancel(&mut self) -> Result<(), String> {
        let id = self.last_id()?;
        let called_off = self.orchestrator().cancel(&id);
        if let Some(run) = called_off.map_err(|error| error.to_string())? {
            let result = run.outcome().await;
            self.last = vec![LastRun::ended(Some(id), result)];
        }
        Ok(())
    }

    /// Resumes the last run, which was interrupted or whose undo failed, and runs it to its end.
    ///
    /// # Errors
    ///
    /// If there is none, or it is neither.
    pub async fn resume(&mut self) -> Result<(), String> {
        let id = self.last_id()?;
        let running = self
            .orchestrator()
            .resume(&id)
            .map_err(|error| error.to_string())?;
        let result = running.outcome().await;
        self.last = vec![LastRun::ended(Some(id), result)];
        Ok(())
    }

    /// The same with another definition of what has yet to be done, which becomes the workflow.
    ///
    /// # Errors
    ///
    /// If there is no run, or the definition cannot be declared.
    pub async fn resume_mended(&mut self, workflow: Workflow) -> Result<(), String> {
        let id = self.last_id()?;
        self.declare(Arc::new(workflow))?;
        let running = self
            .plan()?
            .and_then(|plan| self.orchestrator().resume_mended(&id, &plan));
        let result = match running {
            Ok(running) => running.outcome().await,
            Err(error) => Err(error),
        };
        self.last = vec![LastRun::ended(Some(id), result)];
        Ok(())
    }
}
