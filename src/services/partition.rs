use std::time::Duration;

use super::{FaultId, Registry};
use crate::domain::{Call, did_you_mean};

/// Why a partition cannot begin or end.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum PartitionError {
    /// No service or caller has the name.
    #[error("no service or caller is named {name:?}: {hint}")]
    Unknown {
        /// The name.
        name: String,
        /// The nearest name, or all of them: services and other callers.
        hint: String,
    },
    /// Neither is a service, or both are the same.
    #[error("no calls are made between {0:?} and {1:?}")]
    NoCalls(String, String),
    /// There is no partition between them.
    #[error("{0:?} is not cut off from {1:?}")]
    NotCutOff(String, String),
}

impl Registry {
    /// Checks that two can be partitioned: services, or a service and another caller.
    ///
    /// # Errors
    ///
    /// If a name is unknown, or no calls are made between the two.
    pub fn check_partition(&self, one: &str, other: &str) -> Result<(), PartitionError> {
        let names = self.names();
        let callers = [
            Call::ORCHESTRATOR,
            Call::COMMAND_HANDLER,
            Call::PROJECTOR,
            Call::PUBLISHER,
            Call::SCENARIO,
        ];
        let is_service = |name: &str| self.role(name).is_ok();
        for name in [one, other] {
            if !is_service(name) && !callers.contains(&name) {
                let known = names.iter().map(|name| &**name).chain(callers);
                return Err(PartitionError::Unknown {
                    name: name.to_owned(),
                    hint: did_you_mean(name, known),
                });
            }
        }
        if one == other || !(is_service(one) || is_service(other)) {
            return Err(PartitionError::NoCalls(one.to_owned(), other.to_owned()));
        }
        Ok(())
    }

    /// Loses every request between two, in both directions, until an offset or until they
    /// [`heal`](Self::heal).
    ///
    /// # Errors
    ///
    /// As for [`check_partition`](Self::check_partition).
    pub fn partition(
        &self,
        one: &str,
        other: &str,
        until: Option<Duration>,
        fault: FaultId,
    ) -> Result<(), PartitionError> {
        self.check_partition(one, other)?;
        for (service, caller) in [(one, other), (other, one)] {
            // Callers that are not services have no script.
            let _ = self.script(service, |script, _| {
                script.partition(caller, until, fault);
            });
        }
        Ok(())
    }

    /// Ends the partition between two.
    ///
    /// # Errors
    ///
    /// As for [`check_partition`](Self::check_partition); if there is no partition.
    pub fn heal(&self, one: &str, other: &str, now: Duration) -> Result<(), PartitionError> {
        self.check_partition(one, other)?;
        let mut was_partitioned = false;
        for (service, caller) in [(one, other), (other, one)] {
            let healed = self.script(service, |script, _| script.heal(caller, now));
            was_partitioned |= healed.unwrap_or(false);
        }
        if was_partitioned {
            return Ok(());
        }
        Err(PartitionError::NotCutOff(one.to_owned(), other.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        observability::Timeline,
        services::{Effects, Faults, MockService, script::Transit},
    };

    fn registry() -> Registry {
        let registry = Registry::default();
        let effects = Effects::new(Timeline::new(Clock::start()));
        for name in ["Stock", "Payments"] {
            registry.add(MockService::bare(name, effects.clone()));
        }
        registry
    }

    #[tokio::test(start_paused = true)]
    async fn partition_needs_a_service_and_another_caller() {
        let registry = registry();
        for (one, other) in [
            ("Stock", "Payments"),
            ("orchestrator", "Stock"),
            ("Stock", "scenario"),
        ] {
            assert_eq!(registry.check_partition(one, other), Ok(()));
        }
        for (one, other, expected) in [
            (
                "Stok",
                "Payments",
                "no service or caller is named \"Stok\": did you mean \"Stock\"?",
            ),
            (
                "Stock",
                "orchestrater",
                "no service or caller is named \"orchestrater\": did you mean \"orchestrator\"?",
            ),
            (
                "Stock",
                "Stock",
                "no calls are made between \"Stock\" and \"Stock\"",
            ),
            (
                "scenario",
                "orchestrator",
                "no calls are made between \"scenario\" and \"orchestrator\"",
            ),
        ] {
            let error = registry.check_partition(one, other).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn partition_ends_once() {
        let registry = registry();
        let fault = Faults::default().declare("x", "y");
        let second = Duration::from_secs(1);
        let heal = |now| registry.heal("Payments", "Stock", now);
        let not_cut_off = PartitionError::NotCutOff("Payments".to_owned(), "Stock".to_owned());
        assert_eq!(heal(second).as_ref(), Err(&not_cut_off));
        registry
            .partition("Stock", "Payments", None, fault)
            .unwrap();
        assert_eq!(heal(second), Ok(()));
        assert_eq!(heal(second).as_ref(), Err(&not_cut_off));
        let until = Some(second);
        registry
            .partition("Stock", "Payments", until, fault)
            .unwrap();
        assert_eq!(heal(second), Err(not_cut_off), "it has ended by itself");
    }

    #[tokio::test(start_paused = true)]
    async fn partition_loses_requests_both_ways_before_its_end() {
        let registry = registry();
        let fault = Faults::default().declare("x", "y");
        let second = Duration::from_secs(1);
        registry
            .partition("Stock", "Payments", Some(second), fault)
            .unwrap();
        let lost = |service: &str, caller: &str, now| {
            let transit = registry.script(service, |script, _| {
                script.next("op", caller, now, Duration::ZERO).transit
            });
            transit.unwrap() == Transit::Lost
        };
        let before = second - Duration::from_millis(1);
        assert!(lost("Stock", "Payments", before) && lost("Payments", "Stock", before));
        assert!(!lost("Stock", "scenario", before));
        assert!(!lost("Stock", "Payments", second) && !lost("Payments", "Stock", second));
    }
}
