use std::time::Duration;

use crate::domain::{Failure, code};

/// When a call ends at the latest, whatever its policies say: an execution ends there, and no delay
/// starts that would pass it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The offset on the clock.
    pub at: Duration,
    what: Limited,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limited {
    Run,
    Step,
}

impl Limit {
    /// The deadline of a run.
    pub fn of_run(at: Duration) -> Self {
        let what = Limited::Run;
        Self { at, what }
    }

    /// The end of the time that a step has.
    pub fn of_step(at: Duration) -> Self {
        let what = Limited::Step;
        Self { at, what }
    }

    /// The failure of what did not end in time.
    pub fn failure(self) -> Failure {
        match self.what {
            Limited::Run => Failure::new(code::WORKFLOW_TIMEOUT, "the workflow's deadline passed"),
            Limited::Step => Failure::new(code::TIMEOUT, "the time that the step has passed"),
        }
    }
}
