//! The runs that carry out the plans of goals.

use std::sync::Arc;

use super::{RunProgress, Runs};
use crate::{
    control::{Coordinator, CoordinatorDefinition},
    domain::Violation,
    orchestration::Outcome,
};

impl Runs {
    /// Kills the orchestrator's process.
    pub(crate) fn kill(&self) {
        self.orchestrator().kill();
    }

    /// The outcomes of those of the last runs that have ended.
    ///
    /// # Errors
    ///
    /// If the task of one failed.
    pub(crate) fn ended(&mut self) -> Result<Vec<&Outcome>, String> {
        self.note_ended()?;
        let results = self.last.iter().map(|run| match &run.progress {
            RunProgress::Ended(result) => result.as_ref().as_ref().ok(),
            RunProgress::Running(_) => None,
        });
        Ok(results.flatten().collect())
    }

    /// Has steps about the state and the approvals of a run refer to that of a goal.
    pub(crate) fn refer_to(&mut self, run: Arc<str>) {
        self.of_goal = Some(run);
    }

    /// A coordinator whose plans this orchestrator carries out.
    ///
    /// # Errors
    ///
    /// If its definition is not valid.
    #[doc(hidden)]
    pub fn coordinator(&self, definition: CoordinatorDefinition) -> Result<Coordinator, Violation> {
        Coordinator::new(definition, Arc::clone(&self.orchestrator), &self.client)
    }
}
