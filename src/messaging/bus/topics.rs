use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc::UnboundedSender;

use super::faults::DeliveryFault;
use crate::{
    domain::{CallName, Failure, HashMap, IndexSet, code, did_you_mean},
    messaging::{
        EventDocument, EventId, Subscription,
        subscriber::{Delivery, SubjectPosition, SubscriberMessage},
    },
    services::UnknownName,
};

/// The subscriptions of a bus, by event type.
#[derive(Default)]
pub(super) struct Topics {
    /// In the order they began; ended ones stay, so that indexes stay valid.
    subscriptions: Vec<BusSubscription>,
    /// Indexes of subscriptions, ascending.
    by_type: HashMap<Arc<str>, Vec<usize>>,
    /// By source and subject; the index is the subject's number.
    subjects: IndexSet<(Arc<str>, Arc<str>)>,
    /// The index is the event's number; a redelivery has the same.
    events: IndexSet<EventId>,
}

/// A subscription as the bus knows it.
pub(super) struct BusSubscription {
    pub id: Arc<str>,
    pub handler: CallName,
    /// How often a dead letter is redriven.
    pub max_redrives: Option<u32>,
    /// How many events it has been sent.
    pub deliveries: u32,
    types: Vec<Arc<str>>,
    inbox: UnboundedSender<SubscriberMessage>,
    /// The number of deliveries of each subject, by its number.
    numbers: Vec<u64>,
    ended: bool,
}

impl Topics {
    /// Adds a subscription without event types; returns its index.
    pub fn add(
        &mut self,
        subscription: &Subscription,
        inbox: UnboundedSender<SubscriberMessage>,
    ) -> usize {
        self.subscriptions.push(BusSubscription {
            id: Arc::clone(&subscription.id),
            handler: subscription.handler.clone(),
            max_redrives: subscription.max_redrives,
            deliveries: 0,
            types: Vec::new(),
            inbox,
            numbers: Vec::new(),
            ended: false,
        });
        self.subscriptions.len() - 1
    }

    /// Adds an event type to a subscription; returns whether it is the first of its type.
    pub fn open(&mut self, place: usize, kind: &Arc<str>) -> bool {
        let types = &mut self.subscriptions[place].types;
        if types.contains(kind) {
            return false;
        }
        types.push(Arc::clone(kind));
        let topic = self.by_type.entry(Arc::clone(kind)).or_default();
        let index = topic.partition_point(|other| *other < place);
        topic.insert(index, place);
        topic.len() == 1
    }

    /// Ends a subscription; returns the event types that no longer have one.
    pub fn end(&mut self, place: usize) -> Vec<Arc<str>> {
        let subscribed = &mut self.subscriptions[place];
        subscribed.ended = true;
        let mut released = std::mem::take(&mut subscribed.types);
        released.retain(|kind| {
            let Some(topic) = self.by_type.get_mut(kind) else {
                return false;
            };
            topic.retain(|other| *other != place);
            let empty = topic.is_empty();
            if empty {
                self.by_type.remove(kind);
            }
            empty
        });
        released
    }

    /// The index of a subscription that has not ended.
    ///
    /// # Errors
    ///
    /// If none has this id.
    pub fn find(&self, subscription: &str) -> Result<usize, UnknownName> {
        let mut all = self.subscriptions.iter();
        let place = all.position(|subscribed| !subscribed.ended && *subscribed.id == *subscription);
        place.ok_or_else(|| UnknownName {
            what: "subscription",
            name: subscription.to_owned(),
            hint: did_you_mean(
                subscription,
                self.current().map(|subscribed| &*subscribed.id),
            ),
        })
    }

    pub fn at(&self, place: usize) -> &BusSubscription {
        &self.subscriptions[place]
    }

    /// The subscriptions that have not ended.
    pub fn current(&self) -> impl Iterator<Item = &BusSubscription> {
        self.subscriptions
            .iter()
            .filter(|subscribed| !subscribed.ended)
    }

    /// The event types that have a subscription, in no particular order.
    pub fn types(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_type.keys()
    }

    /// The subscriptions that an event goes to.
    pub fn of(&mut self, document: &EventDocument) -> impl Iterator<Item = &mut BusSubscription> {
        let places = self.by_type.get(&document.head().kind);
        let mut rest = self.subscriptions.as_mut_slice();
        let mut before = 0;
        places.into_iter().flatten().filter_map(move |&place| {
            let (_, from) = std::mem::take(&mut rest).split_at_mut(place - before);
            let (found, after) = from.split_first_mut()?;
            (rest, before) = (after, place + 1);
            Some(found)
        })
    }

    /// The number of an event.
    pub fn event(&mut self, document: &EventDocument) -> usize {
        self.events.insert_full(document.event_id()).0
    }

    /// The number of an event's subject, if it has one.
    pub fn subject(&mut self, document: &EventDocument) -> Option<usize> {
        let subject = Arc::clone(document.head().subject.as_ref()?);
        let key = (Arc::clone(&document.head().source), subject);
        Some(self.subjects.insert_full(key).0)
    }
}

impl BusSubscription {
    /// Checks that a subscription of the same id may add its event types to this one.
    pub fn check_more(&self, more: &Subscription) -> Result<(), Box<Failure>> {
        let why = if more.handler != self.handler {
            format!("has the handler {}, not {}", self.handler, more.handler)
        } else if more.filter.is_some()
            || more.retry.is_some()
            || more.on_dead_letter.is_some()
            || more.max_redrives.is_some()
        {
            "already exists: its filter, its retry policy and what becomes of its dead letters cannot be changed".to_owned()
        } else {
            return Ok(());
        };
        let message = format!("the subscription {:?} {why}", self.id);
        Err(Box::new(Failure::new(code::VALIDATION_FAILED, message)))
    }

    /// The next position in the order of a subject.
    pub fn next_position(&mut self, subject: usize) -> SubjectPosition {
        if self.numbers.len() <= subject {
            self.numbers.resize(subject + 1, 0);
        }
        let number = self.numbers[subject];
        self.numbers[subject] += 1;
        SubjectPosition {
            subject,
            number: Some(number),
        }
    }

    pub fn send(&self, message: SubscriberMessage) {
        // It fails only when the runtime is shutting down.
        let _ = self.inbox.send(message);
    }

    /// Sends a delivery with its faults.
    pub fn deliver(&self, delivery: Delivery, fault: DeliveryFault) {
        let again = fault.twice.then(|| delivery.clone());
        for delivery in std::iter::once(delivery).chain(again) {
            self.deliver_after(fault.late, delivery);
        }
    }

    fn deliver_after(&self, late: Duration, delivery: Delivery) {
        if late.is_zero() {
            return self.send(SubscriberMessage::Deliver(delivery));
        }
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            tokio::time::sleep(late).await;
            // The subscription may have ended meanwhile.
            let _ = inbox.send(SubscriberMessage::Deliver(delivery));
        });
    }
}
