use serde::{Deserialize, Serialize};

/// The state of a request that is answered later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestStatus {
    /// Accepted and queued.
    #[default]
    Pending,
    /// Its call is under way.
    Processing,
    /// Its call succeeded.
    Completed,
    /// Its call failed.
    Failed,
}

impl RequestStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [
        Self::Pending,
        Self::Processing,
        Self::Completed,
        Self::Failed,
    ];

    /// The name that entries, callbacks and events show.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// The table of transitions: a request is processed once, and ends once.
    pub fn can_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Pending, Self::Processing) | (Self::Processing, Self::Completed | Self::Failed)
        )
    }

    /// Whether no other status can follow.
    pub fn is_final(self) -> bool {
        !Self::ALL.into_iter().any(|next| self.can_become(next))
    }
}

#[cfg(test)]
mod tests {
    use super::RequestStatus::{self, *};

    #[test]
    fn request_status_allows_exactly_the_listed_transitions() {
        let allowed = [
            (Pending, Processing),
            (Processing, Completed),
            (Processing, Failed),
        ];
        for from in RequestStatus::ALL {
            for to in RequestStatus::ALL {
                assert_eq!(
                    from.can_become(to),
                    allowed.contains(&(from, to)),
                    "{from:?} -> {to:?}"
                );
            }
            assert_eq!(from.is_final(), matches!(from, Completed | Failed));
            assert_eq!(serde_json::to_value(from).unwrap(), from.as_str());
        }
    }
}
