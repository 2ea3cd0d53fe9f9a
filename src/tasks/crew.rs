use std::{sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    execution::{CompleteTask, ExecuteTask},
    failures::ToolResult,
    server::Server,
    status::TaskStatus,
    tables::{Stored, Tables},
    task::{NoteKind, Task},
    vocabulary::NextAction,
};
use crate::{
    control::{Goal, Router, Routing, RoutingStrategy, Worker},
    domain::{
        Call, CallName, Failure, FailureMode, Health, KeyOrigin, Locked, Violation, code,
        from_value,
    },
    observability::TaskEvent,
    services::{CallPolicy, Client},
};

/// How long a worker may take for a task; afterwards it is lost.
const MAX_WORK: Duration = Duration::from_secs(60);

/// Who works on the tasks of a server.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CrewDefinition {
    /// What a worker calls with a task; the reply has the `files` that it has made.
    call: CallName,
    #[serde(default)]
    strategy: RoutingStrategy,
    workers: Vec<Worker>,
}

/// The workers of a server, each with one task at a time.
pub struct Crew {
    call: CallName,
    workers: Vec<Arc<str>>,
    router: Router,
    client: Arc<Client>,
    server: Arc<Server>,
    /// Whether what a server before this one has left was taken up.
    has_begun: Locked<bool>,
}

impl Crew {
    /// The workers by their definition.
    ///
    /// # Errors
    ///
    /// If one is not valid.
    pub fn new(
        definition: &CrewDefinition,
        client: Arc<Client>,
        server: Arc<Server>,
    ) -> Result<Self, Violation> {
        let workers = &definition.workers;
        for (place, worker) in workers.iter().enumerate() {
            let checked = worker.check();
            checked.map_err(|wrong| wrong.within(&format!("/workers/workers/{place}")))?;
        }
        Ok(Self {
            call: definition.call.clone(),
            workers: workers.iter().map(|own| Arc::clone(&own.id)).collect(),
            router: Router::new(definition.strategy, workers.clone()),
            client,
            server,
            has_begun: Locked::default(),
        })
    }

    /// Whether the service that workers call is there.
    ///
    /// # Errors
    ///
    /// `SERVICE_UNAVAILABLE` that names it.
    pub async fn check_service(&self, caller: &str) -> ToolResult<()> {
        let service = self.call.service();
        let health = self.client.check_health(caller, service).await;
        if health.status != Health::Unhealthy {
            return Ok(());
        }
        let message = format!("{service} is not available, so nobody could do the task");
        let mut failure = Failure::new(code::SERVICE_UNAVAILABLE, message);
        failure.causes = health.failure.into_iter().map(|cause| *cause).collect();
        Err(Box::new(failure))
    }

    /// Whether it has given out any tasks, or looked for some.
    pub fn has_begun(&self) -> bool {
        *self.has_begun.lock()
    }

    /// Gives tasks that can begin to workers who are free: the most urgent first, then the oldest.
    ///
    /// Must be called on a runtime.
    pub fn dispatch(self: &Arc<Self>) {
        // Where the store cannot be used, tasks are given out after the next change.
        let assigned = self.assign().unwrap_or_default();
        for (task, worker) in assigned {
            let own = Arc::clone(self);
            tokio::spawn(async move { own.work(&task, &worker).await });
        }
    }

    fn assign(&self) -> ToolResult<Vec<(Arc<Task>, Arc<str>)>> {
        let is_first = !std::mem::replace(&mut *self.has_begun.lock(), true);
        if is_first {
            self.take_up()?;
        }
        self.server.transact(|work| {
            let mut waiting = Vec::new();
            for task in work.tables.unfinished()? {
                if can_begin(work.tables, &task)? {
                    waiting.push(task);
                }
            }
            // A stable sort, so that the oldest come first.
            waiting.sort_by_key(|task| std::cmp::Reverse(task.priority));
            let mut assigned = Vec::new();
            for mut task in waiting {
                let Some(routing) = self.route(&task) else {
                    continue;
                };
                task.assignee = Some(Arc::clone(&routing.worker));
                task.updated_at = work.now;
                work.tables.update(&task)?;
                work.tell(TaskEvent::TaskAssigned {
                    task: Arc::clone(&task.task_id),
                    worker: Arc::clone(&routing.worker),
                    reason: routing.reason,
                });
                assigned.push((Arc::new(task), routing.worker));
            }
            Ok(assigned)
        })
    }

    /// Takes back what the workers of a server before this one had.
    fn take_up(&self) -> ToolResult<()> {
        let open = self.server.transact(|work| work.tables.unfinished())?;
        let left = open
            .into_iter()
            .filter_map(|task| Some((task.assignee.clone()?, task)));
        for (worker, task) in left {
            let why = "its server was lost";
            self.server.give_back(&task.task_id, &worker, why)?;
        }
        Ok(())
    }

    fn route(&self, task: &Task) -> Option<Routing> {
        let goal = Goal {
            requires: task.requires.clone(),
            ..Goal::new(&task.title)
        };
        let routing = self.router.route(&goal).ok()?;
        self.set_free(&routing.worker, false);
        Some(routing)
    }

