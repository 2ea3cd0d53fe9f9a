use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::{ApprovalStatus, Severity, duration_text};

/// A person's approval that a step waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Approval {
    /// What is to be approved, for people.
    #[serde(rename = "for")]
    pub what: String,
    /// How bad it would be if it went wrong.
    #[serde(default = "medium")]
    pub risk: Severity,
    /// Who may answer; anyone unless given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<String>,
    /// Whether an answer needs a reason.
    #[serde(default = "yes")]
    pub require_reason: bool,
    /// How long an answer is waited for; 300 s unless given.
    #[serde(default = "timeout", with = "duration_text")]
    pub timeout: Duration,
    /// Whether it counts as approved if nobody answers in time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub approve_on_timeout: bool,
}

impl Approval {
    /// Anyone's approval of something, with a reason, within five minutes.
    pub fn of(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            risk: medium(),
            approvers: Vec::new(),
            require_reason: true,
            timeout: timeout(),
            approve_on_timeout: false,
        }
    }
}

fn medium() -> Severity {
    Severity::Medium
}

fn yes() -> bool {
    true
}

fn timeout() -> Duration {
    Duration::from_secs(300)
}

/// The end of a request for approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: ApprovalStatus,
    pub approver: Arc<str>,
    pub reason: Arc<str>,
}

impl Answer {
    /// Nobody's answer.
    pub(super) fn of_system(status: ApprovalStatus, reason: &str) -> Self {
        Self {
            status,
            approver: "system".into(),
            reason: reason.into(),
        }
    }

    /// The reply of the step that waited for it.
    pub(super) fn reply(&self) -> Value {
        json!({ "status": self.status, "approver": &*self.approver, "reason": &*self.reason })
    }
}
