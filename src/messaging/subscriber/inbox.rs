//! The inbox of a subscription: each event once, and those of a subject in order.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::messaging::{ActivityGuard, DeadLetter, EventDocument, MessageActivity};

/// An event on its way to one subscription.
#[derive(Clone, Debug)]
pub(in crate::messaging) struct Delivery {
    pub document: EventDocument,
    /// The event's number on the bus.
    pub event: usize,
    /// Its position among the deliveries of its subject to this subscription; `None` without a subject.
    pub position: Option<SubjectPosition>,
    /// The dead letter that is redriven, if it is one.
    pub letter: Option<Arc<DeadLetter>>,
    /// Held while it is on its way or at the handler.
    pub at_work: Option<ActivityGuard>,
}

/// A position in the order of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::messaging) struct SubjectPosition {
    /// The subject's number.
    pub subject: usize,
    /// Counted from 0, without gaps; `None` for a redriven delivery, which comes last.
    pub number: Option<u64>,
}

/// The unsettled deliveries of one subscription, and the status of every event it has received.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    activity: MessageActivity,
    /// By number of the event; `None` if not received yet.
    seen: Vec<Option<EventStatus>>,
    /// By number of the subject.
    subjects: Vec<SubjectQueue>,
    /// At most one per subject, in the order of arrival.
    ready: VecDeque<Delivery>,
    paused: bool,
    /// Held while a pause delays deliveries.
    deferred: Option<ActivityGuard>,
}

/// The status of an event in a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventStatus {
    /// Waiting, or being handled.
    InProgress,
    /// Handled, or filtered out.
    Settled,
    /// The handler failed on it, so it became a dead letter.
    DeadLettered,
}

/// Why a delivery does not go to the handler directly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeliveryNotice {
    /// It waits for an earlier one of its subject.
    HeldBack,
    /// The event was received before.
    Duplicate,
    /// It is a dead letter whose event is settled by now.
    Stale,
}

#[derive(Debug, Default)]
struct SubjectQueue {
    /// The number of the next delivery.
    next: u64,
    /// Deliveries that overtook earlier ones.
    early: BTreeMap<u64, Delivery>,
    /// Deliveries whose turn comes after the one at the handler.
    queue: VecDeque<Delivery>,
    at_handler: bool,
}

impl Inbox {
    pub fn new(activity: MessageActivity) -> Self {
        Self {
            activity,
            ..Self::default()
        }
    }

    /// Accepts a delivery; `note` is called if it does not go to the handler directly.
    pub fn accept(&mut self, delivery: Delivery, mut note: impl FnMut(DeliveryNotice, Delivery)) {
        let position = delivery
            .position
            .and_then(|position| Some((position.subject, position.number?)));
        let Some((subject, number)) = position else {
            return self.admit(delivery, &mut note);
        };
        let queue = self.subject(subject);
        if number < queue.next || queue.early.contains_key(&number) {
            return note(DeliveryNotice::Duplicate, delivery);
        }
        if number > queue.next {
            note(DeliveryNotice::HeldBack, delivery.clone());
            queue.early.insert(number, delivery);
            return;
        }
        queue.next += 1;
        self.admit(delivery, &mut note);
        while let Some(delivery) = self.subject(subject).take_next() {
            self.admit(delivery, &mut note);
        }
    }

    /// Whether a delivery may go to the handler now.
    pub fn is_ready(&self) -> bool {
        !self.paused && !self.ready.is_empty()
    }

    /// The next delivery for the handler, if one may go to it now.
    pub fn next(&mut self) -> Option<Delivery> {
        if self.paused {
            return None;
        }
        self.ready.pop_front()
    }

    /// Sets the status of an event that was at the handler.
    pub fn finish(&mut self, delivery: &Delivery, status: EventStatus) {
        *self.seen(delivery.event) = Some(status);
        if let Some(position) = delivery.position {
            let subject = self.subject(position.subject);
            match subject.queue.pop_front() {
                Some(next) => self.ready.push_back(next),
                None => subject.at_handler = false,
            }
        }
    }

    /// Holds all deliveries from now on; waiting ones count as deferred.
    pub fn pause(&mut self) {
        self.paused = true;
        for delivery in self.waiting() {
            delivery.at_work = None;
        }
        self.update_deferred();
    }

    /// Ends a pause.
    pub fn resume(&mut self) {
        self.paused = false;
        let activity = self.activity.clone();
        for delivery in self.waiting() {
            delivery.at_work = Some(activity.begin_work());
        }
        self.update_deferred();
    }

    /// Discards waiting deliveries.
    pub fn clear(&mut self) {
        *self = Self::new(self.activity.clone());
    }

    fn admit(&mut self, mut delivery: Delivery, note: &mut impl FnMut(DeliveryNotice, Delivery)) {
        let is_letter = delivery.letter.is_some();
        let seen = self.seen(delivery.event);
        match seen {
            None => {}
            Some(EventStatus::DeadLettered) if is_letter => {}
            Some(EventStatus::Settled) if is_letter => {
                return note(DeliveryNotice::Stale, delivery);
            }
            Some(_) => return note(DeliveryNotice::Duplicate, delivery),
        }
        *seen = Some(EventStatus::InProgress);
        if self.paused {
            delivery.at_work = None;
        }
        match delivery.position {
            Some(position) if self.subject(position.subject).at_handler => {
                self.subject(position.subject).queue.push_back(delivery);
            }
            Some(position) => {
                self.subject(position.subject).at_handler = true;
                self.ready.push_back(delivery);
            }
            None => self.ready.push_back(delivery),
        }
        self.update_deferred();
    }

    fn update_deferred(&mut self) {
        // Deliveries in a subject's queue wait for one in `ready` or at the handler.
        let defers = self.paused && !self.ready.is_empty();
        if defers != self.deferred.is_some() {
            self.deferred = defers.then(|| self.activity.defer());
        }
    }

    fn waiting(&mut self) -> impl Iterator<Item = &mut Delivery> {
        let queued = self
            .subjects
            .iter_mut()
            .flat_map(|subject| subject.queue.iter_mut());
        self.ready.iter_mut().chain(queued)
    }

    fn seen(&mut self, number: usize) -> &mut Option<EventStatus> {
        if self.seen.len() <= number {
            self.seen.resize(number + 1, None);
        }
        &mut self.seen[number]
    }

    fn subject(&mut self, number: usize) -> &mut SubjectQueue {
        if self.subjects.len() <= number {
            self.subjects.resize_with(number + 1, SubjectQueue::default);
        }
        &mut self.subjects[number]
    }
}

impl SubjectQueue {
    /// The early delivery whose turn it is now.
    fn take_next(&mut self) -> Option<Delivery> {
        if self.early.is_empty() {
            return None;
        }
        let delivery = self.early.remove(&self.next)?;
        self.next += 1;
        Some(delivery)
    }
}
