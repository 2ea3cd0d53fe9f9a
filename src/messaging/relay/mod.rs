//! From an outbox to the bus.

mod backlog;
mod rounds;

use std::sync::Arc;

use tokio::sync::Notify;

use super::{ActivityGuard, EventBus, Listener, MessageActivity, outbox::operation};
use crate::{
    domain::{Call, CallHead, CallName, Locked},
    observability::{EventKind, Timeline},
    resilience::Retries,
    services::{CallPolicy, Client, FaultId, Faults},
};

/// Publishes stored events in the background: reads them from an outbox, oldest first, puts each on
/// the bus and marks it as published. Each is published at least once, and none before an earlier one
/// of its subject.
///
/// Whatever fails is retried forever, with the delays of the preset `reconnect`.
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
        Self {
            inner: Arc::new(RelayInner {
                client,
                outbox: outbox.into(),
                unpublished: head(outbox, operation::UNPUBLISHED),
                publish: head(EventBus::NAME, EventBus::PUBLISH),
                mark_published: head(outbox, operation::MARK_PUBLISHED),
                mark_failed: head(outbox, operation::MARK_FAILED),
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
