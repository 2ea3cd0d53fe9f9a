use std::{path::PathBuf, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    domain::{Call, CallHead, CallName, Context, Failure, Key, Reply, WorkflowStatus, offset_text},
    orchestration::{CrashPoint, Workflow},
    services::CallResult,
};

/// What the orchestrator's process is started for; the first line it is told.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Task {
    pub journal: PathBuf,
    pub workflow: Arc<Workflow>,
    pub input: Arc<Value>,
    pub services: Vec<ServiceSketch>,
    /// What the scenario's clock shows, so that both processes' offsets count from the same start.
    #[serde(with = "offset_text")]
    pub at: Duration,
}

/// A service, as far as a workflow's definition is checked against it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ServiceSketch {
    pub name: String,
    pub operations: Option<Vec<String>>,
}

/// What the orchestrator's process is told after its task, a line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub(super) enum Told {
    /// What a call came to.
    Answer { number: u64, answer: Answer },
    /// It may go on from the point that it has reached.
    GoOn,
}

/// What a call came to.
#[derive(Debug, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub(super) enum Answer {
    Reply {
        value: Arc<Value>,
        fallback_used: bool,
        executions: u32,
    },
    Failure(Box<Failure>),
}

/// What the orchestrator's process says, a line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub(super) enum Said {
    /// It is there, and waits for its task.
    Ready,
    /// The run has begun.
    Begun {
        run: Arc<str>,
        #[serde(with = "offset_text")]
        at: Duration,
    },
    /// A call is to be made.
    Call { number: u64, call: CallLine },
    /// The journal is this far; it waits until it may go on.
    Reached { point: CrashPoint, step: String },
    /// The run has ended.
    Ended { status: WorkflowStatus },
    /// There will be no run, or no end of it.
    Failed { why: String },
}

/// A call, as a line has it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CallLine {
    caller: Arc<str>,
    name: CallName,
    input: Arc<Value>,
    run: Option<Arc<str>>,
    step: Option<Arc<str>>,
    key: Option<Arc<str>>,
    undo: bool,
}

impl From<&Call> for CallLine {
    fn from(call: &Call) -> Self {
        Self {
            caller: Arc::clone(call.caller()),
            name: call.name().clone(),
            input: Arc::clone(&call.input),
            run: call.context().run.clone(),
            step: call.context().step.clone(),
            key: call.key.as_ref().map(|key| Arc::clone(key.subject())),
            undo: matches!(call.key, Some(Key::Undo(_))),
        }
    }
}

impl From<CallLine> for Call {
    fn from(line: CallLine) -> Self {
        Self {
            head: Arc::new(CallHead {
                caller: line.caller,
                name: line.name,
                context: Context {
                    run: line.run,
                    step: line.step,
                },
            }),
            input: line.input,
            key: line.key.map(if line.undo { Key::Undo } else { Key::Do }),
        }
    }
}

impl From<CallResult> for Answer {
    fn from(result: CallResult) -> Self {
        match result {
            Ok(Reply {
                value,
                fallback_used,
                executions,
            }) => Self::Reply {
                value,
                fallback_used,
                executions,
            },
            Err(failure) => Self::Failure(failure),
        }
    }
}

impl From<Answer> for CallResult {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Reply {
                value,
                fallback_used,
                executions,
            } => Ok(Reply {
                value,
                fallback_used,
                executions,
            }),
            Answer::Failure(failure) => Err(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn calls_and_answers_survive_being_lines() {
        let key = Key::of_step("w-1", "pay");
        for key in [None, Some(key.clone()), Some(key.undo())] {
            let head = CallHead {
                caller: "orchestrator".into(),
                name: CallName::new("S", "pay"),
                context: Context {
                    run: Some("w-1".into()),
                    step: Some("pay".into()),
                },
            };
            let call = Call {
                head: Arc::new(head),
                input: Arc::new(json!({"a\n": 1})),
                key,
            };
            let text = serde_json::to_string(&CallLine::from(&call)).unwrap();
            assert!(!text.contains('\n'));
            let line: CallLine = serde_json::from_str(&text).unwrap();
            assert_eq!(format!("{:?}", Call::from(line)), format!("{call:?}"));
        }
        let mut failure = Failure::new("X", "y");
        failure.in_doubt = true;
        failure.executions = 3;
        let reply = Reply {
            value: Arc::new(json!([1])),
            fallback_used: true,
            executions: 2,
        };
        for result in [Ok(reply), Err(Box::new(failure))] {
            let text = serde_json::to_string(&Answer::from(result.clone())).unwrap();
            let answer: Answer = serde_json::from_str(&text).unwrap();
            assert_eq!(CallResult::from(answer), result);
        }
    }
}
