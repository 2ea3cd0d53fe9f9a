use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::{
    Activity, DeadLetter, DeadLetters, EventTypes, Subscription,
    activity::Counted,
    delivery::{Delivery, Message, Received, Slot},
    subscriber::Subscriber,
};
use crate::{
    domain::{Call, CallName, Failure, Reply, code, did_you_mean, format_duration, from_value},
    observability::{EventKind, Timeline},
    services::{CallPolicy, CallResult, Client, FaultId, Faults, Service, UnknownName},
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
    faults: Faults,
    activity: Activity,
    types: EventTypes,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// In the order they came; those that have ended stay, so that places stay.
    subscriptions: Vec<Subscribed>,
    /// Places of subscriptions, by type of event.
    topics: HashMap<Arc<str>, Vec<usize>>,
    /// Numbers of subjects, by source and subject.
    subjects: HashMap<(Arc<str>, Arc<str>), usize>,
    twice: Option<FaultId>,
    late: Vec<Late>,
}

struct Subscribed {
    id: Arc<str>,
    types: Vec<Arc<str>>,
    handler: CallName,
    inbox: UnboundedSender<Message>,
    deliveries: u32,
    /// How many deliveries each subject had, by its number.
    numbers: Vec<u64>,
    ended: bool,
}

/// A delivery that will be late.
struct Late {
    subscription: Arc<str>,
    delivery: u32,
    by: Duration,
    fault: FaultId,
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
                timeline,
                faults,
                activity: Activity::default(),
                types: EventTypes::default(),
                state: Mutex::default(),
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
    ) -> Result<(), Failure> {
        for kind in &subscription.types {
            self.shared.types.check(kind)?;
        }
        let mut state = self.shared.lock();
        let types = subscription.types.clone();
        let place = match state.place(&subscription.id) {
            Some(place) => {
                state.subscriptions[place].check_more(&subscription)?;
                place
            }
            None => {
                state.subscriptions.push(self.begin(subscription, client));
                state.subscriptions.len() - 1
            }
        };
        for kind in types {
            let own = &mut state.subscriptions[place].types;
            if own.contains(&kind) {
                continue;
            }
            own.push(Arc::clone(&kind));
            let topic = state.topics.entry(Arc::clone(&kind)).or_default();
            topic.push(place);
            if topic.len() == 1 {
                self.shared.timeline.record(EventKind::TopicOpened { kind });
            }
        }
        Ok(())
    }

    fn begin(&self, subscription: Subscription, client: &Arc<Client>) -> Subscribed {
        let (inbox, messages) = unbounded_channel();
        let subscribed = Subscribed {
            id: Arc::clone(&subscription.id),
            types: Vec::new(),
            handler: subscription.handler.clone(),
            inbox,
            deliveries: 0,
            numbers: Vec::new(),
            ended: false,
        };
        let activity = self.shared.activity.clone();
        tokio::spawn(Subscriber::new(subscription, Arc::clone(client), activity).run(messages));
        subscribed
    }

    /// Keeps deliveries of a subscription waiting from now on.
    ///
    /// # Errors
    ///
    /// If there is no such subscription.
    pub fn pause(&self, subscription: &str) -> Result<(), UnknownName> {
        let id = self.tell(subscription, Message::Pause)?;
        let paused = EventKind::SubscriptionPaused { subscription: id };
        self.shared.timeline.record(paused);
        Ok(())
    }

    /// Lets deliveries of a subscription go on, in their order.
    ///
    /// # Errors
    ///
    /// If there is no such subscription.
    pub fn resume(&self, subscription: &str) -> Result<(), UnknownName> {
        let id = self.tell(subscription, Message::Resume)?;
        let resumed = EventKind::SubscriptionResumed { subscription: id };
        self.shared.timeline.record(resumed);
        Ok(())
    }

    /// Ends a subscription: its handler hears nothing more, not even what is on its way.
    ///
    /// # Errors
    ///
    /// If there is no such subscription.
    pub fn end(&self, subscription: &str) -> Result<(), UnknownName> {
        let id = self.tell(subscription, Message::End)?;
        self.shared
            .timeline
            .record(EventKind::SubscriptionEnded { subscription: id });
        let mut state = self.shared.lock();
        let Some(place) = state.place(subscription) else {
            return Ok(());
        };
        state.subscriptions[place].ended = true;
        for kind in std::mem::take(&mut state.subscriptions[place].types) {
            let Some(topic) = state.topics.get_mut(&kind) else {
                continue;
            };
            topic.retain(|other| *other != place);
            if topic.is_empty() {
                state.topics.remove(&kind);
                let released = EventKind::TopicReleased { kind };
                self.shared.timeline.record(released);
            }
        }
        Ok(())
    }

    fn tell(
        &self,
        subscription: &str,
        message: impl FnOnce(Counted) -> Message,
    ) -> Result<Arc<str>, UnknownName> {
        let state = self.shared.lock();
        let place = state.place(subscription);
        let place = place.ok_or_else(|| state.unknown(subscription))?;
        let subscribed = &state.subscriptions[place];
        subscribed.send(message(self.shared.activity.at_work()));
        Ok(Arc::clone(&subscribed.id))
    }

    /// The subscriptions that there are.
    pub fn subscriptions(&self) -> Vec<Arc<str>> {
        let state = self.shared.lock();
        state.current().map(|own| Arc::clone(&own.id)).collect()
    }

    /// The types of events that are subscribed to, in no particular order.
    pub fn topics(&self) -> Vec<Arc<str>> {
        self.shared.lock().topics.keys().cloned().collect()
    }

    /// Delivers every event twice from now on.
    pub fn deliver_twice(&self, at: impl Into<Arc<str>>) {
        let what = "the bus delivers every event twice";
        let fault = self.shared.faults.declare(what, at);
        self.shared.lock().twice = Some(fault);
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
        let mut state = self.shared.lock();
        let place = state.place(subscription);
        let place = place.ok_or_else(|| state.unknown(subscription).to_string())?;
        let had = state.subscriptions[place].deliveries;
        if delivery <= had {
            return Err(format!(
                "{subscription} had {had} events so far, so event {delivery} cannot be late any more"
            ));
        }
        let by_text = format_duration(by);
        let what = format!("the bus delivers event {delivery} to {subscription} {by_text} late");
        let fault = self.shared.faults.declare(what, at);
        state.late.push(Late {
            subscription: subscription.into(),
            delivery,
            by,
            fault,
        });
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
            let failure = Failure::new(code::CONTRACT_VIOLATION, error.to_string());
            Box::new(failure.field(error.pointer).at(&call.name))
        })?;
        let count = letters.len();
        for letter in letters {
            if let Err(why) = self.shared.deliver_again(letter) {
                self.shared.timeline.record(EventKind::Warning {
                    about: DeadLetters::NAME.into(),
                    message: why,
                });
            }
        }
        Ok(count)
    }
}

