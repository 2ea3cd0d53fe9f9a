//! The inbox of a subscription: each event once, and those of a subject in order.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::{
    domain::HashMap,
    messaging::{ActivityGuard, DeadLetter, EventDocument, MessageActivity},
};

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
    /// The numbers of dead letters' events in the order of their subjects, by the event's number.
    dead: HashMap<usize, u64>,
    /// How many deliveries wait for a dead letter.
    held: usize,
    /// Held while a pause or a dead letter delays deliveries.
    deferred: Option<ActivityGuard>,
}

/// The status of an event in a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventStatus {
    /// Waiting, or being handled.
    InProgress,
    Handled,
    /// Not for the handler.
    Filtered,
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
    /// The event that is a dead letter, for which the queue waits.
    held_by: Option<usize>,
    /// The number of the newest delivery that was handled.
    handled: Option<u64>,
}

impl Inbox {
    pub fn new(activity: MessageActivity) -> Self {
        Self {
            activity,
            ..Self::default()
        }
    }

    /// Accepts a delivery; `note` is called if it does not go to the handler directly. Returns a
    /// redriven one whose event is settled by now.
    pub fn accept(
        &mut self,
        delivery: Delivery,
        mut note: impl FnMut(DeliveryNotice, &Delivery),
    ) -> Option<Delivery> {
        let position = delivery
            .position
            .and_then(|position| Some((position.subject, position.number?)));
        let Some((subject, number)) = position else {
            return self.admit(delivery, &mut note);
        };
        let queue = self.subject(subject);
        if number < queue.next || queue.early.contains_key(&number) {
            note(DeliveryNotice::Duplicate, &delivery);
            return None;
        }
        if number > queue.next {
            note(DeliveryNotice::HeldBack, &delivery);
            queue.early.insert(number, delivery);
            return None;
        }
        queue.next += 1;
        self.admit(delivery, &mut note);
        while let Some(delivery) = self.subject(subject).take_next() {
            self.admit(delivery, &mut note);
        }
        None
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

    /// Whether newer events of its subject were handled before a redriven one.
    pub fn is_behind_newer(&self, delivery: &Delivery) -> bool {
        let subject = delivery.position.filter(|_| delivery.letter.is_some());
        let subject = subject.and_then(|position| self.subjects.get(position.subject));
        subject.is_some_and(|subject| {
            let number = self.dead.get(&delivery.event);
            number.is_some_and(|number| subject.handled.is_some_and(|newest| newest > *number))
        })
    }

    /// Sets the status of an event that was at the handler; if it is a dead letter that `holds` its
    /// subject, the later ones wait for it.
    pub fn finish(
        &mut self,
        delivery: &Delivery,
        status: EventStatus,
        holds: bool,
        mut note: impl FnMut(DeliveryNotice, &Delivery),
    ) {
        *self.seen(delivery.event) = Some(status);
        let Some(position) = delivery.position else {
            return;
        };
        let dead = match status {
            EventStatus::DeadLettered => {
                let number = position.number.into_iter();
                self.dead
                    .extend(number.map(|number| (delivery.event, number)));
                None
            }
            _ if delivery.letter.is_some() => self.dead.remove(&delivery.event),
            _ => None,
        };
        let subject = self.subject(position.subject);
        if status == EventStatus::Handled {
            subject.handled = subject.handled.max(position.number.or(dead));
        }
        if holds {
            subject.held_by = Some(delivery.event);
            for held in &mut subject.queue {
                held.at_work = None;
                note(DeliveryNotice::HeldBack, held);
            }
            self.held += self.subjects[position.subject].queue.len();
            return self.update_deferred();
        }
        match subject.queue.pop_front() {
            Some(next) => self.ready.push_back(next),
            None => subject.at_handler = false,
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

    /// Forgets which events were received.
    pub fn forget(&mut self) {
        self.seen.clear();
    }

    /// Accepts deliveries again that were at the handler, before those that wait.
    pub fn deliver_again(&mut self, deliveries: Vec<Delivery>) {
        for mut delivery in deliveries.into_iter().rev() {
            *self.seen(delivery.event) = Some(EventStatus::InProgress);
            if self.paused {
                delivery.at_work = None;
            }
            self.ready.push_front(delivery);
        }
        self.update_deferred();
    }

    /// Discards waiting deliveries.
    pub fn clear(&mut self) {
        *self = Self::new(self.activity.clone());
    }

    fn admit(
        &mut self,
        mut delivery: Delivery,
        note: &mut impl FnMut(DeliveryNotice, &Delivery),
    ) -> Option<Delivery> {
        let is_letter = delivery.letter.is_some();
        let holds_subject = is_letter
            && delivery.position.is_some_and(|position| {
                self.subject(position.subject).held_by == Some(delivery.event)
            });
        let seen = self.seen(delivery.event);
        match seen {
            None => {}
            Some(_) if holds_subject => {}
            Some(EventStatus::DeadLettered) if is_letter => {}
            Some(status) => {
                let is_stale = is_letter && *status != EventStatus::InProgress;
                note(DeliveryNotice::Duplicate, &delivery);
                return is_stale.then_some(delivery);
            }
        }
        *seen = Some(EventStatus::InProgress);
        if self.paused {
            delivery.at_work = None;
        }
        let Some(SubjectPosition { subject, .. }) = delivery.position else {
            self.ready.push_back(delivery);
            self.update_deferred();
            return None;
        };
        if holds_subject {
            self.release(subject);
        }
        let queue = self.subject(subject);
        if !queue.at_handler || holds_subject {
            queue.at_handler = true;
            self.ready.push_back(delivery);
        } else {
            if queue.held_by.is_some() {
                delivery.at_work = None;
                note(DeliveryNotice::HeldBack, &delivery);
                self.held += 1;
            }
            self.subject(subject).queue.push_back(delivery);
        }
        self.update_deferred();
        None
    }

    /// The dead letter that holds a subject is redriven.
    fn release(&mut self, subject: usize) {
        let queue = &mut self.subjects[subject];
        queue.held_by = None;
        self.held -= queue.queue.len();
        if !self.paused {
            for delivery in &mut queue.queue {
                delivery.at_work = Some(self.activity.begin_work());
            }
        }
    }

    fn update_deferred(&mut self) {
        // Deliveries in a subject's queue wait for one in `ready`, at the handler or in the dead letters.
        let defers = (self.paused && !self.ready.is_empty()) || self.held > 0;
        if defers != self.deferred.is_some() {
            self.deferred = defers.then(|| self.activity.defer());
        }
    }

    /// The deliveries that wait, but not for a dead letter.
    fn waiting(&mut self) -> impl Iterator<Item = &mut Delivery> {
        let subjects = self.subjects.iter_mut();
        let subjects = subjects.filter(|subject| subject.held_by.is_none());
        let queued = subjects.flat_map(|subject| subject.queue.iter_mut());
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
