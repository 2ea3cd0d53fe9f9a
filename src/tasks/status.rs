use std::fmt;

use serde::{Deserialize, Serialize};

/// The status of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// Planned, and not begun.
    #[default]
    Pending,
    /// Somebody works on it.
    InProgress,
    /// Something outside must happen first.
    Blocked,
    /// Done.
    Completed,
    /// Given up, as it could not be done.
    Failed,
    /// Given up on request.
    Cancelled,
    /// Out of the way, and kept.
    Archived,
}

impl TaskStatus {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::InProgress,
        Self::Blocked,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Archived,
    ];

    /// Its name in inputs, replies and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InProgress => "in_progress",
            Self::Blocked => "blocked",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Archived => "archived",
        }
    }

    /// Whether nothing more is to be done.
    pub fn is_end(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Failed | Self::Cancelled | Self::Archived
        )
    }

    /// The table of transitions.
    pub fn can_become(self, next: Self) -> bool {
        use TaskStatus as S;
        matches!(
            (self, next),
            (S::Pending, S::InProgress | S::Blocked | S::Cancelled)
                | (
                    S::InProgress,
                    S::Completed | S::Failed | S::Blocked | S::Cancelled
                )
                | (S::Blocked, S::InProgress | S::Cancelled)
                | (S::Completed | S::Failed | S::Cancelled, S::Archived)
        )
    }
}

impl fmt::Display for TaskStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::TaskStatus::{self, *};

    #[test]
    fn task_transitions_match_the_table() {
        let allowed = [
            (Pending, InProgress),
            (Pending, Blocked),
            (Pending, Cancelled),
            (InProgress, Completed),
            (InProgress, Failed),
            (InProgress, Blocked),
            (InProgress, Cancelled),
            (Blocked, InProgress),
            (Blocked, Cancelled),
            (Completed, Archived),
            (Failed, Archived),
            (Cancelled, Archived),
        ];
        for from in TaskStatus::ALL {
            for to in TaskStatus::ALL {
                let is_allowed = allowed.contains(&(from, to));
                assert_eq!(from.can_become(to), is_allowed, "{from:?} -> {to:?}");
            }
            assert_eq!(serde_json::to_value(from).unwrap(), from.as_str());
        }
    }

    #[test]
    fn ended_task_is_only_archived() {
        for from in TaskStatus::ALL.into_iter().filter(|status| status.is_end()) {
            let next = TaskStatus::ALL
                .into_iter()
                .filter(|to| from.can_become(*to));
            assert!(next.into_iter().all(|to| to == Archived), "{from:?}");
        }
    }
}