impl Shared {
    fn publish(&self, input: &Arc<Value>) -> Result<Value, Failure> {
        let read = |event| Received::read(event).map_err(|error| error.failure());
        let events = match &**input {
            Value::Array(batch) => batch
                .iter()
                .map(|event| read(Arc::new(event.clone())))
                .collect::<Result<Vec<_>, _>>()?,
            _ => vec![read(Arc::clone(input))?],
        };
        for event in &events {
            self.types.check(&event.head.kind)?;
        }
        let mut state = self.lock();
        for event in events {
            self.deliver(&mut state, event);
        }
        Ok(json!({}))
    }

    fn deliver(&self, state: &mut State, received: Received) {
        let State {
            subscriptions,
            topics,
            subjects,
            twice,
            late,
        } = state;
        let Some(topic) = topics.get(&received.head.kind) else {
            return;
        };
        let subject = number_of(subjects, &received);
        let received = Arc::new(received);
        for &place in topic {
            let subscribed = &mut subscriptions[place];
            subscribed.deliveries += 1;
            let delivery = Delivery {
                received: Arc::clone(&received),
                slot: subject.map(|subject| subscribed.next_slot(subject)),
                letter: None,
                at_work: Some(self.activity.at_work()),
            };
            let delay = late
                .iter()
                .position(|late| {
                    late.subscription == subscribed.id && late.delivery == subscribed.deliveries
                })
                .map(|due| late.remove(due));
            if let Some(late) = &delay {
                self.injected(&subscribed.handler, late.fault);
            }
            let again = twice.map(|fault| {
                self.injected(&subscribed.handler, fault);
                delivery.clone()
            });
            for delivery in std::iter::once(delivery).chain(again) {
                match &delay {
                    None => subscribed.send(Message::Deliver(delivery)),
                    Some(late) => subscribed.send_later(late.by, Message::Deliver(delivery)),
                }
            }
        }
    }

