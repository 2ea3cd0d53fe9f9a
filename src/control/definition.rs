use std::time::Duration;

use serde::Deserialize;

use super::router::{RoutingStrategy, Worker};
use crate::{
    domain::{Severity, Violation, did_you_mean, opt_duration_text},
    orchestration::Approval,
    resilience::{BudgetPolicy, Retries},
};

/// A coordinator, as data.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CoordinatorDefinition {
    /// Who can carry out plans.
    pub workers: Vec<Worker>,
    /// How one of them is chosen.
    pub routing: RoutingStrategy,
    /// What happens when a step fails for good.
    pub on_error: ErrorStrategy,
    /// How often the execution is repeated where errors are retried; once unless given.
    pub stage_retries: Option<u32>,
    /// What is called when an operation fails, where errors fall back: an operation for each.
    pub alternatives: indexmap::IndexMap<String, String>,
    /// How often and when a step is tried again.
    pub retry: Option<Retries>,
    /// What the calls of a plan may use together, beside what all calls may.
    pub budget: Option<BudgetPolicy>,
    /// What needs an approval.
    pub approval: Option<ApprovalPolicy>,
}

/// What happens when a step of a plan fails for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ErrorStrategy {
    /// The plan stops; what has been done is kept.
    #[default]
    FailFast,
    /// The steps after it run, and the goal completes without it.
    Continue,
    /// The execution is repeated from the step that failed, if that may help.
    Retry,
    /// The alternative of the operation is called.
    Fallback,
}

/// What needs an approval, and whose.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ApprovalPolicy {
    /// Whether every plan does.
    pub plan: bool,
    /// The operations, `Service.operation`, that do.
    pub operations: Vec<String>,
    /// How bad it would be if it went wrong; medium unless given.
    pub risk: Option<Severity>,
    /// Who may answer; anyone unless given.
    pub approvers: Vec<String>,
    /// Whether an answer needs a reason; it does unless given.
    pub require_reason: Option<bool>,
    /// How long an answer is waited for; 300 s unless given.
    #[serde(with = "opt_duration_text")]
    pub timeout: Option<Duration>,
    /// Whether it counts as approved if nobody answers in time.
    pub approve_on_timeout: bool,
}

impl ApprovalPolicy {
    /// The approval that is asked for something.
    pub fn approval(&self, what: String) -> Approval {
        let mut approval = Approval::of(what);
        approval.risk = self.risk.unwrap_or(approval.risk);
        approval.approvers.clone_from(&self.approvers);
        approval.require_reason = self.require_reason.unwrap_or(approval.require_reason);
        approval.timeout = self.timeout.unwrap_or(approval.timeout);
        approval.approve_on_timeout = self.approve_on_timeout;
        approval
    }
}

impl CoordinatorDefinition {
    /// Checks what the types do not; `check` checks the name of a call.
    ///
    /// # Errors
    ///
    /// If two workers share a name or one has none, a load is negative, or an operation does not exist.
    pub fn check(&self, check: impl Fn(&str) -> Result<(), String>) -> Result<(), Violation> {
        for (index, worker) in self.workers.iter().enumerate() {
            worker
                .check()
                .map_err(|fault| fault.within(&format!("/workers/{index}")))?;
            if self.workers[..index].iter().any(|it| it.id == worker.id) {
                let message = format!("there is a worker {:?} already", worker.id);
                return Err(Violation::new(format!("/workers/{index}/id"), message));
            }
        }
        for (failed, alternative) in &self.alternatives {
            for name in [failed, alternative] {
                let at = format!("/alternatives/{failed}");
                check(name).map_err(|message| Violation::new(at, message))?;
            }
        }
        if self.on_error == ErrorStrategy::Fallback && self.alternatives.is_empty() {
            let message = "errors fall back, but no operation has an alternative";
            return Err(Violation::new("/alternatives", message));
        }
        let operations = self.approval.iter().flat_map(|policy| &policy.operations);
        for (index, operation) in operations.enumerate() {
            let at = format!("/approval/operations/{index}");
            check(operation).map_err(|message| Violation::new(at, message))?;
        }
        if let Some(policy) = &self.approval
            && !policy.plan
            && policy.operations.is_empty()
        {
            let message = "nothing needs it: expected \"plan\" or \"operations\"";
            return Err(Violation::new("/approval", message));
        }
        Ok(())
    }

    /// A worker by its id.
    ///
    /// # Errors
    ///
    /// If there is none, with the nearest.
    pub fn worker(&self, id: &str) -> Result<usize, String> {
        let ids = || self.workers.iter().map(|worker| &*worker.id);
        ids()
            .position(|own| own == id)
            .ok_or_else(|| format!("worker {id:?} does not exist: {}", did_you_mean(id, ids())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::from_json;

    #[test]
    fn invalid_definition_of_a_coordinator_is_refused_with_its_place() {
        let known = |name: &str| match name {
            "A.x" | "A.y" => Ok(()),
            name => Err(format!("there is no {name}")),
        };
        for (text, expected) in [
            (r#"{"wrokers": []}"#, "did you mean \"workers\"?"),
            (
                r#"{"routing": "roundrobin"}"#,
                "did you mean \"roundRobin\"?",
            ),
            (r#"{"onError": "fail"}"#, "at /onError: "),
            (r#"{"stageRetries": -1}"#, "at /stageRetries: "),
            (r#"{"workers": [{}]}"#, "missing field `id`"),
            (
                r#"{"workers": [{"id": " "}]}"#,
                "at /workers/0/id: a worker needs a name",
            ),
            (
                r#"{"workers": [{"id": "a"}, {"id": "a"}]}"#,
                "at /workers/1/id: there is a worker \"a\" already",
            ),
            (
                r#"{"workers": [{"id": "a", "load": -0.1}]}"#,
                "at /workers/0/load: expected 0 to 1, found -0.1",
            ),
            (
                r#"{"alternatives": {"A.x": "B.z"}}"#,
                "at /alternatives/A.x: there is no B.z",
            ),
            (
                r#"{"onError": "fallback"}"#,
                "at /alternatives: errors fall back, but no operation has an alternative",
            ),
            (
                r#"{"approval": {"operations": ["A.z"]}}"#,
                "at /approval/operations/0: there is no A.z",
            ),
            (
                r#"{"approval": {"approvers": ["ana"]}}"#,
                "at /approval: nothing needs it",
            ),
            (
                r#"{"approval": {"plan": true, "timeout": "-1s"}}"#,
                "is negative",
            ),
            (
                r#"{"approval": {"plan": true, "risk": "hgh"}}"#,
                "did you mean \"high\"?",
            ),
        ] {
            let checked = from_json::<CoordinatorDefinition>(text, "c.json", 1)
                .map_err(|error| error.to_string())
                .and_then(|it| it.check(known).map_err(|fault| fault.to_string()));
            let error = checked.unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let valid =
            r#"{"workers": [{"id": "a"}], "alternatives": {"A.x": "A.y"}, "onError": "fallback"}"#;
        let valid: CoordinatorDefinition = from_json(valid, "c.json", 1).unwrap();
        assert_eq!(valid.check(known), Ok(()));
        assert_eq!(
            valid.worker("b").unwrap_err(),
            "worker \"b\" does not exist: there are: \"a\""
        );
    }
}
