//! The results of the last runs.

use futures::FutureExt as _;

use super::{RunProgress, RunResult, Runs};
use crate::orchestration::{Outcome, RunError};

impl Runs {
    /// The results of the last runs.
    ///
    /// # Errors
    ///
    /// If nothing was run, or a run has not ended, unless it is partially successful.
    pub fn results(&mut self) -> Result<Vec<&RunResult>, String> {
        self.collect_started();
        if self.last.is_empty() {
            return Err("no workflow was run".to_owned());
        }
        self.note_ended()?;
        self.note_partial()?;
        self.last
            .iter()
            .map(|run| match (&run.progress, &run.partial) {
                (RunProgress::Ended(result), _) | (RunProgress::Running(_), Some(result)) => {
                    Ok(&**result)
                }
                (RunProgress::Running(_), None) => Err(self.still_running(run.id.as_deref())),
            })
            .collect()
    }

    /// Keeps the results of the last runs that have ended.
    pub(super) fn note_ended(&mut self) -> Result<(), String> {
        for run in &mut self.last {
            if let RunProgress::Running(task) = &mut run.progress
                && let Some(ended) = task.now_or_never()
            {
                let result = ended.map_err(|error| error.to_string())?;
                run.progress = RunProgress::Ended(Box::new(result));
            }
        }
        Ok(())
    }

    /// Notes the outcomes so far of those that are partially successful and go on.
    fn note_partial(&mut self) -> Result<(), String> {
        let orchestrator = self.orchestrator();
        for run in &mut self.last {
            run.partial = None;
            if let (RunProgress::Running(_), Some(id)) = (&run.progress, &run.id) {
                let partial = orchestrator.partial_outcome(id);
                let partial = partial.map_err(|error| error.to_string())?;
                run.partial = partial.map(|outcome| Box::new(Ok(outcome)));
            }
        }
        Ok(())
    }

    /// The outcomes of the last runs.
    ///
    /// # Errors
    ///
    /// If nothing was run, or a run has not ended, was refused or crashed.
    pub fn outcomes(&mut self) -> Result<Vec<&Outcome>, String> {
        self.results()?
            .into_iter()
            .map(|result| match result {
                Ok(outcome) => Ok(outcome),
                Err(RunError::Crashed) => Err(
                    "the orchestrator crashed, and nothing restarted it: the workflow has no outcome"
                        .to_owned(),
                ),
                Err(error) => Err(error.to_string()),
            })
            .collect()
    }

    /// The outcome of the last run.
    ///
    /// # Errors
    ///
    /// As [`Runs::outcomes`].
    pub fn outcome(&mut self) -> Result<&Outcome, String> {
        let outcomes = self.outcomes()?;
        outcomes
            .into_iter()
            .next_back()
            .ok_or_else(|| "no workflow was run".to_owned())
    }
}
