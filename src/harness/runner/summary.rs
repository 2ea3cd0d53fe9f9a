use std::io;

use crate::harness::events::Status;

/// The result of a run.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Summary {
    /// Scenarios that passed.
    pub passed: usize,
    /// Scenarios that failed.
    pub failed: usize,
    /// Scenarios that were not run because an earlier one failed.
    pub skipped: usize,
    /// Scenarios that are not finished yet, as declared by their authors.
    pub pending: usize,
    /// Scenarios with a step that has no definition.
    pub undefined: usize,
    /// Scenarios with a step that has more than one definition.
    pub ambiguous: usize,
    /// Whether any scenario fails the run; pending `@wip` ones do not.
    pub failed_run: bool,
    /// The number of the signal that stopped the run early.
    pub interrupted_by: Option<u8>,
    /// What views could not write.
    pub view_errors: Vec<io::Error>,
}

impl Summary {
    /// 0 all passed, 1 a scenario failed, 2 a report could not be written; an interrupted run has 128
    /// and the number of the signal, as in shells: 130 for SIGINT, 143 for SIGTERM.
    pub fn exit_status(&self) -> u8 {
        match self.interrupted_by {
            Some(signal) => 128 | signal,
            None if self.failed_run => 1,
            None if !self.view_errors.is_empty() => 2,
            None => 0,
        }
    }

    pub(super) fn count(&mut self, status: Status) {
        *match status {
            Status::Passed => &mut self.passed,
            Status::Failed => &mut self.failed,
            Status::Skipped => &mut self.skipped,
            Status::Pending => &mut self.pending,
            Status::Undefined => &mut self.undefined,
            Status::Ambiguous => &mut self.ambiguous,
        } += 1;
    }
}
