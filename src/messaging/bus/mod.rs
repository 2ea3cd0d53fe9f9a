//! The event bus: takes events, and hands each to whoever is subscribed to its type.

mod faults;
mod topics;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

use self::{faults::BusFaults, topics::Topics};
use super::{
    Activity, Counted, DeadLetter, DeadLetters, EventDocument, EventTypes, Subscription,
    delivery::{Delivery, Message, Slot},
    subscriber,
};
use crate::{
    domain::{Call, CallName, Failure, Reply, code, from_value},
    observability::{EventKind, Timeline},
    services::{CallPolicy, CallResult, Client, Faults, Service, UnknownName},
};

/// The event bus, as a service: takes events and delivers each to the subscriptions of its type.
///
/// A handle: clones share the subscriptions.
#[derive(Clone)]
pub struct EventBus {
    shared: Arc<Shared>,
}

struct Shared {
    timeline: Timeline,
    activity: Activity,
    types: EventTypes,
    faults: BusFaults,
    topics: Mutex<Topics>,
}

impl EventBus {
    /// The name that it goes by.
    pub const NAME: &str = "EventBus";
    /// Its operation: takes one event or a batch of them, which is an array.
    pub const PUBLISH: &str = "publish";

    /// A bus without subscriptions.
    pub fn new(timeline: Timeline, faults: Faults) -> Self {
        Self {
            shared: Arc::new(Shared {
                activity: Activity::default(),
                types: EventTypes::default(),
                faults: BusFaults::new(faults, timeline.clone()),
                topics: Mutex::default(),
                timeline,
            }),
        }
    }

    /// What is on its way or at a handler.
    pub fn activity(&self) -> &Activity {
        &self.shared.activity
    }

    /// The types of events that there are.
    pub fn types(&self) -> &EventTypes {
        &self.shared.types
    }

    /// The types of events that are subscribed to, in no particular order.
    pub fn topics(&self) -> Vec<Arc<str>> {
        self.shared.lock().types().cloned().collect()
    }

    /// The subscriptions that there are.
    pub fn subscriptions(&self) -> Vec<Arc<str>> {
        let topics = self.shared.lock();
        topics.current().map(|own| Arc::clone(&own.id)).collect()
    }

    /// Begins a subscription; one that there is becomes one to these types as well.
    ///
    /// Must be called on a runtime.
    ///
    /// # Errors
    ///
    /// `UNKNOWN_EVENT_TYPE`; `VALIDATION_FAILED` if there is a subscription of this id and the new
    /// one has another handler, or says how to filter or retry.
    pub fn subscribe(
        &self,
        subscription: Subscription,
        client: &Arc<Client>,
    ) -> Result<(), Box<Failure>> {
        let shared = &self.shared;
        for kind in &subscription.types {
            shared.types.check(kind)?;
        }
        let mut topics = shared.lock();
        let types = subscription.types.clone();
        let place = match topics.find(&subscription.id) {
            Ok(place) => {
                topics.at(place).check_more(&subscription)?;
                place
            }
            Err(_) => {
                let (inbox, messages) = unbounded_channel();
                let place = topics.add(&subscription, inbox);
                let activity = shared.activity.clone();
                let client = Arc::clone(client);
                tokio::spawn(subscriber::serve(subscription, client, activity, messages));
                place
            }
        };
        for kind in types {
            if topics.open(place, &kind) {
                shared.timeline.record(EventKind::TopicOpened { kind });
            }
        }
        Ok(())
    }

    /// Keeps deliveries of a subscription waiting from now on.
    ///
    /// # Errors
    ///
    /// If there is no such subscription.
    pub fn pause(&self, subscription: &str) -> Result<(), UnknownName> {
        let (_, subscription) = self.tell(subscription, Message::Pause)?;
        let paused = EventKind::SubscriptionPaused { subscription };
        self.shared.timeline.record(paused);
        Ok(())
    }

    /// Lets deliveries of a subscription go on, in their order.
    ///
    /// # Errors
    ///
    /// If there is no such subscription.
    pub fn resume(&self, subscription: &str) -> Result<(), UnknownName> {
        let (_, subscription) = self.tell(subscription, Message::Resume)?;
        let resumed = EventKind::SubscriptionResumed { subscription };
        self.shared.timeline.record(resumed);
        Ok(())
    }

    /// Ends a subscription: its handler hears nothing more, not even what is on its way.
    ///
    /// # Errors
    ///
    /// If there is no such subscription.
    pub fn end(&self, subscription: &str) -> Result<(), UnknownName> {
        let (place, subscription) = self.tell(subscription, Message::End)?;
        let ended = EventKind::SubscriptionEnded { subscription };
        self.shared.timeline.record(ended);
        for kind in self.shared.lock().end(place) {
            let released = EventKind::TopicReleased { kind };
            self.shared.timeline.record(released);
        }
        Ok(())
    }

