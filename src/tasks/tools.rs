use std::{path::Path, sync::Arc};

use serde::Serialize;
use serde_json::Value;

use super::{failures::ToolResult, input::decode, server::Server, store::TaskStore};
use crate::{
    clock::{Clock, Seed},
    domain::{Failure, code, did_you_mean},
    observability::TaskEvent,
    services::Directory,
};

/// The tools of a server: what clients call, by name and with JSON.
#[derive(Clone, Debug)]
pub struct Tools {
    server: Arc<Server>,
}

impl Tools {
    /// Their names.
    pub const NAMES: [&str; 20] = [
        "initialize_session",
        "plan_task",
        "update_task",
        "delete_task",
        "cancel_task",
        "query_tasks",
        "execute_task",
        "complete_task",
        "synthesize_results",
        "get_status",
        "list_sessions",
        "resume_session",
        "session_status",
        "cleanup_sessions",
        "maintenance_coordinator",
        "health_check",
        "restart_server",
        "restart_status",
        "shutdown_prepare",
        "reconnect_test",
    ];

    /// The tools of a server.
    pub fn new(server: Arc<Server>) -> Self {
        Self { server }
    }

    /// The tools on what is kept below a folder that exists, by the machine's clock.
    pub fn in_folder(folder: &Path) -> Self {
        Self::observed(folder, |_| {})
    }

    /// The same, which tell of all that happens.
    pub(super) fn observed(
        folder: &Path,
        observe: impl Fn(TaskEvent) + Send + Sync + 'static,
    ) -> Self {
        let directory = Directory::at(folder);
        let store = TaskStore::in_file(directory.clone());
        let (clock, seed) = (Clock::real(), Seed::random());
        let server = Server::new(store, directory, clock, seed, Arc::new(observe), Vec::new());
        Self::new(Arc::new(server))
    }

    /// What they work on.
    pub(super) fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// Whether a tool changes nothing.
    pub fn reads_only(name: &str) -> bool {
        matches!(
            name,
            "query_tasks"
                | "synthesize_results"
                | "get_status"
                | "list_sessions"
                | "session_status"
                | "health_check"
                | "restart_status"
                | "shutdown_prepare"
                | "reconnect_test"
        )
    }

    /// Whether a tool answers while the server restarts.
    fn answers_in_maintenance(name: &str) -> bool {
        matches!(
            name,
            "health_check" | "restart_status" | "shutdown_prepare" | "reconnect_test"
        )
    }

    /// The tool that takes time, and so is not called by [`call_now`](Self::call_now).
    pub const RESTART: &str = "restart_server";

    /// Calls a tool for a client.
    ///
    /// # Errors
    ///
    /// As for [`call_now`](Self::call_now).
    pub async fn call(&self, client: &Arc<str>, name: &str, input: &Value) -> ToolResult<Value> {
        match name {
            Self::RESTART => {
                self.server.start()?;
                json(self.server.restart_server(&decode(input)?).await?)
            }
            _ => self.call_now(client, name, input),
        }
    }

    /// Calls a tool, but for the one that takes time.
    ///
    /// # Errors
    ///
    /// `OPERATION_NOT_FOUND` if there is no such tool, `VALIDATION_FAILED` for an input that is not its, and
    /// what the tool fails with.
    pub fn call_now(&self, client: &Arc<str>, name: &str, input: &Value) -> ToolResult<Value> {
        let called = self.dispatch(client, name, input);
        if let Err(failure) = &called
            && *failure.code == *code::PATH_OUTSIDE_DIRECTORY
        {
            self.server.observe(TaskEvent::PathRefused {
                client: Arc::clone(client),
                tool: name.into(),
                field: failure.field.as_deref().unwrap_or_default().into(),
                message: failure.message.clone(),
            });
        }
        called
    }

    fn dispatch(&self, client: &Arc<str>, name: &str, input: &Value) -> ToolResult<Value> {
        let server = &*self.server;
        server.start()?;
        if !Self::answers_in_maintenance(name) {
            server.refuse_in_maintenance()?;
        }
        match name {
            "initialize_session" => json(server.initialize_session(client, &decode(input)?)?),
            "plan_task" => json(server.plan_task(client, decode(input)?)?),
            "update_task" => json(server.update_task(decode(input)?)?),
            "delete_task" => json(server.delete_task(&decode(input)?)?),
            "cancel_task" => json(server.cancel_task(decode(input)?)?),
            "query_tasks" => json(server.query_tasks(&decode(input)?)?),
            "execute_task" => json(server.execute_task(&decode(input)?)?),
            "complete_task" => json(server.complete_task(decode(input)?)?),
            "synthesize_results" => json(server.synthesize_results(&decode(input)?)?),
            "get_status" => json(server.get_status(client, &decode(input)?)?),
            "list_sessions" => json(server.list_sessions(&decode(input)?)?),
            "resume_session" => json(server.resume_session(client, &decode(input)?)?),
            "session_status" => json(server.session_status(&decode(input)?)?),
            "cleanup_sessions" => json(server.cleanup_sessions(&decode(input)?)?),
            "maintenance_coordinator" => {
                json(server.maintenance_coordinator(client, &decode(input)?)?)
            }
            "health_check" => json(server.health_check(&decode(input)?)),
            "restart_status" => json(server.restart_status(&decode(input)?)),
            "shutdown_prepare" => json(server.shutdown_prepare(&decode(input)?)?),
            "reconnect_test" => json(server.reconnect_test(&decode(input)?)),
            unknown => {
                let hint = did_you_mean(unknown, Self::NAMES);
                let message = format!("there is no tool {unknown:?}: {hint}");
                Err(Box::new(Failure::new(code::OPERATION_NOT_FOUND, message)))
            }
        }
    }
}

fn json(reply: impl Serialize) -> ToolResult<Value> {
    serde_json::to_value(reply).map_err(|error| {
        let message = format!("the reply cannot be written as JSON: {error}");
        Box::new(Failure::new("SERIALIZATION_FAILED", message))
    })
}
