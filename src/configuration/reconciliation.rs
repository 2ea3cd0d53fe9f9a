use std::{sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::Value;

use crate::domain::{
    CallName, Violation, did_you_mean, duration_text, format_duration, reference_faults,
};

/// How services come to agree again, as data.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReconciliationDefinition {
    /// Who makes the calls; who reads what is compared, by default.
    #[serde(default)]
    pub caller: Option<Arc<str>>,
    /// The calls, in order; one that fails ends the attempt.
    pub steps: Vec<ReconciliationStep>,
    /// The time between attempts; 100 ms by default.
    #[serde(default = "poll", with = "duration_text")]
    pub poll: Duration,
    /// How long a call may take; 500 ms by default.
    #[serde(default = "timeout", with = "duration_text")]
    pub timeout: Duration,
    /// After this time it is a warning that they do not agree; 5 s by default.
    #[serde(default = "expected", with = "duration_text")]
    pub expected: Duration,
    /// After this time it is an error; 30 s by default.
    #[serde(default = "limit", with = "duration_text")]
    pub limit: Duration,
}

/// A call that carries a change on.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReconciliationStep {
    /// The name of its reply, for the steps after it.
    #[serde(default)]
    pub id: Option<String>,
    /// The operation.
    pub call: CallName,
    /// Its input; it may refer to subjects and to the replies of earlier steps.
    #[serde(default)]
    pub input: Option<Value>,
}

fn poll() -> Duration {
    Duration::from_millis(100)
}

fn timeout() -> Duration {
    Duration::from_millis(500)
}

fn expected() -> Duration {
    Duration::from_secs(5)
}

fn limit() -> Duration {
    Duration::from_secs(30)
}

impl ReconciliationDefinition {
    /// What is wrong with it, besides its form, given the names of the subjects.
    pub(super) fn faults(&self, subjects: &[&str]) -> Vec<Violation> {
        let mut faults = Vec::new();
        let mut report = |field: String, message: String| {
            faults.push(Violation::new(format!("/reconciliation/{field}"), message));
        };
        if self.steps.is_empty() {
            report("steps".to_owned(), "expected at least one step".to_owned());
        }
        if self.poll.is_zero() {
            report("poll".to_owned(), "expected more than 0 ms".to_owned());
        }
        if self.limit < self.expected {
            let expected = format_duration(self.expected);
            report(
                "limit".to_owned(),
                format!("expected at least {expected}, as \"expected\" is"),
            );
        }
        let mut ids: Vec<&str> = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            let mut known = |name: &str| {
                let names: Vec<&str> = subjects.iter().chain(&ids).copied().collect();
                match names.contains(&name) {
                    true => Ok(()),
                    false => {
                        let hint = did_you_mean(name, names);
                        Err(format!(
                            "there is no subject or earlier step {name:?}: {hint}"
                        ))
                    }
                }
            };
            for fault in reference_faults(step.input.as_ref().unwrap_or(&Value::Null), &mut known) {
                report(
                    format!("steps/{index}/input{}", fault.pointer),
                    fault.message,
                );
            }
            if let Some(id) = &step.id {
                if known(id).is_ok() {
                    report(format!("steps/{index}/id"), format!("{id:?} is taken"));
                }
                ids.push(id);
            }
        }
        faults
    }
}
