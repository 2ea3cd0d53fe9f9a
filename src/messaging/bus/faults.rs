use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    domain::{CallName, format_duration},
    observability::{EventKind, Timeline},
    services::{FaultId, Faults},
};

/// What a bus is free to do to deliveries, and a scenario makes it do.
pub(super) struct BusFaults {
    faults: Faults,
    timeline: Timeline,
    declared: Mutex<Declared>,
}

#[derive(Default)]
struct Declared {
    twice: Option<FaultId>,
    late: Vec<Late>,
}

/// A delivery that will be late.
struct Late {
    subscription: Arc<str>,
    /// Counted from 1, per subscription.
    delivery: u32,
    by: Duration,
    fault: FaultId,
}

/// What happens to one delivery.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fate {
    pub twice: bool,
    pub late: Duration,
}

impl BusFaults {
    pub fn new(faults: Faults, timeline: Timeline) -> Self {
        Self {
            faults,
            timeline,
            declared: Mutex::default(),
        }
    }

    /// Every delivery comes twice from now on.
    pub fn twice(&self, at: impl Into<Arc<str>>) {
        let what = "the bus delivers every event twice";
        self.lock().twice = Some(self.faults.declare(what, at));
    }

    /// One delivery is late by a duration.
    pub fn late(&self, subscription: Arc<str>, delivery: u32, by: Duration, at: Arc<str>) {
        let by_text = format_duration(by);
        let what = format!("the bus delivers event {delivery} to {subscription} {by_text} late");
        let fault = self.faults.declare(what, at);
        self.lock().late.push(Late {
            subscription,
            delivery,
            by,
            fault,
        });
    }

    /// What happens to the delivery that a subscription, by its number, is to get now.
    pub fn strike(&self, subscription: &str, handler: &CallName, delivery: u32) -> Fate {
        let mut declared = self.lock();
        let due = declared
            .late
            .iter()
            .position(|late| *late.subscription == *subscription && late.delivery == delivery);
        let late = due.map(|place| declared.late.remove(place));
        let twice = declared.twice;
        drop(declared);
        for fault in late.iter().map(|late| late.fault).chain(twice) {
            let (fault, declared_at) = self.faults.hit(fault);
            self.timeline.record(EventKind::FaultInjected {
                call: handler.clone(),
                execution: None,
                fault,
                declared_at,
            });
        }
        Fate {
            twice: twice.is_some(),
            late: late.map_or(Duration::ZERO, |late| late.by),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Declared> {
        self.declared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