    fn tell(
        &self,
        subscription: &str,
        message: impl FnOnce(Counted) -> Message,
    ) -> Result<(usize, Arc<str>), UnknownName> {
        let topics = self.shared.lock();
        let place = topics.find(subscription)?;
        let subscribed = topics.at(place);
        subscribed.send(message(self.shared.activity.at_work()));
        Ok((place, Arc::clone(&subscribed.id)))
    }

    /// Delivers every event twice from now on.
    pub fn deliver_twice(&self, at: impl Into<Arc<str>>) {
        self.shared.faults.twice(at);
    }

    /// Delivers one event late: the n-th of a subscription's, counted from 1.
    ///
    /// # Errors
    ///
    /// If there is no such subscription, or it has had that many.
    pub fn deliver_late(
        &self,
        subscription: &str,
        delivery: u32,
        by: Duration,
        at: impl Into<Arc<str>>,
    ) -> Result<(), String> {
        let topics = self.shared.lock();
        let place = topics.find(subscription).map_err(|it| it.to_string())?;
        let subscribed = topics.at(place);
        let had = subscribed.deliveries;
        if delivery <= had {
            return Err(format!(
                "{subscription} had {had} events so far, so event {delivery} cannot be late any more"
            ));
        }
        let id = Arc::clone(&subscribed.id);
        self.shared.faults.late(id, delivery, by, at.into());
        Ok(())
    }

    /// Delivers every dead letter again, to its own subscription; returns how many there are.
    ///
    /// What is handled then leaves the queue.
    ///
    /// # Errors
    ///
    /// Those of the queue.
    pub async fn redrive(&self, client: &Client) -> Result<usize, Box<Failure>> {
        let list = CallName::new(DeadLetters::NAME, DeadLetters::LIST);
        let call = Call::new(Call::SCENARIO, list, json!({}));
        let reply = client.call(&call, &CallPolicy::default(), None).await?;
        let letters: Vec<DeadLetter> = from_value(&reply.value).map_err(|error| {
            let failure = error.failure(code::CONTRACT_VIOLATION);
            Box::new(failure.at(call.name()))
        })?;
        let count = letters.len();
        for letter in letters {
            let id = Arc::clone(&letter.id);
            if let Err(why) = self.shared.deliver_again(letter) {
                self.shared.timeline.record(EventKind::Warning {
                    about: DeadLetters::NAME.into(),
                    message: format!("the letter {id} stays: {why}"),
                });
            }
        }
        Ok(count)
    }
}

impl Shared {
    fn publish(&self, input: &Arc<Value>) -> CallResult {
        let documents = EventDocument::read_all(input).map_err(|error| error.failure())?;
        for document in &documents {
            self.types.check(&document.head().kind)?;
        }
        let mut topics = self.lock();
        for document in &documents {
            self.deliver(&mut topics, document);
        }
        Ok(Reply::nothing())
    }

    fn deliver(&self, topics: &mut Topics, document: &EventDocument) {
        let (event, subject) = (topics.event(document), topics.subject(document));
        for subscribed in topics.of(document) {
            subscribed.deliveries += 1;
            let (id, handler) = (&subscribed.id, &subscribed.handler);
            let fate = self.faults.strike(id, handler, subscribed.deliveries);
            let delivery = Delivery {
                document: document.clone(),
                event,
                slot: subject.map(|subject| subscribed.next_slot(subject)),
                letter: None,
                at_work: Some(self.activity.at_work()),
            };
            subscribed.deliver(delivery, fate);
        }
    }

    fn deliver_again(&self, letter: DeadLetter) -> Result<(), String> {
        let document =
            EventDocument::read(Arc::clone(&letter.event)).map_err(|it| it.to_string())?;
        let mut topics = self.lock();
        let (event, subject) = (topics.event(&document), topics.subject(&document));
        let place = topics.find(&letter.subscription);
        let place = place.map_err(|unknown| unknown.to_string())?;
        topics.at(place).send(Message::Deliver(Delivery {
            document,
            event,
            slot: subject.map(|subject| Slot {
                subject,
                number: None,
            }),
            letter: Some(Arc::new(letter)),
            at_work: Some(self.activity.at_work()),
        }));
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Service for EventBus {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn operations(&self) -> Option<Vec<&str>> {
        Some(vec![Self::PUBLISH])
    }

    fn has_operation(&self, operation: &str) -> bool {
        operation == Self::PUBLISH
    }

    async fn call(&self, call: &Call) -> CallResult {
        let published = self.shared.publish(&call.input);
        published.map_err(|failure| Box::new(failure.at(call.name())))
    }
}

impl fmt::Debug for EventBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventBus")
            .field(&self.subscriptions())
            .finish()
    }
}
