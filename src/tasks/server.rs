use std::{fmt, path::PathBuf, sync::Arc};

use rand::Rng as _;

use super::{
    connections::Connections,
    failures::{StoreError, ToolResult},
    lifecycle::{Callback, Lifecycle},
    session::Session,
    status::TaskStatus,
    store::TaskStore,
    tables::{Stored, Tables},
    task::{Task, Timestamp},
};
use crate::{
    clock::{Clock, Seed},
    domain::{Failure, HashMap, Locked, code},
    observability::TaskEvent,
    services::{Directory, refused},
};

/// What is told of all that happens.
pub type Observe = Arc<dyn Fn(TaskEvent) + Send + Sync>;

/// What the tools work on: the tasks in their store, the sessions, and the folder of both.
pub struct Server {
    pub(super) store: TaskStore,
    /// The folder that no path leads out of.
    pub(super) directory: Directory,
    clock: Clock,
    seed: Locked<Seed>,
    observe: Observe,
    /// What is to be done before the server shuts down.
    pub(super) callbacks: Vec<Callback>,
    pub(super) lifecycle: Locked<Lifecycle>,
    pub(super) connections: Connections,
    /// The session that each client works in.
    pub(super) current: Locked<HashMap<Arc<str>, Session>>,
}

/// One transaction on the store.
pub struct Work<'a> {
    pub tables: &'a Tables<'a>,
    pub now: Timestamp,
    seed: Seed,
    /// What is told once the transaction is committed.
    events: Vec<TaskEvent>,
}

impl Server {
    /// A server whose tasks are in a store, and whose files are below a folder.
    pub fn new(
        store: TaskStore,
        directory: Directory,
        clock: Clock,
        seed: Seed,
        observe: Observe,
        callbacks: Vec<Callback>,
    ) -> Self {
        Self {
            store,
            directory,
            clock,
            seed: Locked::new(seed.part(["tasks"])),
            observe,
            callbacks,
            lifecycle: Locked::default(),
            connections: Connections::default(),
            current: Locked::default(),
        }
    }

    /// Draws all ids from a seed from now on.
    pub fn set_seed(&self, seed: Seed) {
        *self.seed.lock() = seed.part(["tasks"]);
    }

    /// Its process is lost: whatever still runs of it changes nothing more.
    pub fn lose(&self) {
        self.store.lose();
    }

    /// Takes its file away until what is returned is dropped, as another process would that uses it.
    ///
    /// # Errors
    ///
    /// `DATABASE_ERROR` if the file cannot be used as it is.
    pub fn take_database_away(&self) -> ToolResult<rusqlite::Connection> {
        self.store.take_away()
    }

    /// The time on its clock.
    pub(super) fn now(&self) -> Timestamp {
        Timestamp(Clock::instant(self.clock.now()))
    }

    /// Tells of something that happened.
    pub(super) fn observe(&self, event: TaskEvent) {
        (self.observe)(event);
    }

    /// The folder of the server.
    pub(super) fn root(&self) -> ToolResult<PathBuf> {
        self.directory.path().map_err(|error| {
            Box::new(Failure::new(
                code::IO_ERROR,
                format!("the server's directory cannot be used: {error}"),
            ))
        })
    }

    /// The session that a client works in, if it has begun or resumed one.
    pub(super) fn session_of(&self, client: &str) -> Option<Session> {
        self.current.lock().get(client).cloned()
    }

    /// Does work in a transaction; nothing of it happens, and nothing is told, if it fails.
    pub(super) fn transact<T>(
        &self,
        work: impl FnOnce(&mut Work<'_>) -> Stored<T>,
    ) -> ToolResult<T> {
        let (now, seed) = (self.now(), *self.seed.lock());
        let (done, events) = self.store.within(|tables| {
            let mut own = Work {
                tables,
                now,
                seed,
                events: Vec::new(),
            };
            let done = work(&mut own)?;
            Ok((done, own.events))
        })?;
        events.into_iter().for_each(|event| self.observe(event));
        Ok(done)
    }

    /// The parts of an id that are drawn for a thing, so often.
    pub(super) fn draw(&self, of: &str, number: u64) -> String {
        hexadecimal(*self.seed.lock(), of, number, 0)
    }
}

/// Eight hexadecimal digits.
fn hexadecimal(seed: Seed, of: &str, number: u64, again: u32) -> String {
    let (number, again) = (number.to_string(), again.to_string());
    let mut rng = seed.part([of, &number, &again]).rng();
    format!("{:08x}", rng.next_u32())
}

impl Work<'_> {
    /// An id that no task has.
    pub fn draw_task_id(&self) -> Stored<Arc<str>> {
        let number = self.tables.last_number()? + 1;
        let mut again = 0;
        loop {
            let id = format!("task_{}", hexadecimal(self.seed, "task", number, again));
            if self.tables.find(&id)?.is_none() {
                return Ok(id.into());
            }
            again += 1;
        }
    }

    /// Tells of something once the transaction is committed.
    #[cfg(feature = "control")]
    pub fn tell(&mut self, event: TaskEvent) {
        self.events.push(event);
    }

    /// Adds a task.
    pub fn add(&mut self, task: &Task) -> Stored<()> {
        self.tables.insert(task)?;
        self.events.push(TaskEvent::TaskChanged {
            task: Arc::clone(&task.task_id),
            from: None,
            status: task.status.as_str(),
        });
        Ok(())
    }

    /// Gives a task a status, as [`Task::transition_to`] does; it is not written yet.
    pub fn transition(&mut self, task: &mut Task, next: TaskStatus, field: &str) -> Stored<()> {
        let from = task.status;
        task.transition_to(next, field, self.now)?;
        self.events.push(TaskEvent::TaskChanged {
            task: Arc::clone(&task.task_id),
            from: Some(from.as_str()),
            status: next.as_str(),
        });
        Ok(())
    }

    /// Begins a task: what it waits for must have been completed.
    ///
    /// # Errors
    ///
    /// `DEPENDENCY_CONFLICT` if something is not; as for [`transition`](Self::transition).
    pub fn begin(&mut self, task: &mut Task, field: &str) -> Stored<()> {
        use super::failures::DEPENDENCY_CONFLICT;
        let dependencies = self.tables.dependencies(&task.task_id)?;
        let missing = dependencies
            .iter()
            .filter(|dependency| !dependency.status.is_met());
        let missing: Vec<_> = missing
            .map(|own| format!("{} ({})", own.task_id, own.status.as_str()))
            .collect();
        if !missing.is_empty() {
            let message = format!(
                "task {} waits for what is not completed: {}",
                task.task_id,
                missing.join(", ")
            );
            return Err(super::failures::refused(DEPENDENCY_CONFLICT, field, message).into());
        }
        self.transition(task, TaskStatus::InProgress, field)
    }

    /// Completes a task: all its criteria must have been checked off.
    ///
    /// # Errors
    ///
    /// `VALIDATION_FAILED` if one is not; as for [`transition`](Self::transition).
    pub fn complete(&mut self, task: &mut Task, field: &str) -> Stored<()> {
        let unmet = task.unmet();
        // Whoever completes a task that is not in progress is told that first.
        if task.status.can_become(TaskStatus::Completed) && !unmet.is_empty() {
            let message = format!(
                "task {} cannot be completed: nobody has checked off {}",
                task.task_id,
                unmet.join(", ")
            );
            let failure = refused(code::VALIDATION_FAILED, "criteria_met", message);
            return Err(StoreError::Refused(failure));
        }
        self.transition(task, TaskStatus::Completed, field)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
