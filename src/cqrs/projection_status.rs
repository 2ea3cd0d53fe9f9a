use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Whether a projection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProjectionStatus {
    /// It takes events as they are stored.
    Running,
    /// It takes all events again, from the first.
    Rebuilding,
    /// It had too many errors, and waits to be resumed.
    Paused,
}

impl ProjectionStatus {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Running, Self::Rebuilding, Self::Paused];

    /// The table of transitions.
    pub fn can_become(self, next: Self) -> bool {
        match self {
            Self::Running => next != Self::Running,
            Self::Rebuilding => true,
            Self::Paused => next != Self::Paused,
        }
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Rebuilding => "rebuilding",
            Self::Paused => "paused",
        }
    }
}

/// When a projection tries an event again, and when it gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProjectionPolicy {
    /// For how long an error is recent; 5 minutes unless given.
    pub error_window: Duration,
    /// How long it waits before it tries an event again; 2 s unless given.
    ///
    /// That is the preset `constant`: one event that never succeeds pauses its projection after
    /// 20 s. With a delay that grows, its errors would soon lie so far apart that they never are
    /// recent together.
    pub retry_delay: Duration,
}

impl ProjectionPolicy {
    /// With more recent errors than this, a projection is paused.
    pub const MOST_ERRORS: usize = 10;
}

impl Default for ProjectionPolicy {
    fn default() -> Self {
        Self {
            error_window: Duration::from_secs(5 * 60),
            retry_delay: Duration::from_secs(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        ProjectionPolicy,
        ProjectionStatus::{self, *},
    };
    use crate::{clock::Seed, resilience::Retry};

    #[test]
    fn every_transition_is_in_the_table() {
        let allowed = [
            (Running, Rebuilding),
            (Running, Paused),
            (Rebuilding, Running),
            (Rebuilding, Rebuilding),
            (Rebuilding, Paused),
            (Paused, Running),
            (Paused, Rebuilding),
        ];
        for from in ProjectionStatus::ALL {
            for to in ProjectionStatus::ALL {
                assert_eq!(from.can_become(to), allowed.contains(&(from, to)));
            }
        }
    }

    #[test]
    fn it_waits_as_the_preset_does() {
        let preset = Retry::preset("constant").unwrap();
        assert_eq!(
            ProjectionPolicy::default().retry_delay,
            preset.delay(7, Seed(0))
        );
    }
}
