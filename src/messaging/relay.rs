use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{
    Activity, EventBus, EventId,
    activity::Counted,
    backlog::{Backlog, Item},
    outbox_service::{Marked, operation},
};
use crate::{
    domain::{Call, CallName, Failure, code, format_duration},
    observability::{EventHead, EventKind, Timeline},
    resilience::Retries,
    services::{CallPolicy, Client, FaultId, Faults},
};

/// Most events that are read and published in one go.
const BATCH: usize = 100;

/// What takes stored events from an outbox to the bus, in the background: oldest first, each at
/// least once, and none before an earlier one of its subject.
///
/// What fails is tried again, without end, at the delays of the preset `reconnect`.
#[derive(Clone)]
pub struct Relay {
    shared: Arc<Shared>,
}

/// Where a publisher's process is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublisherCrash {
    /// Events are stored and not on the bus.
    BeforePublishing,
    /// Events are on the bus and not marked.
    AfterPublishing,
}

struct Shared {
    client: Arc<Client>,
    outbox: Arc<str>,
    caller: Arc<str>,
    calls: Calls,
    policy: CallPolicy,
    activity: Activity,
    faults: Faults,
    wanted: Notify,
    state: Mutex<State>,
}

struct Calls {
    unpublished: CallName,
    publish: CallName,
    mark_published: CallName,
    mark_failed: CallName,
}

#[derive(Default)]
struct State {
    begun: bool,
    crashed: bool,
    crashes: Vec<(PublisherCrash, FaultId)>,
    /// What was stored and handed over, oldest first.
    handed_over: VecDeque<HandedOver>,
    /// Whether the outbox has nothing unpublished but what was handed over, so that nothing need be
    /// read back.
    in_step: bool,
    /// There since it was last woken, until it has looked.
    woken: Option<Counted>,
    /// There while it has something left to do.
    owed: Option<Counted>,
}

/// An event that its publisher has stored, as it was stored.
struct HandedOver {
    item: Item,
    event: Arc<Value>,
}

/// How a round went.
enum Round {
    /// There may be more.
    Full,
    /// Nothing is left that can be done now.
    Done,
}

impl Relay {
    /// A relay of the outbox that a service is; it begins with the first [`wake`](Self::wake).
    pub fn new(client: Arc<Client>, outbox: &str, activity: Activity, faults: Faults) -> Self {
        let call = |operation| CallName::new(outbox, operation);
        Self {
            shared: Arc::new(Shared {
                client,
                outbox: outbox.into(),
                caller: Call::PUBLISHER.into(),
                calls: Calls {
                    unpublished: call(operation::UNPUBLISHED),
                    publish: CallName::new(EventBus::NAME, EventBus::PUBLISH),
                    mark_published: call(operation::MARK_PUBLISHED),
                    mark_failed: call(operation::MARK_FAILED),
                },
                // It has retries of its own, which never end.
                policy: CallPolicy {
                    retry: Some(Retries::none()),
                    ..CallPolicy::default()
                },
                activity,
                faults,
                wanted: Notify::new(),
                state: Mutex::default(),
            }),
        }
    }

    /// The service that it reads from.
    pub fn outbox(&self) -> &str {
        &self.shared.outbox
    }

    /// Says that something was stored, which is to be read from the outbox.
    ///
    /// Must be called on a runtime.
    pub fn wake(&self) {
        self.shared.lock().in_step = false;
        self.begin();
    }

    /// Hands over an event that was stored just now, so that it need not be read back.
    ///
    /// Must be called on a runtime.
    pub(super) fn hand_over(&self, head: Arc<EventHead>, event: Arc<Value>) {
        let mut state = self.shared.lock();
        let item = Item { place: 0, head };
        state.handed_over.push_back(HandedOver { item, event });
        drop(state);
        self.begin();
    }

    fn begin(&self) {
        self.shared.wake();
        let mut state = self.shared.lock();
        if !state.begun {
            state.begun = true;
            tokio::spawn(Arc::clone(&self.shared).run());
        }
    }

    /// Loses the publisher's process, once, the next time that it gets there.
    pub fn crash(&self, point: PublisherCrash, at: impl Into<Arc<str>>) {
        let place = match point {
            PublisherCrash::BeforePublishing => "before",
            PublisherCrash::AfterPublishing => "after",
        };
        let what = format!("the publisher crashes {place} publishing");
        let fault = self.shared.faults.declare(what, at);
        self.shared.lock().crashes.push((point, fault));
    }

    /// Whether the process is there.
    pub fn is_running(&self) -> bool {
        !self.shared.lock().crashed
    }

    /// A new process, which goes on with what is stored; says whether the former one had crashed.
    pub fn restart(&self) -> bool {
        if !std::mem::take(&mut self.shared.lock().crashed) {
            return false;
        }
        self.shared
            .timeline()
            .record(EventKind::PublisherRestarted {
                outbox: Arc::clone(&self.shared.outbox),
            });
        self.wake();
        true
    }
}

