//! From an outbox to the bus.

mod backlog;
mod rounds;

use std::sync::Arc;

use tokio::sync::Notify;

use self::rounds::event_head;
use super::{
    ActivityGuard, DeadLetter, EventBus, EventId, LetterQueue, Listener, MessageActivity,
    outbox::{Publication, RedrivenEvent, event_input, operation},
};
use crate::{
    domain::{Call, CallHead, CallName, HashMap, Locked, from_value},
    observability::{EventKind, LetterOwner, Timeline},
    resilience::Retries,
    services::{CallPolicy, Client, FaultId, Faults},
};

/// Publishes stored events in the background: reads them from an outbox, oldest first, puts each on
/// the bus and marks it as published. Each is published at least once, and none before an earlier one
/// of its subject.
///
/// Whatever fails is retried forever, with the delays of the preset `reconnect`. Only an event that the
/// bus refuses five times, with a code that is not retryable, becomes a dead letter; after a crash the
/// refusals are counted anew.
#[derive(Clone)]
pub struct Relay {
    inner: Arc<RelayInner>,
}

/// Where a publisher's process crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublisherCrash {
    /// Events are stored but not on the bus.
    BeforePublishing,
    /// Events are on the bus but not marked as published.
    AfterPublishing,
}

struct RelayInner {
    client: Arc<Client>,
    outbox: Arc<str>,
    unpublished: Arc<CallHead>,
    publish: Arc<CallHead>,
    mark_published: Arc<CallHead>,
    mark_failed: Arc<CallHead>,
    mark_dead_lettered: Arc<CallHead>,
    redrive: Arc<CallHead>,
    letters: LetterQueue,
    policy: CallPolicy,
    activity: MessageActivity,
    faults: Faults,
    wake_up: Notify,
    state: Locked<RelayState>,
}

#[derive(Default)]
struct RelayState {
    started: bool,
    crashed: bool,
    crashes: Vec<(PublisherCrash, FaultId)>,
    /// Held from being woken until the outbox is read.
    woken: Option<ActivityGuard>,
    /// Held while events wait for a retry.
    deferred: Option<ActivityGuard>,
    /// The dead letters of events that are to be published again.
    redriven: HashMap<EventId, Arc<DeadLetter>>,
}

impl Relay {
    /// A relay for the outbox of this name; it starts with the first [`wake`](Self::wake).
    pub fn new(
        client: Arc<Client>,
        outbox: &str,
        activity: MessageActivity,
        faults: Faults,
    ) -> Self {
        let head = |service, operation| {
            Arc::new(CallHead::new(
                Call::PUBLISHER,
                CallName::new(service, operation),
            ))
        };
        let owner = LetterOwner::Outbox(outbox.into());
        let letters = LetterQueue::new(Arc::clone(&client), owner, &Call::PUBLISHER.into());
        Self {
            inner: Arc::new(RelayInner {
                client,
                outbox: outbox.into(),
                unpublished: head(outbox, operation::UNPUBLISHED),
                publish: head(EventBus::NAME, EventBus::PUBLISH),
                mark_published: head(outbox, operation::MARK_PUBLISHED),
                mark_failed: head(outbox, operation::MARK_FAILED),
                mark_dead_lettered: head(outbox, operation::MARK_DEAD_LETTERED),
                redrive: head(outbox, operation::REDRIVE),
                letters,
                // The relay itself retries, forever.
                policy: CallPolicy {
                    retry: Some(Retries::none()),
                    ..CallPolicy::default()
                },
                activity,
                faults,
                wake_up: Notify::new(),
                state: Locked::default(),
            }),
        }
    }

    /// The service that it reads from.
    pub fn outbox(&self) -> &str {
        &self.inner.outbox
    }

    /// Wakes up whenever an event is stored in the outbox, also by another service.
    pub fn listen(&self, outbox: &Listener) {
        // A strong reference would be a cycle: the relay holds the client, which holds the services.
        let inner = Arc::downgrade(&self.inner);
        outbox.set(move || {
            if let Some(inner) = inner.upgrade() {
                Self { inner }.wake();
            }
        });
    }

    /// Makes it read the outbox.
    ///
    /// Must be called on a runtime.
    pub fn wake(&self) {
        let mut state = self.inner.state.lock();
        if !state.crashed && state.woken.is_none() {
            state.woken = Some(self.inner.activity.begin_work());
            self.inner.wake_up.notify_one();
        }
        if !state.started {
            state.started = true;
            tokio::spawn(Arc::clone(&self.inner).run());
        }
    }

    /// Publishes the event of a dead letter again.
    ///
    /// # Errors
    ///
    /// Why the letter stays in the queue.
    pub(super) async fn redrive(&self, letter: DeadLetter) -> Result<(), String> {
        let inner = &self.inner;
        if !self.is_running() {
            return Err("the publisher has crashed".to_owned());
        }
        let head = event_head(&letter.event).ok_or("it holds no event")?;
        let id = EventId::from(&*head);
        let letter = Arc::new(letter);
        // Before the outbox wakes this relay.
        let redriven = (id.clone(), Arc::clone(&letter));
        inner.state.lock().redriven.extend([redriven]);
        let reply = inner.call(&inner.redrive, event_input(&id)).await;
        let reply = reply
            .map_err(|failure| failure.to_string())
            .and_then(|reply| {
                from_value::<RedrivenEvent>(&reply).map_err(|error| error.to_string())
            });
        let is_pending = matches!(&reply, Ok(reply) if reply.status != Publication::Published);
        if !is_pending {
            inner.state.lock().redriven.remove(&id);
        }
        let RedrivenEvent {
            status: _,
            behind_newer,
        } = reply?;
        if behind_newer {
            inner.letters.warn_behind_newer(&head);
        }
        if is_pending {
            self.wake();
        } else {
            inner.letters.remove(&letter, &head).await;
        }
        Ok(())
    }

    /// Crashes the publisher's process, once, the next time it reaches a point.
    pub fn crash(&self, point: PublisherCrash, at: impl Into<Arc<str>>) {
        let place = match point {
            PublisherCrash::BeforePublishing => "before",
            PublisherCrash::AfterPublishing => "after",
        };
        let what = format!("the publisher crashes {place} publishing");
        let fault = self.inner.faults.declare(what, at);
        self.inner.state.lock().crashes.push((point, fault));
    }

    /// Whether the process has not crashed.
    pub fn is_running(&self) -> bool {
        !self.inner.state.lock().crashed
    }

    /// Starts a new process, which continues with the stored events; false if none has crashed.
    pub fn restart(&self) -> bool {
        if !std::mem::take(&mut self.inner.state.lock().crashed) {
            return false;
        }
        self.inner.timeline().record(EventKind::PublisherRestarted {
            outbox: Arc::clone(&self.inner.outbox),
        });
        self.wake();
        true
    }
}

impl RelayInner {
    /// Whether the process crashes at this point, now.
    fn crashes(&self, point: PublisherCrash) -> bool {
        let mut state = self.state.lock();
        let Some(place) = state.crashes.iter().position(|(at, _)| *at == point) else {
            return false;
        };
        let (_, fault) = state.crashes.remove(place);
        state.crashed = true;
        state.redriven.clear();
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
}
