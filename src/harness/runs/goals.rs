//! The runs that carry out the plans of goals.

use std::sync::Arc;

use super::Runs;
use crate::{
    control::{Coordinator, CoordinatorDefinition},
    domain::Violation,
};

impl Runs {
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
