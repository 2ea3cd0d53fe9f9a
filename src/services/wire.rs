use std::{sync::Arc, time::Duration};

use super::FaultId;

/// What connects a service with its callers; it can lose or corrupt payloads.
#[derive(Debug, Default)]
pub(super) struct Wire {
    partitions: Vec<Partition>,
    /// The fault that corrupts requests.
    pub requests_corrupted: Option<FaultId>,
    /// The fault that corrupts replies.
    pub replies_corrupted: Option<FaultId>,
    /// Whether payloads carry checksums: only from when something may be corrupted, since they are
    /// not free.
    pub checked: bool,
}

/// A partition between a caller and the service.
#[derive(Debug)]
struct Partition {
    caller: Arc<str>,
    until: Option<Duration>,
    fault: FaultId,
}

impl Wire {
    /// Loses the requests of a caller, until an offset or until healed; replaces an earlier partition.
    pub fn partition(&mut self, caller: &str, until: Option<Duration>, fault: FaultId) {
        self.heal(caller, Duration::ZERO);
        self.partitions.push(Partition {
            caller: caller.into(),
            until,
            fault,
        });
    }

    /// Ends the partition from a caller; returns whether it still lasted.
    pub fn heal(&mut self, caller: &str, now: Duration) -> bool {
        let index = self
            .partitions
            .iter()
            .position(|one| *one.caller == *caller);
        index.is_some_and(|index| self.partitions.swap_remove(index).lasts_at(now))
    }

    /// The fault that loses a request of a caller, if any.
    pub fn partitioned(&self, caller: &str, now: Duration) -> Option<FaultId> {
        self.lasting(caller, now).next().map(|one| one.fault)
    }

    /// Until when the requests of a caller are lost, as far as that is known.
    pub fn partitioned_until(
        &self,
        caller: &str,
        now: Duration,
    ) -> impl Iterator<Item = Option<Duration>> {
        self.lasting(caller, now).map(|one| one.until)
    }

    fn lasting(&self, caller: &str, now: Duration) -> impl Iterator<Item = &Partition> {
        let of_caller = move |one: &&Partition| *one.caller == *caller && one.lasts_at(now);
        self.partitions.iter().filter(of_caller)
    }
}

impl Partition {
    fn lasts_at(&self, now: Duration) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}
