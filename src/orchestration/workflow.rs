use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, de::IgnoredAny};
use serde_json::Value;

use super::{
    approval::Approval,
    degrade::Degrade,
    wait::{StartedBy, Wait},
};
use crate::{
    domain::{JsonForm, opt_duration_text},
    resilience::{Retries, Retry},
    services::CallPolicy,
};

/// A file of workflows, as in `fixtures/service-coordination/`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkflowFile {
    /// The JSON Schema of such files, for editors.
    #[serde(default, rename = "$schema")]
    #[expect(dead_code, reason = "named in files, and checked there")]
    pub schema: Option<String>,
    /// What the workflows are for.
    #[serde(default)]
    #[expect(dead_code, reason = "named in files, and checked there")]
    pub description: Option<String>,
    /// The file in `fixtures/services/` whose services the steps call, without its ending.
    #[serde(default)]
    #[expect(dead_code, reason = "named in files, and checked there")]
    pub services: Option<String>,
    /// The workflows.
    pub workflows: Vec<Workflow>,
}

/// A workflow, as data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Workflow {
    /// Its unique id.
    pub id: String,
    /// Its display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The events that start runs of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_by: Option<StartedBy>,
    /// What happens when a step fails.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// When the steps that failed are resumed, where it degrades.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub degrade: Option<Degrade>,
    /// How long a run may take, or get to its pivot; compensation excluded.
    #[serde(
        default,
        with = "opt_duration_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub deadline: Option<Duration>,
    /// How many steps may run in parallel.
    #[serde(default = "max_parallel")]
    pub max_parallel: usize,
    /// What happens when steps of a parallel group fail, before the workflow gives up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_parallel_failure: Option<OnParallelFailure>,
    /// How long a run is expected to take: a warning above 1.2 times that, an error above twice.
    #[serde(
        default,
        with = "opt_duration_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub total_expected_duration: Option<Duration>,
    /// How often a run may be taken up after a crash; once more, and it is undone. 10 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_recoveries: Option<u32>,
    /// The steps, in order of declaration.
    pub steps: Vec<Step>,
}

impl Workflow {
    /// A workflow of steps, with the defaults of all else.
    pub fn new(id: &str, steps: Vec<Step>) -> Self {
        Self {
            id: id.to_owned(),
            name: None,
            description: None,
            started_by: None,
            on_failure: OnFailure::default(),
            degrade: None,
            deadline: None,
            max_parallel: max_parallel(),
            on_parallel_failure: None,
            total_expected_duration: None,
            max_recoveries: None,
            steps,
        }
    }
}

/// What happens when a step fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnFailure {
    /// Undo the completed steps, newest first.
    #[default]
    Compensate,
    /// Finish what does not depend on it, and resume it later.
    Degrade,
    /// Stop with a partial result that can be resumed.
    Keep,
}

/// What happens when steps of a parallel group fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnParallelFailure {
    /// The failed ones run once more, sequentially.
    Sequential,
}

/// A step of a workflow: a call, a run of another workflow, a wait, or an approval.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// Its id in the workflow; its reply is stored under this name.
    pub id: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The service called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The operation called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The workflow that runs instead of a call; it undoes itself, so it needs no compensation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<SubWorkflow>,
    /// What is waited for instead of a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// The approval that is waited for instead of a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// What is sent: JSON in which a string `${/step/field}` is replaced by data of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// The steps that must complete before it; the previous one unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependencies: Option<Vec<String>>,
    /// How long an execution, or a child run, may take.
    #[serde(
        default,
        with = "opt_duration_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub timeout: Option<Duration>,
    /// How long all its tries may take, with the delays between them.
    #[serde(
        default,
        with = "opt_duration_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub within: Option<Duration>,
    /// How often and when it is tried again: a preset's name, or a policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retries>,
    /// Fallback calls that are made once, sequentially, when it fails: `Service.operation`, or an
    /// operation of the step's service. If all succeed, the step completes with the last reply.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recover: Vec<String>,
    /// What undoes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compensation: Option<Compensation>,
    /// Whether it is the point of no return: once it has completed, nothing is undone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pivot: bool,
    /// Whether the workflow continues when it fails.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Whether it may have an effect even if it fails, so that it is undone as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partially_effective: bool,
    /// How long it is expected to take: a warning above 1.2 times that, an error above twice.
    #[serde(
        default,
        with = "opt_duration_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub expected_duration: Option<Duration>,
    /// Fields and values that the reply is expected to have; otherwise a warning is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_output: Option<Value>,
}

/// A workflow that a step runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum SubWorkflow {
    /// By its id.
    Named(String),
    /// By its definition.
    Defined(Arc<Workflow>),
}

impl<'de> Deserialize<'de> for SubWorkflow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str = "a workflow's id, or its definition";
        match JsonForm::<Workflow, IgnoredAny>::read(deserializer, EXPECTED)? {
            JsonForm::Text(id) => Ok(Self::Named(id)),
            JsonForm::Object(workflow) => Ok(Self::Defined(Arc::new(workflow))),
            list @ JsonForm::List(_) => Err(list.refuse(EXPECTED)),
        }
    }
}

/// What undoes a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Compensation {
    /// `Service.operation`, or an operation of the step's service.
    Named(String),
    /// With more than its name.
    With(CompensationCall),
}

impl Compensation {
    /// The policy of its call.
    pub(crate) fn policy(&self) -> CallPolicy {
        let own = match self {
            Self::Named(_) => None,
            Self::With(call) => Some(call),
        };
        CallPolicy {
            timeout: own.and_then(|own| own.timeout),
            retry: own.and_then(|own| own.retry.clone()),
            default_retry: Some(Retry::compensation().into()),
            ..CallPolicy::default()
        }
    }
}

