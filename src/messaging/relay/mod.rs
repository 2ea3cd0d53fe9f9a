//! From an outbox to the bus.

mod backlog;
mod handed_over;
mod rounds;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

use self::handed_over::HandedOver;
use super::{Activity, Counted, EventBus, EventDocument, Listener, outbox::operation};
use crate::{
    domain::{Call, CallHead, CallName},
    observability::{EventKind, Timeline},
    resilience::Retries,
    services::{CallPolicy, Client, FaultId, Faults},
};

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
    calls: Calls,
    policy: CallPolicy,
    activity: Activity,
    faults: Faults,
    wanted: Notify,
    /// How many are under way, each of which hands over what it stores.
    publications: AtomicUsize,
    state: Mutex<State>,
}

/// A publication that is under way as long as this lives.
pub(super) struct UnderWay<'a>(&'a AtomicUsize);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Calls {
    unpublished: Arc<CallHead>,
    publish: Arc<CallHead>,
    mark_published: Arc<CallHead>,
    mark_failed: Arc<CallHead>,
}

#[derive(Default)]
struct State {
    begun: bool,
    crashed: bool,
    crashes: Vec<(PublisherCrash, FaultId)>,
    handed_over: HandedOver,
    /// There since it was last woken, until it has looked.
    woken: Option<Counted>,
    /// There while it has something left to do.
    owed: Option<Counted>,
}

impl Relay {
    /// A relay of the outbox that a service is; it begins with the first [`wake`](Self::wake).
    pub fn new(client: Arc<Client>, outbox: &str, activity: Activity, faults: Faults) -> Self {
        let calls = |service, operation| {
            Arc::new(CallHead::new(
                Call::PUBLISHER,
                CallName::new(service, operation),
            ))
        };
        Self {
            shared: Arc::new(Shared {
                client,
                outbox: outbox.into(),
                calls: Calls {
                    unpublished: calls(outbox, operation::UNPUBLISHED),
                    publish: calls(EventBus::NAME, EventBus::PUBLISH),
                    mark_published: calls(outbox, operation::MARK_PUBLISHED),
                    mark_failed: calls(outbox, operation::MARK_FAILED),
                },
                // It has retries of its own, which never end.
                policy: CallPolicy {
                    retry: Some(Retries::none()),
                    ..CallPolicy::default()
                },
                activity,
                faults,
                wanted: Notify::new(),
                publications: AtomicUsize::default(),
                state: Mutex::default(),
            }),
        }
    }

    /// The service that it reads from.
    pub fn outbox(&self) -> &str {
        &self.shared.outbox
    }

    /// Listens to the outbox, so that what is stored there is published soon, whoever stored it.
    pub fn listen(&self, outbox: &Listener) {
        // It holds the client, which holds the services.
        let shared = Arc::downgrade(&self.shared);
        outbox.set(move || {
            // Whoever stores through a publisher hands over, or says that it cannot.
            if let Some(shared) = shared.upgrade()
                && shared.publications.load(Ordering::Relaxed) == 0
            {
                Self { shared }.wake();
            }
        });
    }

    /// A publication that is under way as long as this lives.
    pub(super) fn publication(&self) -> UnderWay<'_> {
        let publications = &self.shared.publications;
        publications.fetch_add(1, Ordering::Relaxed);
        UnderWay(publications)
    }

    /// Says that something was stored, which is to be read from the outbox.
    ///
    /// Must be called on a runtime.
    pub fn wake(&self) {
        self.shared.lock().handed_over.falls_behind();
        self.begin();
    }

    /// Hands over an event that was stored just now, so that it need not be read back; with it the
    /// outbox had so many unpublished ones, where it tells.
    ///
    /// Must be called on a runtime.
    pub(super) fn hand_over(&self, document: EventDocument, waiting: Option<u64>) {
        self.shared.lock().handed_over.push(document, waiting);
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
        state.handed_over = HandedOver::default();
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
