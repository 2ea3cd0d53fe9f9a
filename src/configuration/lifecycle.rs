use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::{Failure, code, from_value};

/// The field of a configuration that holds its lifecycle, once it has left the first stage.
pub(super) const LIFECYCLE: &str = "lifecycle";

/// Where a configuration is in its life.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Lifecycle {
    /// The stage.
    pub stage: ConfigurationStage,
    /// What is to be used instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migration_path: Option<Arc<str>>,
    /// Until when a deprecated one may be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sunset_date: Option<Arc<str>>,
}

/// A stage in the life of a configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ConfigurationStage {
    /// It is being made.
    #[default]
    Creation,
    /// It is used.
    ActiveUsage,
    /// It is still used, and something else is to be used instead.
    Deprecation,
    /// It is kept, and not used.
    Archival,
}

impl ConfigurationStage {
    /// Every stage.
    #[cfg(test)]
    pub const ALL: [Self; 4] = [
        Self::Creation,
        Self::ActiveUsage,
        Self::Deprecation,
        Self::Archival,
    ];

    /// The name that replies show.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creation => "creation",
            Self::ActiveUsage => "active_usage",
            Self::Deprecation => "deprecation",
            Self::Archival => "archival",
        }
    }

    /// The table of transitions.
    pub fn can_become(self, next: Self) -> bool {
        use ConfigurationStage as S;
        matches!(
            (self, next),
            (S::Creation, S::ActiveUsage)
                | (S::ActiveUsage, S::Deprecation)
                | (S::Deprecation, S::Archival)
        )
    }
}

impl Lifecycle {
    /// That of a configuration that has left the first stage.
    pub fn of(configuration: &Map<String, Value>) -> Option<Self> {
        from_value(configuration.get(LIFECYCLE)?).ok()
    }

    /// Checks that it can go on to a stage.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` if not.
    pub fn check_next(&self, next: ConfigurationStage) -> Result<(), Box<Failure>> {
        if self.stage.can_become(next) {
            return Ok(());
        }
        let (from, to) = (self.stage.as_str(), next.as_str());
        let message = format!("a configuration does not go from {from} to {to}");
        let failure = Failure::new(code::ILLEGAL_TRANSITION, message);
        Err(Box::new(failure.field("stage")))
    }

    /// Until when it may be used, if that is a timestamp.
    pub fn sunset(&self) -> Option<DateTime<Utc>> {
        let date = self.sunset_date.as_deref()?;
        let date = DateTime::parse_from_rfc3339(date).ok()?;
        Some(date.with_timezone(&Utc))
    }
}

/// What must hold for a transition, by the names that refusals give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    AllReferencesValid,
    ConfigurationComplete,
    MigrationPathDefined,
    SunsetDateValid,
    DeprecationPeriodExpired,
    NoActiveUsage,
}

impl Guard {
    /// Those of the transition to a stage.
    pub fn of(stage: ConfigurationStage) -> &'static [Self] {
        match stage {
            ConfigurationStage::Creation => &[],
            ConfigurationStage::ActiveUsage => {
                &[Self::AllReferencesValid, Self::ConfigurationComplete]
            }
            ConfigurationStage::Deprecation => &[Self::MigrationPathDefined, Self::SunsetDateValid],
            ConfigurationStage::Archival => &[Self::DeprecationPeriodExpired, Self::NoActiveUsage],
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::AllReferencesValid => "all_references_valid",
            Self::ConfigurationComplete => "configuration_complete",
            Self::MigrationPathDefined => "migration_path_defined",
            Self::SunsetDateValid => "sunset_date_valid",
            Self::DeprecationPeriodExpired => "deprecation_period_expired",
            Self::NoActiveUsage => "no_active_usage",
        }
    }

    /// The refusal of a transition for which it does not hold.
    pub fn refusal(self, why: &str) -> Failure {
        let message = format!("{} does not hold: {why}", self.as_str());
        Failure::new(code::GUARD_NOT_MET, message).field(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{ConfigurationStage as S, *};

    #[test]
    fn transitions_match_the_table() {
        let allowed = [
            (S::Creation, S::ActiveUsage),
            (S::ActiveUsage, S::Deprecation),
            (S::Deprecation, S::Archival),
        ];
        for from in S::ALL {
            for to in S::ALL {
                let is_allowed = allowed.contains(&(from, to));
                assert_eq!(from.can_become(to), is_allowed, "{from:?} -> {to:?}");
                let lifecycle = Lifecycle {
                    stage: from,
                    ..Lifecycle::default()
                };
                assert_eq!(lifecycle.check_next(to).is_ok(), is_allowed);
            }
            assert_eq!(serde_json::to_value(from).unwrap(), from.as_str());
        }
    }

    #[test]
    fn each_transition_has_two_guards() {
        for to in S::ALL {
            let is_reached = S::ALL.into_iter().any(|from| from.can_become(to));
            assert_eq!(
                Guard::of(to).len(),
                if is_reached { 2 } else { 0 },
                "{to:?}"
            );
        }
    }
}
