use std::{
    io::{self, BufRead as _, BufReader, Read, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use futures::{StreamExt as _, stream::FuturesUnordered};
use serde_json::Value;
use tokio::sync::mpsc;

use super::{
    VARIABLE,
    protocol::{Said, ServiceSketch, Task, Told},
};
use crate::{
    domain::{Call, Key, WorkflowStatus},
    harness::logs,
    observability::EventKind,
    orchestration::{CrashPoint, Workflow},
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
    let mut process = Process::start()?;
    let ended = mission.follow(&mut process).await;
    // Gone before anyone else opens the journal, whatever happened.
    let end = process.kill();
    for line in end.errors.lines() {
        logs::note(&format!("the orchestrator's process: {line}"));
    }
    let timeline = mission.client.timeline();
    match ended {
        Ok(Some(run)) if end.was_killed() => {
            timeline.record(EventKind::OrchestratorCrashed {});
            Ok(run)
        }
        Ok(Some(_)) => Err(end.explain("the orchestrator's process ended by itself")),
        Ok(None) => Err(end.explain("the orchestrator's process ended by itself")),
        Err(why) => Err(end.explain(&why)),
    }
}

impl Mission<'_> {
    /// Does what the process asks for until the point is reached; `None` if it ends before.
    async fn follow(&self, process: &mut Process) -> Result<Option<Arc<str>>, String> {
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
        let step = self
            .workflow
            .steps
            .iter()
            .find(|step| !undoes && call.context.step.as_deref() == Some(&step.id));
        let policy = step.map_or_else(CallPolicy::default, |step| CallPolicy {
            timeout: step.timeout,
            retry: step.retry,
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
        self.point == point && call.context.step.as_deref() == Some(self.step)
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

/// The orchestrator's process; killed when it is dropped.
struct Process {
    child: Child,
    told: ChildStdin,
    said: mpsc::UnboundedReceiver<Result<Said, String>>,
    errors: Option<JoinHandle<String>>,
}

/// How a process ended.
struct End {
    status: io::Result<ExitStatus>,
    /// What it wrote to its standard error.
    errors: String,
}

impl Process {
    fn start() -> Result<Self, String> {
        let cannot = |error: io::Error| format!("the orchestrator's process cannot start: {error}");
        let program = std::env::current_exe().map_err(cannot)?;
        let mut child = Command::new(program)
            .env(VARIABLE, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(cannot)?;
        let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(told), Some(out), Some(mut err)) = streams else {
            return Err(cannot(io::ErrorKind::BrokenPipe.into()));
        };
        let (sender, said) = mpsc::unbounded_channel();
        thread::spawn(move || {
            for line in BufReader::new(out).lines() {
                let said = line.map_err(|error| error.to_string()).and_then(|line| {
                    serde_json::from_str(&line).map_err(|error| {
                        format!("the orchestrator's process talks nonsense, {line:?}: {error}")
                    })
                });
                if sender.send(said).is_err() {
                    return;
                }
            }
        });
        let errors = thread::spawn(move || {
            let mut text = Vec::new();
            let _ = err.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        Ok(Self {
            child,
            told,
            said,
            errors: Some(errors),
        })
    }

    fn tell(&mut self, line: &impl serde::Serialize) -> Result<(), String> {
        let line = serde_json::to_string(line).map_err(|error| error.to_string())?;
        writeln!(self.told, "{line}")
            .map_err(|error| format!("the orchestrator's process does not listen: {error}"))
    }

    /// Kills it, if it has not ended, and waits until it is gone.
    fn kill(mut self) -> End {
        // It may have ended by itself meanwhile, which its status tells.
        let _ = self.child.kill();
        let status = self.child.wait();
        let errors = self.errors.take().map(JoinHandle::join);
        End {
            status,
            errors: errors.and_then(Result::ok).unwrap_or_default(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl End {
    #[cfg(unix)]
    fn was_killed(&self) -> bool {
        const SIGKILL: i32 = 9;
        use std::os::unix::process::ExitStatusExt as _;
        matches!(&self.status, Ok(status) if status.signal() == Some(SIGKILL))
    }

    #[cfg(not(unix))]
    fn was_killed(&self) -> bool {
        matches!(&self.status, Ok(status) if !status.success())
    }

    /// A message with what is known of the end.
    fn explain(&self, why: &str) -> String {
        let mut text = why.to_owned();
        match &self.status {
            Ok(status) if self.was_killed() => {
                let _ = status;
            }
            Ok(status) => text += &format!(" ({status})"),
            Err(error) => text += &format!(" (how is not known: {error})"),
        }
        for line in self.errors.lines() {
            text += &format!("\n  {line}");
        }
        text
    }
}
