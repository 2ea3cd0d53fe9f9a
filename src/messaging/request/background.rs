use std::{sync::Arc, time::Duration};

use indexmap::map;
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use super::{
    RequestReceipt, RequestView, Requests, ServiceRequest, default_retry,
    entry::{RequestEntry, RequestOutcome, StatusChange},
};
use crate::{
    domain::{Call, CallName, KeyOrigin, RequestStatus, SecurityContext, did_you_mean},
    observability::EventKind,
    resilience::Bulkhead,
    services::{CallPolicy, UnknownName},
};

impl Requests {
    /// Accepts a request and processes it in the background; the callback target is called with every
    /// status change from `processing` on.
    ///
    /// Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// If the service, the callback target or either operation does not exist.
    pub fn submit(
        &self,
        request: ServiceRequest,
        callback: Option<CallName>,
    ) -> Result<RequestReceipt, UnknownName> {
        let registry = self.0.client.registry();
        let latency = registry.usual_latency(&request.call)?;
        if let Some(target) = &callback {
            registry.check(target)?;
        }
        let id = self.next_id();
        let timeline = self.0.client.timeline();
        let now = timeline.now();
        timeline.record(EventKind::RequestAccepted {
            request: Arc::clone(&id),
            call: request.call.clone(),
            status: RequestStatus::Pending,
        });
        let (sender, changes) = mpsc::unbounded_channel();
        let entry = RequestEntry {
            view: RequestView {
                request_id: Arc::clone(&id),
                status: RequestStatus::Pending,
                call: request.call.clone(),
                accepted_at: now,
                started_at: None,
                ended_at: None,
                outcome: None,
            },
            expires_at: None,
            status: watch::Sender::new(RequestStatus::Pending),
            callbacks: callback.is_some().then_some(sender),
        };
        self.0.entries.lock().insert(Arc::clone(&id), entry);
        let service: Arc<str> = request.call.service().into();
        let at_a_time = self.0.settings.lock().at_a_time.clone();
        // It is processed for whom it was submitted, whoever others are for by then.
        let security = self.0.client.authorisation().context();
        let processed = self
            .clone()
            .process(Arc::clone(&id), request, at_a_time, security.clone());
        tokio::spawn(processed);
        if let Some(target) = callback.clone() {
            tokio::spawn(self.clone().deliver(service, target, changes, security));
        }
        Ok(RequestReceipt {
            estimated_completion_time: now + latency,
            status_url: RequestReceipt::status_url_of(&id),
            request_id: id,
            callback,
        })
    }

    /// A submitted request, by its id or status URL, while it is known.
    ///
    /// # Errors
    ///
    /// If no request of this id is known, or it is no longer kept.
    pub fn get(&self, id_or_url: &str) -> Result<RequestView, UnknownName> {
        let now = self.0.client.timeline().now();
        let entries = self.0.entries.lock();
        let id = id_of(id_or_url);
        let known =
            |entry: &&RequestEntry| entry.expires_at.is_none_or(|expires_at| now < expires_at);
        let entry = entries.get(id).filter(known);
        entry.map(|entry| entry.view.clone()).ok_or_else(|| {
            let known = entries.values().filter(known);
            UnknownName {
                what: "request",
                name: id.to_owned(),
                hint: did_you_mean(id, known.map(|entry| &*entry.view.request_id)),
            }
        })
    }

    /// Waits until a request has ended; its last callback may still be on its way.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    pub async fn ended(&self, id_or_url: &str) -> Result<(), UnknownName> {
        self.get(id_or_url)?;
        let id = id_of(id_or_url);
        let status = self
            .0
            .entries
            .lock()
            .get(id)
            .map(|entry| entry.status.subscribe());
        if let Some(mut status) = status {
            // It fails if the entry has been removed, which is after its end.
            let _ = status.wait_for(|status| status.is_final()).await;
        }
        Ok(())
    }

    async fn process(
        self,
        id: Arc<str>,
        request: ServiceRequest,
        at_a_time: Option<Bulkhead>,
        security: Option<Arc<SecurityContext>>,
    ) {
        let turn = match at_a_time {
            // Its queue is unbounded, so nothing is refused.
            Some(at_a_time) => at_a_time.enter().await.ok(),
            None => None,
        };
        self.change(&id, RequestStatus::Processing, None);
        let response = self.exchange(Arc::clone(&id), &request, security).await;
        let outcome = RequestOutcome::from(response.body);
        self.change(&id, outcome.status(), Some(outcome));
        drop(turn);
        let kept_for = self.0.settings.lock().kept_for;
        self.forget_after(&id, kept_for).await;
    }

    /// Sends the changes of one request to its callback target, sequentially; the service of the
    /// request is the caller.
    ///
    /// A callback is a request to another service, so it is retried as one (the preset `request`). If
    /// every execution of both callbacks times out, they end after 268 s, while the request is still
    /// known.
    async fn deliver(
        self,
        service: Arc<str>,
        target: CallName,
        mut changes: mpsc::UnboundedReceiver<StatusChange>,
        security: Option<Arc<SecurityContext>>,
    ) {
        let policy = CallPolicy {
            default_retry: Some(default_retry()),
            ..CallPolicy::default()
        };
        while let Some(change) = changes.recv().await {
            let payload = serde_json::to_value(&change).unwrap_or(Value::Null);
            let call = Call::new(&service, target.clone(), payload);
            let mut call = call.on_behalf_of(security.clone());
            let key = format!("{}/{}", change.request_id, change.status.as_str());
            call.key = Some(KeyOrigin::Callback.key(key));
            let (code, executions) = match self.0.client.call(&call, &policy, None).await {
                Ok(_) => continue,
                Err(failure) => (failure.code, failure.executions),
            };
            self.0.client.timeline().record(EventKind::CallbackFailed {
                request: change.request_id,
                status: change.status,
                call: target.clone(),
                executions,
                code,
            });
        }
    }

    fn change(&self, id: &str, status: RequestStatus, outcome: Option<RequestOutcome>) {
        let timeline = self.0.client.timeline();
        let now = timeline.now();
        let mut entries = self.0.entries.lock();
        let Some(entry) = entries.get_mut(id) else {
            return;
        };
        let allowed = entry.change(status, outcome, now);
        debug_assert!(allowed, "{id} cannot become {}", status.as_str());
        timeline.record(EventKind::RequestStatusChanged {
            request: Arc::clone(&entry.view.request_id),
            status,
        });
    }

    async fn forget_after(&self, id: &Arc<str>, kept_for: Duration) {
        let timeline = self.0.client.timeline();
        let expires_at = timeline.now() + kept_for;
        if let Some(entry) = self.0.entries.lock().get_mut(id) {
            entry.expires_at = Some(expires_at);
        }
        timeline.clock().sleep_until(expires_at).await;
        if let map::Entry::Occupied(entry) = self.0.entries.lock().entry(Arc::clone(id)) {
            entry.shift_remove();
        }
        timeline.record(EventKind::RequestForgotten {
            request: Arc::clone(id),
        });
    }
}

/// The id in a status URL, or the text itself.
fn id_of(id_or_url: &str) -> &str {
    id_or_url
        .strip_prefix("/api/v1/requests/")
        .and_then(|rest| rest.strip_suffix("/status"))
        .unwrap_or(id_or_url)
}
