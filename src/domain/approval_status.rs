use serde::{Deserialize, Serialize};

/// The state of a request for approval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalStatus {
    /// Not answered yet.
    #[default]
    Pending,
    /// What it was asked for may be done.
    Approved,
    /// What it was asked for must not be done.
    Denied,
    /// Nobody answered in time.
    TimedOut,
    /// What it was asked for is no longer to be done.
    Cancelled,
}

impl ApprovalStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Approved,
        Self::Denied,
        Self::TimedOut,
        Self::Cancelled,
    ];

    /// The name that outcomes and events show.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
        }
    }

    /// The table of transitions: a request ends once.
    pub fn can_become(self, next: Self) -> bool {
        self == Self::Pending && next != Self::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::ApprovalStatus::{self, *};

    #[test]
    fn approval_transitions_match_the_table() {
        let allowed = [
            (Pending, Approved),
            (Pending, Denied),
            (Pending, TimedOut),
            (Pending, Cancelled),
        ];
        for from in ApprovalStatus::ALL {
            for to in ApprovalStatus::ALL {
                let is_allowed = allowed.contains(&(from, to));
                assert_eq!(from.can_become(to), is_allowed, "{from:?} -> {to:?}");
            }
            assert_eq!(serde_json::to_value(from).unwrap(), from.as_str());
        }
    }
}