impl Shared {
    fn wake(&self) {
        let mut state = self.lock();
        if !state.crashed && state.woken.is_none() {
            state.woken = Some(self.activity.at_work());
            self.wanted.notify_one();
        }
    }

    async fn run(self: Arc<Self>) {
        let mut backlog = Backlog::default();
        loop {
            tokio::select! {
                biased;
                () = self.wanted.notified() => {}
                () = self.due(backlog.due()) => {}
            }
            // Held to the end of the round, so that nobody takes the pause before it for quiet.
            let at_work = self.activity.at_work();
            while let Round::Full = self.round(&mut backlog).await {}
            let crashed = self.lock().crashed;
            if crashed {
                // It was the process's own.
                backlog = Backlog::default();
            }
            let owes = crashed || !backlog.is_empty();
            self.lock().owed = owes.then(|| self.activity.owed());
            drop(at_work);
        }
    }

    async fn due(&self, at: Option<Duration>) {
        match at {
            Some(at) => self.timeline().clock().sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    async fn round(&self, backlog: &mut Backlog) -> Round {
        let woken = self.lock().woken.take();
        if self.lock().crashed || !backlog.is_due(self.timeline().now()) {
            return Round::Done;
        }
        drop(woken);
        if let Some(events) = self.handed_over(backlog) {
            return match events.is_empty() {
                true => Round::Done,
                false => self.hand_on(backlog, events).await,
            };
        }
        let limit = BATCH + backlog.held();
        let events = match self.unpublished(limit).await {
            Ok(events) => events,
            Err(failure) => {
                self.waits(backlog, &self.calls.unpublished, &failure);
                return Round::Done;
            }
        };
        let Some(items) = items(&events) else {
            let failure = Failure::new(code::CONTRACT_VIOLATION, "the reply holds no events");
            self.waits(backlog, &self.calls.unpublished, &failure);
            return Round::Done;
        };
        let count = items.len();
        let all = count < limit;
        self.has_read(&items);
        let items = backlog.pick(items, all, self.timeline().now());
        if items.is_empty() {
            backlog.recovers();
            return if all { Round::Done } else { Round::Full };
        }
        if self.crashes(PublisherCrash::BeforePublishing) {
            return Round::Done;
        }
        let published = self.publish(backlog, &events, count, items).await;
        // What was refused alone holds up others no longer than to the next round.
        let more = if all { Round::Done } else { Round::Full };
        if published.is_empty() || self.crashes(PublisherCrash::AfterPublishing) {
            return more;
        }
        match self.mark(&self.calls.mark_published, published, None).await {
            Ok(waiting) => self.steps(waiting),
            Err(failure) => {
                self.waits(backlog, &self.calls.mark_published, &failure);
                return Round::Done;
            }
        }
        match self.lock().woken {
            Some(_) => Round::Full,
            None => more,
        }
    }

    /// The next events that were handed over; `None` if they must be read from the outbox.
    fn handed_over(&self, backlog: &Backlog) -> Option<Vec<HandedOver>> {
        let mut state = self.lock();
        if !state.in_step || !backlog.is_empty() {
            state.in_step = false;
            return None;
        }
        let count = state.handed_over.len().min(BATCH);
        Some(state.handed_over.drain(..count).collect())
    }

    /// Publishes events that were handed over, in order, up to one that the bus does not take.
    async fn hand_on(&self, backlog: &mut Backlog, events: Vec<HandedOver>) -> Round {
        if self.crashes(PublisherCrash::BeforePublishing) {
            return Round::Done;
        }
        let mut published = Vec::new();
        let mut events = events.into_iter();
        while let Some(HandedOver { item, event }) = events.next() {
            let Err(failure) = self.call(&self.calls.publish, event).await else {
                published.extend(self.published(backlog, vec![item]));
                continue;
            };
            self.lock().in_step = false;
            if failure.retryable || failure.in_doubt {
                let delay = backlog.waits(self.timeline().now());
                let rest = events.map(|own| own.item);
                let items: Vec<Item> = std::iter::once(item).chain(rest).collect();
                self.failed(&items, &failure, delay).await;
            } else {
                let delay = backlog.refuses(&item, self.timeline().now());
                self.failed(&[item], &failure, delay).await;
            }
            break;
        }
        if published.is_empty() {
            return Round::Full;
        }
        if self.crashes(PublisherCrash::AfterPublishing) {
            return Round::Done;
        }
        match self.mark(&self.calls.mark_published, published, None).await {
            Ok(waiting) => self.steps(waiting),
            Err(failure) => {
                self.lock().in_step = false;
                self.waits(backlog, &self.calls.mark_published, &failure);
                return Round::Done;
            }
        }
        Round::Full
    }

    /// What was read from the outbox need not be handed over any more.
    fn has_read(&self, items: &[Item]) {
        let mut state = self.lock();
        if state.handed_over.is_empty() {
            return;
        }
        // Both are in the order in which they were stored, so what was read comes first.
        let read: HashSet<EventId> = items.iter().map(Item::id).collect();
        while let Some(first) = state.handed_over.front()
            && read.contains(&first.item.id())
        {
            state.handed_over.pop_front();
        }
    }

    /// Notes how many events are left in the outbox, where it tells.
    fn steps(&self, waiting: Option<u64>) {
        let mut state = self.lock();
        state.in_step = waiting == Some(state.handed_over.len() as u64);
    }

    async fn unpublished(&self, limit: usize) -> Result<Arc<Value>, Box<Failure>> {
        self.call(&self.calls.unpublished, json!({ "limit": limit }))
            .await
    }

    /// Publishes events, all at once or, if the bus refuses some of them, one by one; returns those
    /// that it took.
    async fn publish(
        &self,
        backlog: &mut Backlog,
        events: &Arc<Value>,
        count: usize,
        items: Vec<Item>,
    ) -> Vec<EventId> {
        let batch = match items.len() == count {
            true => Arc::clone(events),
            false => Arc::new(
                items
                    .iter()
                    .map(|item| events[item.place].clone())
                    .collect(),
            ),
        };
        let failure = match self.call(&self.calls.publish, batch).await {
            Ok(_) => {
                backlog.recovers();
                return self.published(backlog, items);
            }
            Err(failure) => failure,
        };
        if failure.retryable || failure.in_doubt {
            // The bus is away, for whatever comes.
            let delay = backlog.waits(self.timeline().now());
            self.failed(&items, &failure, delay).await;
            return Vec::new();
        }
        let mut published = Vec::new();
        let alone = items.len() == 1;
        for item in items {
            if backlog.holds_back(&item) {
                continue;
            }
            let result = match alone {
                true => Err(failure.clone()),
                false => {
                    let event = events[item.place].clone();
                    self.call(&self.calls.publish, event).await
                }
            };
            match result {
                Ok(_) => published.extend(self.published(backlog, vec![item])),
                Err(failure) => {
                    let delay = backlog.refuses(&item, self.timeline().now());
                    self.failed(&[item], &failure, delay).await;
                }
            }
        }
        published
    }

    fn published(&self, backlog: &mut Backlog, items: Vec<Item>) -> Vec<EventId> {
        let published = items.into_iter().map(|item| {
            backlog.forget(&item);
            let id = item.id();
            self.timeline()
                .record(EventKind::EventPublished { head: item.head });
            id
        });
        published.collect()
    }

    async fn failed(&self, items: &[Item], failure: &Failure, delay: Duration) {
        for item in items {
            self.timeline().record(EventKind::EventPublicationFailed {
                head: Arc::clone(&item.head),
                code: Arc::clone(&failure.code),
                delay,
            });
        }
        let ids = items.iter().map(Item::id).collect();
        // It is tried again all the same; that the mark is missing shows as a failed call.
        let _ = self
            .mark(&self.calls.mark_failed, ids, Some(failure.clone()))
            .await;
    }

    async fn mark(
        &self,
        call: &CallName,
        events: Vec<EventId>,
        failure: Option<Failure>,
    ) -> Result<Option<u64>, Box<Failure>> {
        let input = Marked { events, failure }.input();
        let reply = self.call(call, input).await?;
        Ok(reply["waiting"].as_u64())
    }

    async fn call(
        &self,
        name: &CallName,
        input: impl Into<Arc<Value>>,
    ) -> Result<Arc<Value>, Box<Failure>> {
        let call = Call {
            caller: Arc::clone(&self.caller),
            name: name.clone(),
            input: input.into(),
            context: Default::default(),
            key: None,
        };
        let reply = self.client.call(&call, &self.policy, None).await?;
        Ok(reply.value)
    }

    fn waits(&self, backlog: &mut Backlog, call: &CallName, failure: &Failure) {
        let delay = format_duration(backlog.waits(self.timeline().now()));
        self.timeline().record(EventKind::Warning {
            about: call.as_str().into(),
            message: format!("fails with {}, is called again in {delay}", failure.code),
        });
    }

    /// Whether the process is lost here and now.
    fn crashes(&self, point: PublisherCrash) -> bool {
        let mut state = self.lock();
        let to_come = state.crashes.iter().position(|(own, _)| *own == point);
        let Some(place) = to_come else {
            return false;
        };
        let (_, fault) = state.crashes.remove(place);
        state.crashed = true;
        // They were the process's own.
        state.handed_over.clear();
        state.in_step = false;
        drop(state);
        self.faults.hit(fault);
        self.timeline().record(EventKind::PublisherCrashed {
            outbox: Arc::clone(&self.outbox),
        });
        true
    }

    fn timeline(&self) -> &Timeline {
        self.client.timeline()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The events that an outbox replies; `None` if it replies something else.
fn items(events: &Value) -> Option<Vec<Item>> {
    let events = events.as_array()?.iter().enumerate();
    events
        .map(|(place, event)| Item::read(place, event))
        .collect()
}
