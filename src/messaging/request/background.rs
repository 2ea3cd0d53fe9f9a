use std::{sync::Arc, time::Duration};

use indexmap::map::Entry as Slot;
use tokio::sync::{mpsc, watch};

use super::{
    Request, RequestReceipt, RequestView, Requests,
    entry::{Entry, RequestOutcome},
};
use crate::{
    domain::{CallName, RequestStatus, did_you_mean},
    observability::EventKind,
    resilience::Bulkhead,
    services::UnknownName,
};

impl Requests {
    /// Accepts a request, which is processed in the background, and tells the callback target of
    /// every change from `processing` on.
    ///
    /// Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// If the service asked, the callback target or one of their operations does not exist.
    pub fn submit(
        &self,
        request: Request,
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
        let entry = Entry {
            view: RequestView {
                request_id: Arc::clone(&id),
                status: RequestStatus::Pending,
                call: request.call.clone(),
                accepted_at: now,
                started_at: None,
                ended_at: None,
                outcome: None,
            },
            gone_at: None,
            status: watch::Sender::new(RequestStatus::Pending),
            callbacks: callback.is_some().then_some(sender),
        };
        self.entries().insert(Arc::clone(&id), entry);
        let asked: Arc<str> = request.call.service().into();
        let at_a_time = self.settings().at_a_time;
        tokio::spawn(self.clone().process(Arc::clone(&id), request, at_a_time));
        if let Some(target) = callback.clone() {
            tokio::spawn(self.clone().deliver(asked, target, changes));
        }
        Ok(RequestReceipt {
            estimated_completion_time: now + latency,
            status_url: RequestReceipt::status_url_of(&id),
            request_id: id,
            callback,
        })
    }

    /// Where a request that was submitted stands, by its id or its status URL: from when it was
    /// accepted until so long after its end as the settings keep it.
    ///
    /// # Errors
    ///
    /// If there is none, or none any more, of this id.
    pub fn get(&self, id_or_url: &str) -> Result<RequestView, UnknownName> {
        let now = self.0.client.timeline().now();
        let entries = self.entries();
        let id = id_of(id_or_url);
        let known = |entry: &&Entry| entry.gone_at.is_none_or(|gone_at| now < gone_at);
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

    /// Waits until a request has ended; its last callback may still be under way.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    pub async fn ended(&self, id_or_url: &str) -> Result<(), UnknownName> {
        self.get(id_or_url)?;
        let id = id_of(id_or_url);
        let status = self.entries().get(id).map(|entry| entry.status.subscribe());
        if let Some(mut status) = status {
            // It fails where the entry is gone, and that is past its end.
            let _ = status.wait_for(|status| status.is_final()).await;
        }
        Ok(())
    }

    async fn process(self, id: Arc<str>, request: Request, at_a_time: Option<Bulkhead>) {
        let turn = match at_a_time {
            // Its queue has no end, so that nobody is refused.
            Some(at_a_time) => at_a_time.enter().await.ok(),
            None => None,
        };
        self.change(&id, RequestStatus::Processing, None);
        let response = self.exchange(Arc::clone(&id), &request).await;
        let outcome = RequestOutcome::from(response.body);
        self.change(&id, outcome.status(), Some(outcome));
        drop(turn);
        let kept_for = self.settings().kept_for;
        self.forget_after(&id, kept_for).await;
    }

    fn change(&self, id: &str, status: RequestStatus, outcome: Option<RequestOutcome>) {
        let timeline = self.0.client.timeline();
        let now = timeline.now();
        let mut entries = self.entries();
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
        let gone_at = timeline.now() + kept_for;
        if let Some(entry) = self.entries().get_mut(id) {
            entry.gone_at = Some(gone_at);
        }
        timeline.clock().sleep_until(gone_at).await;
        if let Slot::Occupied(entry) = self.entries().entry(Arc::clone(id)) {
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
