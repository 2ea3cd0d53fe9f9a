//! The statuses of runs and steps.

use serde::{Deserialize, Serialize};

/// The status of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkflowStatus {
    /// Running or compensating.
    Running,
    /// Every step completed.
    Completed,
    /// Completed, but an optional step failed or a fallback replaced a reply.
    Degraded,
    /// A step failed, and what depends on it is deferred; all else is finished.
    PartiallySuccessful,
    /// Stopped with a partial result that can be resumed.
    Interrupted,
    /// Failed or past its deadline, and no compensation failed.
    RolledBack,
    /// Failed, and so did a compensation.
    Failed,
    /// Stopped on request, and no compensation failed.
    Cancelled,
}

impl WorkflowStatus {
    /// Every status.
    pub const ALL: [Self; 8] = [
        Self::Running,
        Self::Completed,
        Self::Degraded,
        Self::PartiallySuccessful,
        Self::Interrupted,
        Self::RolledBack,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The name that outcomes and events show.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Degraded => "degraded",
            Self::PartiallySuccessful => "partially_successful",
            Self::Interrupted => "interrupted",
            Self::RolledBack => "rolled_back",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether a run that has ended like this has steps that may yet be done.
    pub(crate) fn can_be_resumed(self) -> bool {
        matches!(self, Self::Interrupted | Self::PartiallySuccessful)
    }

    /// The table of transitions.
    ///
    /// A run ends once. An interrupted or partially successful one may be resumed or called off, and the
    /// undo of a failed one taken up again; a child run may run again to be undone with its parent.
    pub fn can_become(self, next: Self) -> bool {
        match self {
            Self::Running => next != Self::Running,
            Self::Interrupted
            | Self::PartiallySuccessful
            | Self::Completed
            | Self::Degraded
            | Self::Failed => next == Self::Running,
            Self::RolledBack | Self::Cancelled => false,
        }
    }
}

/// The status of a step of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Not started yet.
    #[default]
    Pending,
    /// Its call is running.
    Running,
    /// Its call succeeded.
    Completed,
    /// Its call failed.
    Failed,
    /// Not started, since a step that it depends on failed and is kept.
    Deferred,
    /// Not started before the run ended.
    Skipped,
    /// Its compensation is running.
    Compensating,
    /// Undone.
    Compensated,
    /// Its compensation failed.
    CompensationFailed,
}

impl StepStatus {
    /// Every status.
    pub const ALL: [Self; 9] = [
        Self::Pending,
        Self::Running,
        Self::Completed,
        Self::Failed,
        Self::Deferred,
        Self::Skipped,
        Self::Compensating,
        Self::Compensated,
        Self::CompensationFailed,
    ];

    /// The name that outcomes and events show.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Deferred => "deferred",
            Self::Skipped => "skipped",
            Self::Compensating => "compensating",
            Self::Compensated => "compensated",
            Self::CompensationFailed => "compensation_failed",
        }
    }

    /// Whether it has never started.
    pub(crate) fn has_yet_to_start(self) -> bool {
        matches!(self, Self::Pending | Self::Deferred)
    }

    /// The table of transitions.
    ///
    /// A failed step runs again in a sequential retry, when it is resumed, or when its run is; a
    /// completed step never does. A deferred one runs when what it depends on has completed after all, and is
    /// pending again once its run is resumed. One that a crash interrupted starts over, and so does an undo that
    /// failed, when the failed run is resumed.
    pub fn can_become(self, next: Self) -> bool {
        use StepStatus as S;
        matches!(
            (self, next),
            (S::Pending, S::Running | S::Deferred | S::Skipped)
                | (S::Deferred, S::Pending | S::Running | S::Skipped)
                | (S::Running, S::Running | S::Completed | S::Failed)
                | (S::Completed, S::Compensating)
                | (S::Failed, S::Running | S::Compensating)
                | (S::CompensationFailed, S::Compensating)
                | (
                    S::Compensating,
                    S::Compensating | S::Compensated | S::CompensationFailed
                )
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workflow_transitions_match_the_table() {
        use WorkflowStatus as W;
        let allowed = [
            (W::Running, W::Completed),
            (W::Running, W::Degraded),
            (W::Running, W::PartiallySuccessful),
            (W::Running, W::Interrupted),
            (W::Running, W::RolledBack),
            (W::Running, W::Failed),
            (W::Running, W::Cancelled),
            (W::Interrupted, W::Running),
            (W::PartiallySuccessful, W::Running),
            (W::Completed, W::Running),
            (W::Degraded, W::Running),
            (W::Failed, W::Running),
        ];
        for from in W::ALL {
            for to in W::ALL {
                assert_eq!(
                    from.can_become(to),
                    allowed.contains(&(from, to)),
                    "{from:?} -> {to:?}"
                );
            }
        }
    }

    #[test]
    fn step_transitions_match_the_table() {
        use StepStatus as S;
        let allowed = [
            (S::Pending, S::Running),
            (S::Pending, S::Deferred),
            (S::Pending, S::Skipped),
            (S::Deferred, S::Pending),
            (S::Deferred, S::Running),
            (S::Deferred, S::Skipped),
            (S::Running, S::Running),
            (S::Running, S::Completed),
            (S::Running, S::Failed),
            (S::Completed, S::Compensating),
            (S::Failed, S::Running),
            (S::Failed, S::Compensating),
            (S::Compensating, S::Compensating),
            (S::Compensating, S::Compensated),
            (S::Compensating, S::CompensationFailed),
            (S::CompensationFailed, S::Compensating),
        ];
        for from in S::ALL {
            for to in S::ALL {
                assert_eq!(
                    from.can_become(to),
                    allowed.contains(&(from, to)),
                    "{from:?} -> {to:?}"
                );
            }
        }
    }

    #[test]
    fn names_match_their_json() {
        for status in WorkflowStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        for status in StepStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }
}
