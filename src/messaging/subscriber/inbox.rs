//! What a subscription has received: once each, by subject in order.

use std::collections::{BTreeMap, VecDeque};

use crate::messaging::{Activity, Counted, delivery::Delivery};

/// The deliveries of one subscription that are not settled, and what it has seen before.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    activity: Activity,
    /// By number of the event; `None` for those that did not come here.
    seen: Vec<Option<Standing>>,
    /// By number of the subject.
    subjects: Vec<Subject>,
    /// Of each subject at most one; in the order of arrival.
    ready: VecDeque<Delivery>,
    paused: bool,
    /// There while the pause keeps something waiting.
    owed: Option<Counted>,
}

/// Where an event stands with a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It waits, or is at the handler.
    InHand,
    /// It was handled, or is not wanted.
    Settled,
    /// The handler failed on it; a dead letter tells.
    DeadLettered,
}

/// What to say of a delivery that was not simply taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// It must wait for another.
    HeldBack,
    /// The event came before.
    Duplicate,
    /// It is the dead letter of an event that is settled by now.
    Moot,
}

#[derive(Debug, Default)]
struct Subject {
    /// The number of the delivery that is next.
    next: u64,
    /// Those that came too early.
    early: BTreeMap<u64, Delivery>,
    /// Those whose turn comes when the one at the handler is done.
    queue: VecDeque<Delivery>,
    at_handler: bool,
}

impl Inbox {
    pub fn new(activity: Activity) -> Self {
        Self {
            activity,
            ..Self::default()
        }
    }

    /// Takes a delivery in, and tells of those that are not simply taken.
    pub fn accept(&mut self, delivery: Delivery, mut note: impl FnMut(Notice, Delivery)) {
        let place = delivery
            .slot
            .and_then(|slot| Some((slot.subject, slot.number?)));
        let Some((subject, number)) = place else {
            return self.admit(delivery, &mut note);
        };
        let own = self.subject(subject);
        if number < own.next || own.early.contains_key(&number) {
            return note(Notice::Duplicate, delivery);
        }
        if number > own.next {
            note(Notice::HeldBack, delivery.clone());
            own.early.insert(number, delivery);
            return;
        }
        own.next += 1;
        self.admit(delivery, &mut note);
        while let Some(delivery) = self.subject(subject).take_next() {
            self.admit(delivery, &mut note);
        }
    }

    /// Lets one go to the handler, unless there is none whose turn it is.
    pub fn next(&mut self) -> Option<Delivery> {
        if self.paused {
            return None;
        }
        self.ready.pop_front()
    }

    /// Notes how an event stands whose delivery was at the handler.
    pub fn finish(&mut self, delivery: &Delivery, standing: Standing) {
        *self.seen(delivery.event) = Some(standing);
        if let Some(slot) = delivery.slot {
            let subject = self.subject(slot.subject);
            match subject.queue.pop_front() {
                Some(next) => self.ready.push_back(next),
                None => subject.at_handler = false,
            }
        }
    }

    /// Lets nothing go to the handler from now on; what waits for that counts as owed.
    pub fn pause(&mut self) {
        self.paused = true;
        for delivery in self.waiting() {
            delivery.at_work = None;
        }
        self.owe();
    }

    /// Ends a pause.
    pub fn resume(&mut self) {
        self.paused = false;
        let activity = self.activity.clone();
        for delivery in self.waiting() {
            delivery.at_work = Some(activity.at_work());
        }
        self.owe();
    }

    /// Throws away what waits.
    pub fn clear(&mut self) {
        *self = Self::new(self.activity.clone());
    }

    fn admit(&mut self, mut delivery: Delivery, note: &mut impl FnMut(Notice, Delivery)) {
        let is_letter = delivery.letter.is_some();
        let seen = self.seen(delivery.event);
        match seen {
            None => {}
            Some(Standing::DeadLettered) if is_letter => {}
            Some(Standing::Settled) if is_letter => return note(Notice::Moot, delivery),
            Some(_) => return note(Notice::Duplicate, delivery),
        }
        *seen = Some(Standing::InHand);
        if self.paused {
            delivery.at_work = None;
        }
        match delivery.slot {
            Some(slot) if self.subject(slot.subject).at_handler => {
                self.subject(slot.subject).queue.push_back(delivery);
            }
            Some(slot) => {
                self.subject(slot.subject).at_handler = true;
                self.ready.push_back(delivery);
            }
            None => self.ready.push_back(delivery),
        }
        self.owe();
    }

    fn owe(&mut self) {
        // What waits behind another of its subject waits for `ready`, or for the handler.
        let owes = self.paused && !self.ready.is_empty();
        if owes != self.owed.is_some() {
            self.owed = owes.then(|| self.activity.owed());
        }
    }

    fn waiting(&mut self) -> impl Iterator<Item = &mut Delivery> {
        let queued = self
            .subjects
            .iter_mut()
            .flat_map(|own| own.queue.iter_mut());
        self.ready.iter_mut().chain(queued)
    }

    fn seen(&mut self, number: usize) -> &mut Option<Standing> {
        if self.seen.len() <= number {
            self.seen.resize(number + 1, None);
        }
        &mut self.seen[number]
    }

    fn subject(&mut self, number: usize) -> &mut Subject {
        if self.subjects.len() <= number {
            self.subjects.resize_with(number + 1, Subject::default);
        }
        &mut self.subjects[number]
    }
}

impl Subject {
    /// The delivery that came too early and whose turn it is now.
    fn take_next(&mut self) -> Option<Delivery> {
        if self.early.is_empty() {
            return None;
        }
        let delivery = self.early.remove(&self.next)?;
        self.next += 1;
        Some(delivery)
    }
}
