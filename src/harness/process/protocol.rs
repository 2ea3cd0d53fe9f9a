use std::{path::PathBuf, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    domain::{
        Call, CallHead, CallName, Context, Failure, Key, KeySubject, Reply, SecurityContext,
        WorkflowStatus, offset_text,
    },
    orchestration::{CrashPoint, Workflow},
    services::CallResult,
};

/// What the orchestrator's process is to run; the first line that it receives.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RunRequest {
    pub journal: PathBuf,
    pub workflow: Arc<Workflow>,
    pub input: Arc<Value>,
    /// Who the run is for.
    pub security: Option<Arc<SecurityContext>>,
    pub services: Vec<ServiceSignature>,
    /// The time on the scenario's clock, so that offsets in both processes count from the same start.
    #[serde(with = "offset_text")]
    pub at: Duration,
}

/// What a workflow is checked against: a service's name and its operations, if they are known.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ServiceSignature {
    pub name: String,
    pub operations: Option<Vec<String>>,
}

/// A line that the orchestrator's process receives after the run request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub(super) enum ParentMessage {
    /// The result of a call.
    Answer { number: u64, answer: CallAnswer },
    /// It may continue from the point that it has reached.
    Continue,
}

/// The result of a call.
#[derive(Debug, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub(super) enum CallAnswer {
    Reply {
        value: Arc<Value>,
        fallback_used: bool,
        in_doubt: bool,
        executions: u32,
    },
    Failure(Box<Failure>),
}

/// A line that the orchestrator's process sends.
#[derive(Debug, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub(super) enum ChildMessage {
    /// It has started, and waits for the run request.
    Ready,
    /// The run has begun.
    Begun {
        run: Arc<str>,
        #[serde(with = "offset_text")]
        at: Duration,
    },
    /// A call is to be made.
    Call { number: u64, call: CallMessage },
    /// The journal has reached this point; it waits until it may continue.
    Reached { point: CrashPoint, step: String },
    /// The run has ended.
    Ended { status: WorkflowStatus },
    /// The run cannot begin or end.
    Failed { why: String },
}

/// A call in a line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CallMessage {
    caller: Arc<str>,
    name: CallName,
    input: Arc<Value>,
    run: Option<Arc<str>>,
    step: Option<Arc<str>>,
    security: Option<Arc<SecurityContext>>,
    key: Option<KeySubject>,
    undo: bool,
    accepts_fallback: bool,
}

impl From<&Call> for CallMessage {
    fn from(call: &Call) -> Self {
        Self {
            caller: Arc::clone(call.caller()),
            name: call.name().clone(),
            input: Arc::clone(&call.input),
            run: call.context().run.clone(),
            step: call.context().step.clone(),
            security: call.context().security.clone(),
            key: call.key.as_ref().map(|key| key.subject().clone()),
            undo: call.is_undo(),
            accepts_fallback: call.accepts_fallback,
        }
    }
}

impl From<CallMessage> for Call {
    fn from(line: CallMessage) -> Self {
        Self {
            head: Arc::new(CallHead {
                caller: line.caller,
                name: line.name,
                context: Context {
                    run: line.run,
                    step: line.step,
                    security: line.security,
                    ..Context::default()
                },
            }),
            input: line.input,
            key: line.key.map(if line.undo { Key::Undo } else { Key::Do }),
            accepts_fallback: line.accepts_fallback,
        }
    }
}

impl From<CallResult> for CallAnswer {
    fn from(result: CallResult) -> Self {
        match result {
            Ok(Reply {
                value,
                fallback_used,
                in_doubt,
                executions,
            }) => Self::Reply {
                value,
                fallback_used,
                in_doubt,
                executions,
            },
            Err(failure) => Self::Failure(failure),
        }
    }
}

impl From<CallAnswer> for CallResult {
    fn from(answer: CallAnswer) -> Self {
        match answer {
            CallAnswer::Reply {
                value,
                fallback_used,
                in_doubt,
                executions,
            } => Ok(Reply {
                value,
                fallback_used,
                in_doubt,
                executions,
            }),
            CallAnswer::Failure(failure) => Err(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::KeyOrigin;

    #[test]
    fn calls_and_answers_round_trip_through_lines() {
        let key = Key::of_step("w-1", "pay");
        let other = KeyOrigin::Request.key("w-1/pay");
        for key in [None, Some(key.clone()), Some(key.undo()), Some(other)] {
            let head = CallHead {
                caller: "orchestrator".into(),
                name: CallName::new("S", "pay"),
                context: Context {
                    run: Some("w-1".into()),
                    step: Some("pay".into()),
                    traceparent: None,
                    security: Some(Arc::new(SecurityContext::new("ada"))),
                },
            };
            let call = Call {
                head: Arc::new(head),
                input: Arc::new(json!({"a\n": 1})),
                key,
                accepts_fallback: true,
            };
            let text = serde_json::to_string(&CallMessage::from(&call)).unwrap();
            assert!(!text.contains('\n'));
            let line: CallMessage = serde_json::from_str(&text).unwrap();
            assert_eq!(format!("{:?}", Call::from(line)), format!("{call:?}"));
        }
        let mut failure = Failure::new("X", "y");
        failure.in_doubt = true;
        failure.executions = 3;
        let reply = Reply {
            value: Arc::new(json!([1])),
            fallback_used: true,
            in_doubt: true,
            executions: 2,
        };
        for result in [Ok(reply), Err(Box::new(failure))] {
            let text = serde_json::to_string(&CallAnswer::from(result.clone())).unwrap();
            let answer: CallAnswer = serde_json::from_str(&text).unwrap();
            assert_eq!(CallResult::from(answer), result);
        }
    }
}
