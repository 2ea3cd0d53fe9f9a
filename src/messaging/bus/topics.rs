use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc::UnboundedSender;

use super::faults::Fate;
use crate::{
    domain::{CallName, Failure, HashMap, IndexSet, code, did_you_mean},
    messaging::{
        EventDocument, EventId, Subscription,
        delivery::{Delivery, Message, Slot},
    },
    services::UnknownName,
};

/// Who is subscribed to what on a bus.
#[derive(Default)]
pub(super) struct Topics {
    /// In the order they came; those that have ended stay, so that places stay.
    subscriptions: Vec<Subscribed>,
    /// Places of subscriptions, by type of event; rising.
    by_type: HashMap<Arc<str>, Vec<usize>>,
    /// By source and subject; their places are their numbers.
    subjects: IndexSet<(Arc<str>, Arc<str>)>,
    /// Their places are their numbers: one that comes again has the same.
    events: IndexSet<EventId>,
}

/// A subscription as the bus knows it.
pub(super) struct Subscribed {
    pub id: Arc<str>,
    pub handler: CallName,
    /// How many events it was sent.
    pub deliveries: u32,
    types: Vec<Arc<str>>,
    inbox: UnboundedSender<Message>,
    /// How many deliveries each subject had, by its number.
    numbers: Vec<u64>,
    ended: bool,
}

impl Topics {
    /// Adds a subscription to no type yet; returns its place.
    pub fn add(&mut self, subscription: &Subscription, inbox: UnboundedSender<Message>) -> usize {
        self.subscriptions.push(Subscribed {
            id: Arc::clone(&subscription.id),
            handler: subscription.handler.clone(),
            deliveries: 0,
            types: Vec::new(),
            inbox,
            numbers: Vec::new(),
            ended: false,
        });
        self.subscriptions.len() - 1
    }

    /// Lets a subscription have a type of events; says whether it is the first to.
    pub fn open(&mut self, place: usize, kind: &Arc<str>) -> bool {
        let own = &mut self.subscriptions[place].types;
        if own.contains(kind) {
            return false;
        }
        own.push(Arc::clone(kind));
        let topic = self.by_type.entry(Arc::clone(kind)).or_default();
        let behind = topic.partition_point(|other| *other < place);
        topic.insert(behind, place);
        topic.len() == 1
    }

    /// Ends a subscription; returns the types that nobody is subscribed to any more.
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

    /// The place of a subscription that has not ended.
    ///
    /// # Errors
    ///
    /// If there is none of this id.
    pub fn find(&self, subscription: &str) -> Result<usize, UnknownName> {
        let mut all = self.subscriptions.iter();
        let place = all.position(|own| !own.ended && *own.id == *subscription);
        place.ok_or_else(|| UnknownName {
            what: "subscription",
            name: subscription.to_owned(),
            hint: did_you_mean(subscription, self.current().map(|own| &*own.id)),
        })
    }

    pub fn at(&self, place: usize) -> &Subscribed {
        &self.subscriptions[place]
    }

    /// The subscriptions that have not ended.
    pub fn current(&self) -> impl Iterator<Item = &Subscribed> {
        self.subscriptions.iter().filter(|own| !own.ended)
    }

    /// The types that somebody is subscribed to, in no particular order.
    pub fn types(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_type.keys()
    }

    /// The subscriptions that an event goes to.
    pub fn of(&mut self, document: &EventDocument) -> impl Iterator<Item = &mut Subscribed> {
        let places = self.by_type.get(&document.head().kind);
        let mut rest = self.subscriptions.as_mut_slice();
        let mut before = 0;
        places.into_iter().flatten().filter_map(move |&place| {
            let (_, from) = std::mem::take(&mut rest).split_at_mut(place - before);
            let (found, behind) = from.split_first_mut()?;
            (rest, before) = (behind, place + 1);
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

impl Subscribed {
    /// Checks that a subscription may widen this one, whose id it has.
    pub fn check_more(&self, more: &Subscription) -> Result<(), Box<Failure>> {
        let why = if more.handler != self.handler {
            format!("has the handler {}, not {}", self.handler, more.handler)
        } else if more.filter.is_some() || more.retry.is_some() {
            "is there: how it filters and retries is said where it begins".to_owned()
        } else {
            return Ok(());
        };
        let message = format!("the subscription {:?} {why}", self.id);
        Err(Box::new(Failure::new(code::VALIDATION_FAILED, message)))
    }

    /// The next place in the order of a subject.
    pub fn next_slot(&mut self, subject: usize) -> Slot {
        if self.numbers.len() <= subject {
            self.numbers.resize(subject + 1, 0);
        }
        let number = self.numbers[subject];
        self.numbers[subject] += 1;
        Slot {
            subject,
            number: Some(number),
        }
    }

    pub fn send(&self, message: Message) {
        // The subscriber is there as long as its runtime, which is over then.
        let _ = self.inbox.send(message);
    }

    /// Sends a delivery as its fate has it.
    pub fn deliver(&self, delivery: Delivery, fate: Fate) {
        let again = fate.twice.then(|| delivery.clone());
        for delivery in std::iter::once(delivery).chain(again) {
            self.deliver_after(fate.late, delivery);
        }
    }

    fn deliver_after(&self, late: Duration, delivery: Delivery) {
        if late.is_zero() {
            return self.send(Message::Deliver(delivery));
        }
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            tokio::time::sleep(late).await;
            // The subscription may have ended meanwhile.
            let _ = inbox.send(Message::Deliver(delivery));
        });
    }
}
