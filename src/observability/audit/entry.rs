use std::{str::FromStr, sync::Arc};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{clock::timestamp, domain::did_you_mean};

/// A decision, or an interaction with a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditEntry {
    /// Counted from 1 in each trail.
    pub id: u64,
    /// When it happened, counted from the epoch of scenarios.
    #[serde(with = "timestamp")]
    pub at: DateTime<Utc>,
    /// What it was part of: the trace of a goal, else the W3C trace of the call, else the workflow's run,
    /// else `scenario`.
    pub trace: Arc<str>,
    /// What it was.
    #[serde(rename = "type")]
    pub kind: AuditType,
    /// What was chosen, asked for or called.
    pub target: Arc<str>,
    /// Why.
    pub reason: Arc<str>,
    /// What could have been chosen instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Arc<str>>,
    /// How sure a choice was, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Whatever else is known, without secrets.
    #[serde(default)]
    pub metadata: Arc<Value>,
}

impl AuditEntry {
    /// The names of its fields.
    pub(crate) const FIELDS: [&str; 9] = [
        "id",
        "at",
        "trace",
        "type",
        "target",
        "reason",
        "alternatives",
        "confidence",
        "metadata",
    ];
}

/// What an entry of the audit trail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditType {
    /// A plan was made for a goal.
    Planning,
    /// Who carries out a plan was chosen.
    Routing,
    /// An approval was asked for, answered, or not answered in time.
    Approval,
    /// A budget came close to a ceiling or exceeded it.
    Budget,
    /// A call was refused before it reached its service.
    Refusal,
    /// A service was called and answered, or did not.
    Interaction,
}

impl AuditType {
    /// Every type.
    pub const ALL: [Self; 6] = [
        Self::Planning,
        Self::Routing,
        Self::Approval,
        Self::Budget,
        Self::Refusal,
        Self::Interaction,
    ];

    /// Its name in tables and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planning => "planning",
            Self::Routing => "routing",
            Self::Approval => "approval",
            Self::Budget => "budget",
            Self::Refusal => "refusal",
            Self::Interaction => "interaction",
        }
    }
}

impl FromStr for AuditType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        known.ok_or_else(|| {
            let hint = did_you_mean(text, Self::ALL.map(Self::as_str));
            format!("no entry of the audit trail is of type {text:?}: {hint}")
        })
    }
}