impl<'de> Deserialize<'de> for Compensation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str = "a compensation: \"Service.operation\", \"operation\" of the same service, or { operation, input?, retry?, timeout? }";
        match JsonForm::<CompensationCall, IgnoredAny>::read(deserializer, EXPECTED)? {
            JsonForm::Text(operation) => Ok(Self::Named(operation)),
            JsonForm::Object(call) => Ok(Self::With(call)),
            list @ JsonForm::List(_) => Err(list.refuse(EXPECTED)),
        }
    }
}

/// A compensation with its own input or policies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CompensationCall {
    /// `Service.operation`, or an operation of the step's service.
    pub operation: String,
    /// What is sent instead of `{ "input", "reply" }` of the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// How often and when it is repeated; the preset `compensation` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retries>,
    /// How long an execution may take.
    #[serde(
        default,
        with = "opt_duration_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub timeout: Option<Duration>,
}

fn max_parallel() -> usize {
    3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::from_json;

    #[test]
    fn invalid_workflow_is_refused_with_a_hint() {
        let text = r#"{"id": "w", "deadline": "2s", "steps": [
            {"id": "a", "service": "S", "operation": "op", "compensation": "undo", "retry": "coordination"},
            {"id": "b", "service": "S", "operation": "op", "compensation": {"operation": "undo", "input": 1}}
        ]}"#;
        let workflow: Workflow = from_json(text, "w.json", 1).unwrap();
        assert_eq!(workflow.max_parallel, 3);
        assert_eq!(workflow.deadline, Some(Duration::from_secs(2)));
        let coordination = Retry::preset("coordination").unwrap();
        assert_eq!(workflow.steps[0].retry, Some(coordination.into()));
        let again: Workflow =
            from_json(&serde_json::to_string(&workflow).unwrap(), "w.json", 1).unwrap();
        assert_eq!(again, workflow);

        for (text, expected) in [
            (r#"{"id": "w", "stpes": []}"#, "did you mean \"steps\"?"),
            (
                r#"{"id": "w", "onFailure": "compensat", "steps": []}"#,
                "did you mean \"compensate\"?",
            ),
            (
                r#"{"id": "w", "onFailure": "degrad", "steps": []}"#,
                "did you mean \"degrade\"?",
            ),
            (
                r#"{"id": "w", "deadline": "-1s", "steps": []}"#,
                "is negative",
            ),
            (
                r#"{"id": "w", "deadline": 5, "steps": []}"#,
                "expected a duration such as \"150 ms\"",
            ),
            (
                r#"{"id": "w", "steps": [{"id": "a", "service": "S", "operation": "o", "compensation": {"operation": "u", "inptu": 1}}]}"#,
                "at /steps/0/compensation/inptu: unknown field `inptu`",
            ),
            (
                r#"{"id": "w", "steps": [{"id": "a", "service": "S", "operation": "o", "compensation": {"operation": "u", "retry": "compensatoin"}}]}"#,
                "did you mean \"compensation\"?",
            ),
            (
                r#"{"id": "w", "steps": [{"id": "a", "service": "S", "operation": "o", "compensation": {"operation": "u", "timeout": "-1s"}}]}"#,
                "at /steps/0/compensation/timeout: the duration \"-1s\" is negative",
            ),
            (
                r#"{"id": "w", "degrade": {"resumeAfter": "60s"}, "steps": []}"#,
                "at /degrade/resumeAfter: invalid type",
            ),
            (
                r#"{"id": "w", "degrade": {"resumeAfter": ["60s", 300]}, "steps": []}"#,
                "at /degrade/resumeAfter/1: ",
            ),
            (
                r#"{"id": "w", "degrade": {"resumeAfter": ["-1s"]}, "steps": []}"#,
                "at /degrade/resumeAfter/0: the duration \"-1s\" is negative",
            ),
            (
                r#"{"id": "w", "degrade": {"resumeAftr": ["60s"]}, "steps": []}"#,
                "did you mean \"resumeAfter\"?",
            ),
            (
                r#"{"id": "w", "maxRecoveries": "ten", "steps": []}"#,
                "at /maxRecoveries: invalid type",
            ),
            (
                r#"{"id": "w", "maxRecoveries": -1, "steps": []}"#,
                "at /maxRecoveries: invalid value",
            ),
            (
                r#"{"id": "w", "maxRecoverys": 1, "steps": []}"#,
                "did you mean \"maxRecoveries\"?",
            ),
            (
                r#"{"id": "w", "steps": [{"id": "a", "workflow": {"id": "v", "steps": [{"idd": 1}]}}]}"#,
                "at /steps/0/workflow/steps/0/idd: unknown field",
            ),
            (
                r#"{"id": "w", "steps": [{"id": "a", "wait": {}}]}"#,
                "at /steps/0/wait: missing field `event`",
            ),
            (
                r#"{"id": "w", "steps": [{"id": "a", "wait": {"evnet": "E"}}]}"#,
                "did you mean \"event\"?",
            ),
            (
                r#"{"id": "w", "steps": [{"id": "a", "wait": "3 dyas"}]}"#,
                "at /steps/0/wait: ",
            ),
            (
                r#"{"id": "w", "steps": [{"id": "a", "wait": 72}]}"#,
                "what is waited for: a duration such as \"72h\"",
            ),
            (
                r#"{"id": "w", "startedBy": {}, "steps": []}"#,
                "at /startedBy: missing field `event`",
            ),
            (
                r#"{"id": "w", "steps": [{"id": "a", "workflow": 1}]}"#,
                "expected a workflow's id, or its definition",
            ),
        ] {
            let error = from_json::<Workflow>(text, "w.json", 1)
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
