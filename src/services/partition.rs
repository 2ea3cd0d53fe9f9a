use std::time::Duration;

use super::{FaultId, Registry};
use crate::domain::{Call, did_you_mean};

/// Why no partition can lie between two, or end.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum PartitionError {
    /// Nobody goes by the name.
    #[error("no service or caller is named {name:?}: {hint}")]
    Unknown {
        /// The name.
        name: String,
        /// The nearest name, or all of them: services and who else calls.
        hint: String,
    },
    /// No call goes from a caller to another that is no service, or from one to itself.
    #[error("no call goes between {0:?} and {1:?}")]
    NoCalls(String, String),
    /// They reach each other.
    #[error("{0:?} is not cut off from {1:?}")]
    NotCutOff(String, String),
}

impl Registry {
    /// Checks that a partition may lie between two: services, or a service and another caller.
    ///
    /// # Errors
    ///
    /// If a name is unknown, or no call goes between the two.
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

    /// Loses every request between two, whoever sends it, until an offset or until they reach each
    /// other again.
    ///
    /// # Errors
    ///
    /// As for [`check_partition`](Self::check_partition).
    pub fn cut_off(
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
                script.is_cut_off_from(caller, until, fault);
            });
        }
        Ok(())
    }

    /// Ends the partition between two.
    ///
    /// # Errors
    ///
    /// As for [`check_partition`](Self::check_partition), and if there is none left.
    pub fn reaches_again(
        &self,
        one: &str,
        other: &str,
        now: Duration,
    ) -> Result<(), PartitionError> {
        self.check_partition(one, other)?;
        let mut was_cut = false;
        for (service, caller) in [(one, other), (other, one)] {
            let mended = self.script(service, |script, _| script.is_reached_by(caller, now));
            was_cut |= mended.unwrap_or(false);
        }
        if was_cut {
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
        services::{Effects, Faults, MockService, scripted_execution::Transit},
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
    async fn only_who_can_call_each_other_can_be_parted() {
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
                "no call goes between \"Stock\" and \"Stock\"",
            ),
            (
                "scenario",
                "orchestrator",
                "no call goes between \"scenario\" and \"orchestrator\"",
            ),
        ] {
            let error = registry.check_partition(one, other).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_partition_ends_once() {
        let registry = registry();
        let fault = Faults::default().declare("x", "y");
        let second = Duration::from_secs(1);
        let mend = |now| registry.reaches_again("Payments", "Stock", now);
        let not_cut_off = PartitionError::NotCutOff("Payments".to_owned(), "Stock".to_owned());
        assert_eq!(mend(second).as_ref(), Err(&not_cut_off));
        registry.cut_off("Stock", "Payments", None, fault).unwrap();
        assert_eq!(mend(second), Ok(()));
        assert_eq!(mend(second).as_ref(), Err(&not_cut_off));
        let until = Some(second);
        registry.cut_off("Stock", "Payments", until, fault).unwrap();
        assert_eq!(mend(second), Err(not_cut_off), "it has ended by itself");
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_lost_both_ways_until_but_not_at_the_end() {
        let registry = registry();
        let fault = Faults::default().declare("x", "y");
        let second = Duration::from_secs(1);
        registry
            .cut_off("Stock", "Payments", Some(second), fault)
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
