use std::{sync::Arc, time::Duration};

use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use super::{
    RequestError, ResponseBody,
    response::{opt_timestamp, timestamp},
};
use crate::{
    clock::Clock,
    domain::{CallName, RequestStatus},
};

/// The immediate reply to a request in the background.
///
/// In JSON `{ "requestId", "status": "accepted", "estimatedCompletionTime", "statusUrl",
/// "callbackUrl"? }`.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestReceipt {
    /// The request's id.
    pub request_id: Arc<str>,
    /// When it completes if the first execution succeeds and nothing is queued before it.
    pub estimated_completion_time: Duration,
    /// The URL of its status.
    pub status_url: String,
    /// Called with every status change.
    pub callback: Option<CallName>,
}

/// The public state of a request in the background.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestView {
    /// The request's id.
    pub request_id: Arc<str>,
    /// Its status.
    pub status: RequestStatus,
    /// The service and operation.
    pub call: CallName,
    /// When it was accepted.
    #[serde(serialize_with = "timestamp")]
    pub accepted_at: Duration,
    /// When its call began.
    #[serde(
        serialize_with = "opt_timestamp",
        skip_serializing_if = "Option::is_none"
    )]
    pub started_at: Option<Duration>,
    /// When its call ended.
    #[serde(
        serialize_with = "opt_timestamp",
        skip_serializing_if = "Option::is_none"
    )]
    pub ended_at: Option<Duration>,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Option<RequestOutcome>,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RequestOutcome {
    /// The service's reply.
    Result(Arc<Value>),
    /// Why it failed.
    Error(RequestError),
}

/// A change of a request's status, as sent to its callback target.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StatusChange {
    pub request_id: Arc<str>,
    pub status: RequestStatus,
    /// When it changed, not when the callback arrives.
    #[serde(serialize_with = "timestamp")]
    pub timestamp: Duration,
    #[serde(flatten)]
    pub outcome: Option<RequestOutcome>,
}

/// A known request.
pub(super) struct RequestEntry {
    pub view: RequestView,
    /// When it stops being known; set at its end.
    pub expires_at: Option<Duration>,
    /// For waiting until it ends.
    pub status: watch::Sender<RequestStatus>,
    /// Sends every change to the callback target, if there is one.
    pub callbacks: Option<mpsc::UnboundedSender<StatusChange>>,
}

impl RequestReceipt {
    /// The status in the receipt; the request's own is `pending` then.
    pub const STATUS: &str = "accepted";

    /// The URL of a request's status.
    pub fn status_url_of(id: &str) -> String {
        format!("/api/v1/requests/{id}/status")
    }
}

impl Serialize for RequestReceipt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("RequestReceipt", 5)?;
        fields.serialize_field("requestId", &self.request_id)?;
        fields.serialize_field("status", Self::STATUS)?;
        let estimated = Clock::timestamp(self.estimated_completion_time);
        fields.serialize_field("estimatedCompletionTime", &estimated)?;
        fields.serialize_field("statusUrl", &self.status_url)?;
        match &self.callback {
            Some(callback) => fields.serialize_field("callbackUrl", callback)?,
            None => fields.skip_field("callbackUrl")?,
        }
        fields.end()
    }
}

impl From<ResponseBody> for RequestOutcome {
    fn from(body: ResponseBody) -> Self {
        match body {
            ResponseBody::Success { data } => Self::Result(data),
            ResponseBody::Error { error } => Self::Error(error),
        }
    }
}

impl RequestOutcome {
    pub(super) fn status(&self) -> RequestStatus {
        match self {
            Self::Result(_) => RequestStatus::Completed,
            Self::Error(_) => RequestStatus::Failed,
        }
    }
}

impl RequestEntry {
    /// Changes the status and sends the change to all who wait for it; false if the transition table
    /// does not allow it.
    pub fn change(
        &mut self,
        status: RequestStatus,
        outcome: Option<RequestOutcome>,
        now: Duration,
    ) -> bool {
        if !self.view.status.can_become(status) {
            return false;
        }
        self.view.status = status;
        self.view.outcome = outcome;
        let at = if status.is_final() {
            &mut self.view.ended_at
        } else {
            &mut self.view.started_at
        };
        *at = Some(now);
        if let Some(callbacks) = &self.callbacks {
            // A closed channel does not affect the request.
            let _ = callbacks.send(StatusChange {
                request_id: Arc::clone(&self.view.request_id),
                status,
                timestamp: now,
                outcome: self.view.outcome.clone(),
            });
        }
        if status.is_final() {
            self.callbacks = None;
        }
        self.status.send_replace(status);
        true
    }
}
