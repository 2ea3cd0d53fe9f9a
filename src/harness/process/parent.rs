use std::{path::PathBuf, process::Command, sync::Arc, time::Duration};

use futures::{StreamExt as _, stream::FuturesUnordered};
use serde_json::Value;

use super::{
    VARIABLE,
    protocol::{Said, ServiceSketch, Task, Told},
    spawned::Spawned,
};
use crate::{
    domain::{Call, Key, WorkflowStatus},
    harness::logs,
    observability::EventKind,
    orchestration::{CrashPoint, Step, SubWorkflow, Workflow},
    services::{CallPolicy, CallResult, Client, Registry},
};

/// A workflow to run in a process of its own, and where that process is to be killed.
pub(in crate::harness) struct Mission<'a> {
    /// Makes the calls.
    pub client: Arc<Client>,
    pub workflow: Arc<Workflow>,
    pub input: Arc<Value>,
    /// The journal's file, which nobody else has open.
    pub journal: PathBuf,
    pub point: CrashPoint,
    pub step: &'a str,
}

/// Runs a workflow in a process of its own until it is killed; says which run it was.
///
/// # Errors
///
/// If the process does not do as it is told, or the run ends before the point is reached.
pub(in crate::harness) async fn run_until_killed(mission: Mission<'_>) -> Result<Arc<str>, String> {
    if std::env::var_os(VARIABLE).is_some() {
        return Err("this process is itself one that a scenario has started".to_owned());
    }
    let program = std::env::current_exe()
        .map_err(|error| format!("this program, to be started again, is not found: {error}"))?;
    mission.run(Command::new(program).env(VARIABLE, "1")).await
}

impl Mission<'_> {
    pub(super) async fn run(&self, program: &mut Command) -> Result<Arc<str>, String> {
        let mut process = Spawned::start(program)?;
        let reached = self.follow(&mut process).await;
        // Gone before anyone else opens the journal, whatever happened.
        let end = process.kill();
        match reached {
            Ok(Some(run)) if end.was_killed() => {
                for line in end.errors.lines() {
                    logs::note(&format!("the orchestrator's process: {line}"));
                }
                let timeline = self.client.timeline();
                timeline.record(EventKind::OrchestratorCrashed {});
                Ok(run)
            }
            Ok(_) => Err(end.explain("the orchestrator's process ended by itself")),
            Err(why) => Err(end.explain(&why)),
        }
    }

    /// Does what the process asks for until the point is reached; `None` if it ends before.
    async fn follow(&self, process: &mut Spawned) -> Result<Option<Arc<str>>, String> {
        let mut calls = FuturesUnordered::new();
        let mut run = None;
        let mut deadline = None;
        loop {
            tokio::select! {
                biased;
                said = process.said.recv() => match said.transpose()? {
                    None => return Ok(None),
                    Some(Said::Ready) => process.tell(&self.task())?,
                    Some(Said::Begun { run: id, at }) => {
                        self.client.timeline().record(EventKind::WorkflowStarted {
                            workflow: self.workflow.id.as_str().into(),
                            run: Arc::clone(&id),
                            status: WorkflowStatus::Running,
                        });
                        deadline = self.workflow.deadline.map(|deadline| at + deadline);
                        run = Some(id);
                    }
                    Some(Said::Call { number, call }) => {
                        calls.push(self.make(number, call.into(), deadline));
                    }
                    Some(Said::Reached { point, step }) => {
                        if point == self.point && step == self.step {
                            return Ok(run);
                        }
                        process.tell(&Told::GoOn)?;
                    }
                    Some(Said::Ended { status }) => {
                        let Self { point, step, .. } = self;
                        let status = status.as_str();
                        return Err(format!(
                            "the workflow ended, {status}, before its process could be killed {point} step {step:?}"
                        ));
                    }
                    Some(Said::Failed { why }) => {
                        return Err(format!("the orchestrator's process failed: {why}"));
                    }
                },
                Some((number, call, result)) = calls.next() => {
                    if self.is_in(&call) {
                        return Ok(run);
                    }
                    let answer = CallResult::into(result);
                    process.tell(&Told::Answer { number, answer })?;
                }
            }
        }
    }

    fn task(&self) -> Task {
        Task {
            journal: self.journal.clone(),
            workflow: Arc::clone(&self.workflow),
            input: Arc::clone(&self.input),
            services: sketches(self.client.registry()),
            at: self.client.timeline().now(),
        }
    }

    /// Makes a call under the policies of its step and of the scenario.
    async fn make(
        &self,
        number: u64,
        call: Call,
        deadline: Option<Duration>,
    ) -> (u64, Call, CallResult) {
        let undoes = matches!(call.key, Some(Key::Undo(_)));
        // What recovers or undoes the step has the scenario's policies alone.
        let step = self.step_of(&call).filter(|step| {
            let own = step.service.as_deref().zip(step.operation.as_deref());
            !undoes && own == Some((call.name().service(), call.name().operation()))
        });
        let policy = step.map_or_else(CallPolicy::default, |step| CallPolicy {
            timeout: step.timeout,
            retry: step.retry.clone(),
            ..CallPolicy::default()
        });
        // The deadline is for the work; undoing it takes what it takes.
        let deadline = deadline.filter(|_| !undoes);
        let result = self.client.call(&call, &policy, deadline).await;
        (number, call, result)
    }

    /// Whether the process is to be killed before it hears what this call came to.
    fn is_in(&self, call: &Call) -> bool {
        let undoes = matches!(call.key, Some(Key::Undo(_)));
        let point = if undoes {
            CrashPoint::DuringCompensation
        } else {
            CrashPoint::During
        };
        let context = call.context();
        let is_inner = context.run.as_ref().is_some_and(|run| run.contains('/'));
        self.point == point && !is_inner && context.step.as_deref() == Some(self.step)
    }

    /// The step that a call is made for, in the workflow or in one that lies within it.
    fn step_of(&self, call: &Call) -> Option<&Step> {
        let mut workflow = &self.workflow;
        // A run within another is called for the steps around it, `<run>/<step>/…`; what is new here
        // does none of them anew.
        for id in call.context().run.as_deref()?.split('/').skip(1) {
            let around = workflow.steps.iter().find(|step| step.id == id)?;
            let Some(SubWorkflow::Defined(inner)) = &around.workflow else {
                return None;
            };
            workflow = inner;
        }
        let id = call.context().step.as_deref()?;
        workflow.steps.iter().find(|step| step.id == id)
    }
}

fn sketches(registry: &Registry) -> Vec<ServiceSketch> {
    let owned = |operations: Vec<&str>| operations.into_iter().map(str::to_owned).collect();
    let sketch = |name: Arc<str>| {
        let operations = registry.script(&name, |_, service| service.operations().map(owned));
        Some(ServiceSketch {
            name: name.to_string(),
            // One that has left meanwhile is not there.
            operations: operations.ok()?,
        })
    };
    registry.names().into_iter().filter_map(sketch).collect()
}
