//! Requests to services: answered by an envelope, or processed in the background with callbacks.

mod background;
mod entry;
mod response;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use indexmap::IndexMap;
use serde_json::Value;

use self::entry::RequestEntry;
pub use self::{
    entry::{RequestReceipt, RequestView},
    response::{RequestError, ResponseBody, ResponseEnvelope},
};
use crate::{
    domain::{Call, CallName, KeyOrigin, Locked, SecurityContext},
    observability::{EventKind, RequestHead},
    resilience::{Bulkhead, BulkheadPolicy, Retries, Retry},
    services::{CallPolicy, Client},
};

/// A request to a service.
#[derive(Clone, Debug)]
pub struct ServiceRequest {
    /// The sender, as in [`Call::caller`].
    pub caller: Arc<str>,
    /// The service and operation.
    pub call: CallName,
    /// The input of the call.
    pub input: Arc<Value>,
    /// How long an execution may take; overrides the policy, also with zero.
    pub timeout: Option<Duration>,
    /// How it is retried; overrides the policy, also with no retries.
    pub retry: Option<Retries>,
}

/// Settings for requests in the background.
struct RequestSettings {
    /// How long a request is known after its end.
    pub kept_for: Duration,
    /// How many are processed at a time; all if `None`.
    pub at_a_time: Option<Bulkhead>,
}

/// Sends requests to services.
///
/// A request gets an id, `request-<n>`, which is also the idempotency key of its call. When it was sent
/// and its timeout are on the timeline.
///
/// A handle: clones share the requests.
#[derive(Clone)]
pub struct Requests(Arc<RequestsInner>);

struct RequestsInner {
    pub client: Arc<Client>,
    sent: AtomicU64,
    settings: Locked<RequestSettings>,
    /// No change to one of them can panic halfway.
    entries: Locked<IndexMap<Arc<str>, RequestEntry>>,
}

impl ServiceRequest {
    /// A request with the default timeout and retry policy.
    pub fn new(caller: &str, call: CallName, input: impl Into<Arc<Value>>) -> Self {
        Self {
            caller: caller.into(),
            call,
            input: input.into(),
            timeout: None,
            retry: None,
        }
    }

    fn policy(&self) -> CallPolicy {
        CallPolicy {
            timeout: self.timeout,
            retry: self.retry.clone(),
            default_retry: Some(default_retry()),
            ..CallPolicy::default()
        }
    }
}

/// The preset `request`.
fn default_retry() -> Retries {
    Retry::preset("request").map_or_else(|_| Retries::none(), Retries::from)
}

impl Default for RequestSettings {
    fn default() -> Self {
        Self {
            kept_for: Duration::from_secs(5 * 60),
            at_a_time: None,
        }
    }
}

impl Requests {
    /// Without any requests.
    pub fn new(client: Arc<Client>) -> Self {
        Self(Arc::new(RequestsInner {
            client,
            sent: AtomicU64::new(0),
            settings: Locked::default(),
            entries: Locked::default(),
        }))
    }

    /// Sends a request and waits for the response; a failure is a response too.
    pub async fn send(&self, request: &ServiceRequest) -> ResponseEnvelope {
        let id = self.next_id();
        let client = &self.0.client;
        let timeout = client
            .policies()
            .of(&request.call, &request.policy())
            .timeout;
        let head = Arc::new(RequestHead {
            request: Arc::clone(&id),
            call: request.call.clone(),
        });
        client.timeline().record(EventKind::RequestSent {
            head: Arc::clone(&head),
            timeout,
        });
        let response = self.exchange(id, request, None).await;
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

    /// How long requests that end from now on stay known; 5 minutes by default.
    pub fn keep_for(&self, span: Duration) {
        self.0.settings.lock().kept_for = span;
    }

    /// How many of the requests submitted from now on are processed at a time; the others wait in order.
    pub fn process_at_a_time(&self, count: NonZeroU32) {
        let at_a_time = Bulkhead::new(BulkheadPolicy::of(count));
        self.0.settings.lock().at_a_time = Some(at_a_time);
    }

    /// The client that sends them.
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// Makes the call of a request, for somebody if a context is given.
    async fn exchange(
        &self,
        id: Arc<str>,
        request: &ServiceRequest,
        security: Option<Arc<SecurityContext>>,
    ) -> ResponseEnvelope {
        let client = &self.0.client;
        let clock = client.timeline().clock();
        let sent = clock.now();
        let mut call = Call::new(
            &request.caller,
            request.call.clone(),
            Arc::clone(&request.input),
        )
        .accepting_fallback()
        .on_behalf_of(security);
        call.key = Some(KeyOrigin::Request.key(Arc::clone(&id)));
        let result = client.call(&call, &request.policy(), None).await;
        ResponseEnvelope::new(id, sent, clock.now(), result)
    }

    fn next_id(&self) -> Arc<str> {
        let number = self.0.sent.fetch_add(1, Ordering::Relaxed) + 1;
        format!("request-{number}").into()
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.0.entries.lock();
        f.debug_set().entries(entries.keys()).finish()
    }
}
