//! What passes from the bus to a subscription.

use std::sync::Arc;

use super::{Counted, DeadLetter, EventDocument};

/// An event on its way to one subscription.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub document: EventDocument,
    /// The event's number on the bus.
    pub event: usize,
    /// Its place among the deliveries of its subject to this subscription; `None` without a subject.
    pub slot: Option<Slot>,
    /// The dead letter that it comes from, where it is delivered again.
    pub letter: Option<Arc<DeadLetter>>,
    /// There while it is on its way or in hand.
    pub at_work: Option<Counted>,
}

/// A place in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// The subject, by number.
    pub subject: usize,
    /// Counted from 0, without gaps; `None` for what is out of order for good, and comes last.
    pub number: Option<u64>,
}

/// What a subscriber hears from the bus.
#[derive(Debug)]
pub(super) enum Message {
    Deliver(Delivery),
    Pause(Counted),
    Resume(Counted),
    End(Counted),
}