    fn deliver_again(&self, letter: DeadLetter) -> Result<(), String> {
        let read = Received::read(Arc::clone(&letter.event));
        let received = read.map_err(|error| format!("the letter {}: {error}", letter.id))?;
        let mut state = self.lock();
        let subject = number_of(&mut state.subjects, &received);
        let place = state.place(&letter.subscription);
        let place = place.ok_or_else(|| {
            let unknown = state.unknown(&letter.subscription);
            format!("the letter {} stays: {unknown}", letter.id)
        })?;
        state.subscriptions[place].send(Message::Deliver(Delivery {
            received: Arc::new(received),
            slot: subject.map(|subject| Slot {
                subject,
                number: None,
            }),
            letter: Some(Arc::new(letter)),
            at_work: Some(self.activity.at_work()),
        }));
        Ok(())
    }

    fn injected(&self, call: &CallName, fault: FaultId) {
        let (fault, declared_at) = self.faults.hit(fault);
        self.timeline.record(EventKind::FaultInjected {
            call: call.clone(),
            execution: None,
            fault,
            declared_at,
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn current(&self) -> impl Iterator<Item = &Subscribed> {
        self.subscriptions.iter().filter(|own| !own.ended)
    }

    fn place(&self, subscription: &str) -> Option<usize> {
        let mut all = self.subscriptions.iter();
        all.position(|own| !own.ended && *own.id == *subscription)
    }

    fn unknown(&self, subscription: &str) -> UnknownName {
        UnknownName {
            what: "subscription",
            name: subscription.to_owned(),
            hint: did_you_mean(subscription, self.current().map(|own| &*own.id)),
        }
    }
}

impl Subscribed {
    fn check_more(&self, more: &Subscription) -> Result<(), Failure> {
        let why = if more.handler != self.handler {
            format!("has the handler {}, not {}", self.handler, more.handler)
        } else if more.filter.is_some() || more.retry.is_some() {
            "is there: how it filters and retries is said where it begins".to_owned()
        } else {
            return Ok(());
        };
        let message = format!("the subscription {:?} {why}", self.id);
        Err(Failure::new(code::VALIDATION_FAILED, message))
    }

    fn next_slot(&mut self, subject: usize) -> Slot {
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

    fn send(&self, message: Message) {
        // The subscriber is there as long as its runtime, which is over then.
        let _ = self.inbox.send(message);
    }

    fn send_later(&self, after: Duration, message: Message) {
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let _ = inbox.send(message);
        });
    }
}

fn number_of(
    subjects: &mut HashMap<(Arc<str>, Arc<str>), usize>,
    received: &Received,
) -> Option<usize> {
    let subject = Arc::clone(received.head.subject.as_ref()?);
    let next = subjects.len();
    let key = (Arc::clone(&received.head.source), subject);
    Some(*subjects.entry(key).or_insert(next))
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
        match self.shared.publish(&call.input) {
            Ok(value) => Ok(Reply::new(value)),
            Err(failure) => Err(Box::new(failure.at(&call.name))),
        }
    }
}

impl fmt::Debug for EventBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventBus")
            .field(&self.subscriptions())
            .finish()
    }
}
