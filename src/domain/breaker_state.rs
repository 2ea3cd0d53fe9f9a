use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether a breaker lets calls through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BreakerState {
    /// All calls pass.
    Closed,
    /// No call passes.
    Open,
    /// A few calls pass, to see whether the service has recovered.
    HalfOpen,
}

impl BreakerState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Closed, Self::Open, Self::HalfOpen];

    /// The name that steps and messages show.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }

    /// The table of transitions: open becomes closed only by way of half-open.
    pub fn can_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Closed | Self::HalfOpen, Self::Open)
                | (Self::Open, Self::HalfOpen)
                | (Self::HalfOpen, Self::Closed)
        )
    }
}

impl fmt::Display for BreakerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaker_state_allows_exactly_the_listed_transitions() {
        use BreakerState as B;
        let allowed = [
            (B::Closed, B::Open),
            (B::Open, B::HalfOpen),
            (B::HalfOpen, B::Closed),
            (B::HalfOpen, B::Open),
        ];
        for from in B::ALL {
            for to in B::ALL {
                assert_eq!(
                    from.can_become(to),
                    allowed.contains(&(from, to)),
                    "{from} -> {to}"
                );
            }
        }
    }

    #[test]
    fn state_names_match_their_json() {
        for state in BreakerState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }
}