    fn set_free(&self, worker: &str, is_free: bool) {
        if let Some(place) = self.workers.iter().position(|own| **own == *worker) {
            self.router.set_available(place, is_free);
        }
    }

    /// Has a worker do a task.
    async fn work(self: &Arc<Self>, task: &Task, worker: &Arc<str>) {
        let id = &task.task_id;
        let begun = self.server.execute_task(&ExecuteTask {
            task_id: Arc::clone(id),
        });
        let ended = match begun {
            // Somebody else has begun or ended it.
            Err(failure) => Err(failure),
            Ok(_) => match self.call(task, worker).await {
                Ok(reply) => self.complete(task, &reply),
                Err(failure) if is_loss(&failure) => {
                    self.server.give_back(id, worker, &failure.to_string())
                }
                Err(failure) => self.server.give_up(id, &failure.to_string()),
            },
        };
        let is_lost = matches!(ended, Ok(TaskStatus::Blocked));
        if !is_lost {
            self.set_free(worker, true);
        }
        if let Err(failure) = ended {
            // The task stays with the worker; maintenance finds it.
            self.server.observe(TaskEvent::WorkNotRecorded {
                task: Arc::clone(id),
                message: failure.to_string(),
            });
        }
        self.dispatch();
    }

    async fn call(&self, task: &Task, worker: &str) -> ToolResult<Value> {
        let input = json!({
            "task_id": task.task_id,
            "title": task.title,
            "description": task.description,
            "specialist_type": task.specialist_type,
            "context": task.context,
        });
        let mut call = Call::new(worker, self.call.clone(), input);
        // That of whoever does it after a worker that is lost: what was done is not done again.
        call.key = Some(KeyOrigin::Task.key(Arc::clone(&task.task_id)));
        let policy = CallPolicy::default();
        let called = timeout(MAX_WORK, self.client.call(&call, &policy, None)).await;
        let reply = called.unwrap_or_else(|_| {
            let message = format!("{worker} took longer than {} s", MAX_WORK.as_secs());
            Err(Box::new(Failure::new(code::TIMEOUT, message)))
        })?;
        Ok(Value::clone(&reply.value))
    }

    fn complete(&self, task: &Task, reply: &Value) -> ToolResult<TaskStatus> {
        let files: Vec<String> = match reply.get("files").map(from_value) {
            Some(Ok(files)) => files,
            _ => Vec::new(),
        };
        if files.is_empty() {
            return self
                .server
                .give_up(&task.task_id, "the result has no files");
        }
        let completed = self.server.complete_task(CompleteTask {
            task_id: Arc::clone(&task.task_id),
            summary: format!("{} files", files.len()),
            detailed_work: format!("{reply:#}\n"),
            next_action: NextAction::Complete,
            file_paths: super::input::List(files),
            artifact_type: super::vocabulary::ArtifactType::Code,
            legacy_artifacts: super::input::List::default(),
            criteria_met: super::input::List(task.unmet().into_iter().map(str::to_owned).collect()),
        });
        match completed {
            Ok(_) => Ok(TaskStatus::Completed),
            Err(failure) => self.server.give_up(&task.task_id, &failure.to_string()),
        }
    }
}

impl Server {
    /// A worker is lost: somebody else can have its task.
    fn give_back(&self, task: &str, worker: &Arc<str>, why: &str) -> ToolResult<TaskStatus> {
        self.transact(|work| {
            let mut task = work.tables.get("task_id", task)?;
            work.transition(&mut task, TaskStatus::Blocked, "task_id")?;
            task.assignee = None;
            task.note(work.now, NoteKind::WorkerLost, format!("{worker}: {why}"));
            work.tables.update(&task)?;
            work.tell(TaskEvent::WorkerLost {
                task: Arc::clone(&task.task_id),
                worker: Arc::clone(worker),
                message: why.to_owned(),
            });
            Ok(TaskStatus::Blocked)
        })
    }

    /// A task cannot be done.
    fn give_up(&self, task: &str, why: &str) -> ToolResult<TaskStatus> {
        self.transact(|work| {
            let mut task = work.tables.get("task_id", task)?;
            work.transition(&mut task, TaskStatus::Failed, "task_id")?;
            task.note(work.now, NoteKind::Failed, why.to_owned());
            work.tables.update(&task)?;
            Ok(TaskStatus::Failed)
        })
    }
}

/// Whether nobody works on a task yet, or no longer, and all that it waits for is completed.
fn can_begin(tables: &Tables<'_>, task: &Task) -> Stored<bool> {
    let last = task.notes.last().map(|note| note.kind);
    let is_open = match task.status {
        TaskStatus::Pending => true,
        TaskStatus::Blocked => last == Some(NoteKind::WorkerLost),
        _ => false,
    };
    if !is_open || task.assignee.is_some() {
        return Ok(false);
    }
    let dependencies = tables.dependencies(&task.task_id)?;
    Ok(dependencies.iter().all(|own| own.status.is_met()))
}

/// Whether a failure says that the worker is gone, not that the task cannot be done.
fn is_loss(failure: &Failure) -> bool {
    use FailureMode as M;
    *failure.code == *code::WORKER_UNAVAILABLE
        || matches!(
            failure.mode,
            M::SystemNetwork | M::SystemTimeout | M::SystemCrash
        )
}
