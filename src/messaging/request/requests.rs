use std::{
    fmt,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use indexmap::IndexMap;
use serde_json::Value;

use super::{Response, ResponseBody, entry::Entry};
use crate::{
    domain::{Call, CallName, Key},
    observability::{EventKind, RequestHead},
    resilience::{Bulkhead, BulkheadPolicy, Retries, Retry},
    services::{CallPolicy, Client},
};

/// What is asked of a service.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who asks, as [`Call::caller`] names it.
    pub caller: Arc<str>,
    /// The service and operation asked.
    pub call: CallName,
    /// What is sent.
    pub input: Arc<Value>,
    /// How long an execution may take, where the request says so itself; zero holds.
    pub timeout: Option<Duration>,
    /// How it is repeated, where the request says so itself; none holds.
    pub retries: Option<Retries>,
}

/// How requests that are answered later are dealt with.
#[derive(Clone)]
pub(super) struct Settings {
    /// How long a request can be asked for once it has ended.
    pub kept_for: Duration,
    /// How many are processed at a time; all of them where there is none.
    pub at_a_time: Option<Bulkhead>,
}

/// Sends requests to services.
///
/// A request gets an id, `request-<n>`, which travels with its call as the idempotency key. The time
/// it was sent at and its timeout are on the timeline.
///
/// A handle: clones share the requests.
#[derive(Clone)]
pub struct Requests(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub client: Arc<Client>,
    sent: AtomicU64,
    settings: Mutex<Settings>,
    entries: Mutex<IndexMap<Arc<str>, Entry>>,
}

impl Request {
    /// A request that is timed out and repeated as requests usually are.
    pub fn new(caller: &str, call: CallName, input: impl Into<Arc<Value>>) -> Self {
        Self {
            caller: caller.into(),
            call,
            input: input.into(),
            timeout: None,
            retries: None,
        }
    }

    /// What its call asks for: the preset `request` where nothing else is said of it.
    fn policy(&self) -> CallPolicy {
        CallPolicy {
            timeout: self.timeout,
            retry: self.retries.clone(),
            usual_retry: Some(usual_retry()),
        }
    }
}

/// How a request is repeated where nothing else is said.
pub(super) fn usual_retry() -> Retries {
    Retry::preset("request").map_or_else(|_| Retries::none(), Retries::from)
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            kept_for: Duration::from_secs(5 * 60),
            at_a_time: None,
        }
    }
}

impl Requests {
    /// No request yet.
    pub fn new(client: Arc<Client>) -> Self {
        Self(Arc::new(Shared {
            client,
            sent: AtomicU64::new(0),
            settings: Mutex::default(),
            entries: Mutex::default(),
        }))
    }

    /// Sends a request and waits for what it comes to, which is an envelope in any case.
    pub async fn send(&self, request: &Request) -> Response {
        let id = self.next_id();
        let client = &self.0.client;
        let (timeout, _) = client.policy_of(&request.call, &request.policy());
        let head = Arc::new(RequestHead {
            request: Arc::clone(&id),
            call: request.call.clone(),
        });
        client.timeline().record(EventKind::RequestSent {
            head: Arc::clone(&head),
            timeout,
        });
        let response = self.exchange(id, request).await;
        client.timeline().record(EventKind::RequestAnswered {
            head,
            executions: response.metadata.executions,
            took: response.metadata.response_time,
            result: match &response.body {
                ResponseBody::Success { .. } => "ok".into(),
                ResponseBody::Error { error } => Arc::clone(&error.code),
            },
        });
        response
    }

    /// Lets requests that end from now on be asked for so long, in place of 5 minutes.
    pub fn keep_for(&self, span: Duration) {
        self.lock_settings().kept_for = span;
    }

    /// Lets so many of the requests that are submitted from now on be processed at a time, in place of
    /// all of them; the others wait in order.
    pub fn process_at_a_time(&self, count: NonZeroU32) {
        let at_a_time = Bulkhead::new(BulkheadPolicy::of(count));
        self.lock_settings().at_a_time = Some(at_a_time);
    }

    /// The client that sends them.
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    pub(super) async fn exchange(&self, id: Arc<str>, request: &Request) -> Response {
        let client = &self.0.client;
        let clock = client.timeline().clock();
        let sent = clock.now();
        let mut call = Call::new(
            &request.caller,
            request.call.clone(),
            Arc::clone(&request.input),
        );
        call.key = Some(Key::Do(Arc::clone(&id)));
        let result = client.call(&call, &request.policy(), None).await;
        Response::new(id, sent, clock.now(), result)
    }

    pub(super) fn next_id(&self) -> Arc<str> {
        let number = self.0.sent.fetch_add(1, Ordering::Relaxed) + 1;
        format!("request-{number}").into()
    }

    pub(super) fn settings(&self) -> Settings {
        self.lock_settings().clone()
    }

    fn lock_settings(&self) -> MutexGuard<'_, Settings> {
        let settings = self.0.settings.lock();
        settings.unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn entries(&self) -> MutexGuard<'_, IndexMap<Arc<str>, Entry>> {
        // No change to an entry can panic halfway.
        self.0
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries();
        f.debug_set().entries(entries.keys()).finish()
    }
}
