//! Deliveries that arrive twice or late.

use std::{sync::Arc, time::Duration};

use crate::messaging::subscriber::{ConsumerLoss, InboxLoss};
use crate::{
    domain::{CallName, Locked, format_duration},
    observability::{EventKind, Timeline},
    services::{FaultId, Faults},
};

/// The scripted faults of a bus.
pub(super) struct BusFaults {
    faults: Faults,
    timeline: Timeline,
    state: Locked<BusFaultState>,
}

#[derive(Default)]
struct BusFaultState {
    twice: Option<FaultId>,
    late: Vec<LateDelivery>,
}

struct LateDelivery {
    subscription: Arc<str>,
    /// Counted from 1, for each subscription.
    delivery: u32,
    by: Duration,
    fault: FaultId,
}

/// The faults of one delivery.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DeliveryFault {
    pub twice: bool,
    pub late: Duration,
}

impl BusFaults {
    pub fn new(faults: Faults, timeline: Timeline) -> Self {
        Self {
            faults,
            timeline,
            state: Locked::default(),
        }
    }

    /// Makes every delivery arrive twice from now on.
    pub fn twice(&self, at: impl Into<Arc<str>>) {
        let what = "the bus delivers every event twice";
        self.state.lock().twice = Some(self.faults.declare(what, at));
    }

    /// The loss of a subscription's consumer, with or without its inbox.
    pub fn loss(
        &self,
        subscription: &str,
        inbox: InboxLoss,
        at: impl Into<Arc<str>>,
    ) -> ConsumerLoss {
        let with_inbox = match inbox {
            InboxLoss::Kept => "",
            InboxLoss::Lost => " with its inbox",
        };
        let what = format!(
            "the consumer of {subscription} is lost{with_inbox} before it acknowledges an event"
        );
        ConsumerLoss {
            inbox,
            fault: self.faults.declare(what, at),
            faults: self.faults.clone(),
        }
    }

    /// Makes one delivery arrive late.
    pub fn late(&self, subscription: Arc<str>, delivery: u32, by: Duration, at: Arc<str>) {
        let by_text = format_duration(by);
        let what = format!("the bus delivers event {delivery} to {subscription} {by_text} late");
        let fault = self.faults.declare(what, at);
        self.state.lock().late.push(LateDelivery {
            subscription,
            delivery,
            by,
            fault,
        });
    }

    /// The faults that hit this delivery of a subscription.
    pub fn hit(&self, subscription: &str, handler: &CallName, delivery: u32) -> DeliveryFault {
        let mut state = self.state.lock();
        let due = state
            .late
            .iter()
            .position(|late| *late.subscription == *subscription && late.delivery == delivery);
        let late = due.map(|place| state.late.remove(place));
        let twice = state.twice;
        drop(state);
        for fault in late.iter().map(|late| late.fault).chain(twice) {
            let (fault, declared_at) = self.faults.hit(fault);
            self.timeline.record(EventKind::FaultInjected {
                call: handler.clone(),
                execution: None,
                fault,
                declared_at,
            });
        }
        DeliveryFault {
            twice: twice.is_some(),
            late: late.map_or(Duration::ZERO, |late| late.by),
        }
    }
}
