use std::{path::PathBuf, process::Command, sync::Arc, time::Duration};

use futures::{StreamExt as _, stream::FuturesUnordered};
use serde_json::Value;

use super::{
    VARIABLE,
    protocol::{ChildMessage, ParentMessage, RunRequest, ServiceSignature},
    spawned::ChildProcess,
};
use crate::{
    domain::{Call, WorkflowStatus},
    harness::logs,
    observability::EventKind,
    orchestration::{Compensation, CrashPoint, Step, SubWorkflow, Workflow},
    services::{CallPolicy, CallResult, Client, Limit, Registry},
};

/// A workflow to run in a separate process, and the point at which to kill that process.
pub(in crate::harness) struct ProcessRun<'a> {
    /// Makes the calls.
    pub client: Arc<Client>,
    pub workflow: Arc<Workflow>,
    pub input: Arc<Value>,
    /// The journal's file, which is not open in this process.
    pub journal: PathBuf,
    pub point: CrashPoint,
    pub step: &'a str,
}

impl ProcessRun<'_> {
    /// Runs the workflow in a separate process until it is killed; returns the id of the run.
    ///
    /// # Errors
    ///
    /// If the process fails, or the run ends before the point is reached.
    pub async fn run_until_killed(&self) -> Result<Arc<str>, String> {
        if std::env::var_os(VARIABLE).is_some() {
            return Err("this process was itself started by a scenario".to_owned());
        }
        let program = std::env::current_exe()
            .map_err(|error| format!("the path of this program is unknown: {error}"))?;
        self.run(Command::new(program).env(VARIABLE, "1")).await
    }

    pub(super) async fn run(&self, program: &mut Command) -> Result<Arc<str>, String> {
        let mut process = ChildProcess::start(program)?;
        let reached = self.follow(&mut process).await;
        // It must be gone before the journal is opened again.
        let was_killed = process.kill();
        match reached {
            Ok(Some(run)) if was_killed => {
                for line in process.errors.text().lines() {
                    logs::note(&format!("the orchestrator's process: {line}"));
                }
                let timeline = self.client.timeline();
                timeline.record(EventKind::OrchestratorCrashed {});
                Ok(run)
            }
            Ok(_) => Err(process.explain("the orchestrator's process ended by itself")),
            Err(why) => Err(process.explain(&why)),
        }
    }

    /// Makes the calls of the process until the point is reached; `None` if it ends before.
    async fn follow(&self, process: &mut ChildProcess) -> Result<Option<Arc<str>>, String> {
        let mut calls = FuturesUnordered::new();
        let mut run = None;
        let mut deadline = None;
        loop {
            tokio::select! {
                biased;
                message = process.messages.recv() => match message.transpose()? {
                    None => return Ok(None),
                    Some(ChildMessage::Ready) => process.send(&self.request())?,
                    Some(ChildMessage::Begun { run: id, at }) => {
                        self.client.timeline().record(EventKind::WorkflowStarted {
                            workflow: self.workflow.id.as_str().into(),
                            run: Arc::clone(&id),
                            status: WorkflowStatus::Running,
                        });
                        deadline = self.workflow.deadline.map(|deadline| at + deadline);
                        run = Some(id);
                    }
                    Some(ChildMessage::Call { number, call }) => {
                        calls.push(self.call(number, call.into(), deadline));
                    }
                    Some(ChildMessage::Reached { point, step }) => {
                        if point == self.point && step == self.step {
                            return Ok(run);
                        }
                        process.send(&ParentMessage::Continue)?;
                    }
                    Some(ChildMessage::Ended { status }) => {
                        let Self { point, step, .. } = self;
                        let status = status.as_str();
                        return Err(format!(
                            "the workflow ended, {status}, before its process could be killed {point} step {step:?}"
                        ));
                    }
                    Some(ChildMessage::Failed { why }) => {
                        return Err(format!("the orchestrator's process failed: {why}"));
                    }
                },
                Some((number, call, result)) = calls.next() => {
                    if self.kills_at(&call) {
                        return Ok(run);
                    }
                    let answer = CallResult::into(result);
                    process.send(&ParentMessage::Answer { number, answer })?;
                }
            }
        }
    }

    fn request(&self) -> RunRequest {
        RunRequest {
            journal: self.journal.clone(),
            workflow: Arc::clone(&self.workflow),
            input: Arc::clone(&self.input),
            security: self.client.authorisation().context(),
            services: signatures(self.client.registry()),
            at: self.client.timeline().now(),
        }
    }

    /// Makes a call under the policies of its step and of the scenario.
    async fn call(
        &self,
        number: u64,
        call: Call,
        deadline: Option<Duration>,
    ) -> (u64, Call, CallResult) {
        let is_undo = call.is_undo();
        // Fallback calls have the scenario's policies only.
        let step = self.step_of(&call).filter(|step| {
            let call_of_step = step.service.as_deref().zip(step.operation.as_deref());
            !is_undo && call_of_step == Some((call.name().service(), call.name().operation()))
        });
        let policy = match step {
            Some(step) => CallPolicy {
                timeout: step.timeout,
                retry: step.retry.clone(),
                ..CallPolicy::default()
            },
            None if is_undo => {
                let compensation = self.step_of(&call).and_then(|it| it.compensation.as_ref());
                compensation.map_or_else(CallPolicy::default, Compensation::policy)
            }
            None => CallPolicy::default(),
        };
        // The deadline is for the steps; compensation may take longer.
        let limit = deadline.filter(|_| !is_undo).map(Limit::of_run);
        let result = self.client.call(&call, &policy, limit).await;
        (number, call, result)
    }

    /// Whether the process is to be killed before it receives the result of this call.
    fn kills_at(&self, call: &Call) -> bool {
        let is_undo = call.is_undo();
        let point = if is_undo {
            CrashPoint::DuringCompensation
        } else {
            CrashPoint::During
        };
        let context = call.context();
        let is_child_run = context.run.as_ref().is_some_and(|run| run.contains('/'));
        self.point == point && !is_child_run && context.step.as_deref() == Some(self.step)
    }

    /// The step that a call is made for, in the workflow or a nested one.
    fn step_of(&self, call: &Call) -> Option<&Step> {
        let mut workflow = &self.workflow;
        // A child run is named after the steps it is nested in, `<run>/<step>/…`; in a new run none
        // of them has a second child run, so the names have no number.
        for id in call.context().run.as_deref()?.split('/').skip(1) {
            let parent_step = workflow.steps.iter().find(|step| step.id == id)?;
            let Some(SubWorkflow::Defined(child)) = &parent_step.workflow else {
                return None;
            };
            workflow = child;
        }
        let id = call.context().step.as_deref()?;
        workflow.steps.iter().find(|step| step.id == id)
    }
}

fn signatures(registry: &Registry) -> Vec<ServiceSignature> {
    let owned = |operations: Vec<&str>| operations.into_iter().map(str::to_owned).collect();
    let signature = |name: Arc<str>| {
        let operations = registry.script(&name, |_, service| service.operations().map(owned));
        Some(ServiceSignature {
            name: name.to_string(),
            // One that was removed meanwhile is left out.
            operations: operations.ok()?,
        })
    };
    registry.names().into_iter().filter_map(signature).collect()
}
