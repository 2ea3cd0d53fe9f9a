use std::{borrow::Cow, sync::Arc};

use rmcp::model::{Tool, ToolAnnotations};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};

use super::PREFIX;
use crate::tasks::{
    ending::{CancelTask, DeleteTask},
    execution::{CompleteTask, ExecuteTask},
    health::{HealthCheck, ShutdownPrepare},
    input::List,
    maintenance::Maintenance,
    planning::{DependencyInput, PlanTask, TypedDependency, UpdateTask},
    query::{GetStatus, QueryTasks},
    reconnecting::ReconnectTest,
    restart::{RestartServer, RestartStatus},
    sessions::{CleanupSessions, InitializeSession, ListSessions, SessionId},
    synthesis::SynthesizeResults,
    task::Timestamp,
    tools::Tools,
};

/// The tools with the schemas of their inputs.
pub fn tools() -> Vec<Tool> {
    vec![
        tool::<InitializeSession>(
            "initialize_session",
            "Begins a session: the tasks that are planned from now on belong to it.",
        ),
        tool::<PlanTask>(
            "plan_task",
            "Plans a task, or a part of one, and returns its id. What it depends on must be completed before it.",
        ),
        tool::<UpdateTask>("update_task", "Changes what is known of a task."),
        tool::<DeleteTask>(
            "delete_task",
            "Archives a task, or deletes it; refused while others depend on it, unless forced.",
        ),
        tool::<CancelTask>(
            "cancel_task",
            "Gives a task up; what was done is kept unless asked otherwise.",
        ),
        tool::<QueryTasks>("query_tasks", "Lists tasks by what they are, page by page."),
        tool::<ExecuteTask>(
            "execute_task",
            "Begins a task, and returns what somebody needs who does it.",
        ),
        tool::<CompleteTask>(
            "complete_task",
            "Stores what was done for a task as an artifact, and completes the task or says how it goes on.",
        ),
        tool::<SynthesizeResults>(
            "synthesize_results",
            "Puts together what the parts of a task came to.",
        ),
        tool::<GetStatus>(
            "get_status",
            "Says how many tasks there are in each status, and lists those that have not ended.",
        ),
        tool::<ListSessions>("list_sessions", "Lists the sessions, the newest first."),
        tool::<SessionId>("resume_session", "Goes on with a session."),
        tool::<SessionId>("session_status", "Says how a session stands."),
        tool::<CleanupSessions>(
            "cleanup_sessions",
            "Removes sessions that are over; only says which unless dry_run is false.",
        ),
        tool::<Maintenance>(
            "maintenance_coordinator",
            "Cleans up what is stale, checks the tasks, writes their overview, or prepares a handover.",
        ),
        tool::<HealthCheck>("health_check", "Says whether the server is well."),
        tool::<RestartServer>(
            "restart_server",
            "Shuts the server down and starts it again, with its sessions and the tasks in progress.",
        ),
        tool::<RestartStatus>("restart_status", "Says how a restart goes or went."),
        tool::<ShutdownPrepare>("shutdown_prepare", "Says what a restart would cut off."),
        tool::<ReconnectTest>(
            "reconnect_test",
            "Says which clients have lost their connection, and what waits for them.",
        ),
    ]
}

fn tool<T: JsonSchema>(name: &'static str, description: &'static str) -> Tool {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    let fields = schema.ensure_object();
    fields.remove("title");
    fields.remove("description");
    let fields = Arc::new(fields.clone());
    let reads_only = Tools::reads_only(name);
    Tool::new(format!("{PREFIX}{name}"), description, fields).with_annotations(
        ToolAnnotations::new()
            .read_only(reads_only)
            .open_world(false),
    )
}

impl<T: JsonSchema> JsonSchema for List<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("ListOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [{ "type": "array", "items": item }, item] })
    }
}

impl JsonSchema for DependencyInput {
    fn schema_name() -> Cow<'static, str> {
        "Dependency".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let typed = generator.subschema_for::<TypedDependency>();
        json_schema!({ "anyOf": [{ "type": "string", "description": "The id of a task" }, typed] })
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_has_a_schema() {
        let listed: Vec<_> = tools().into_iter().map(|tool| tool.name).collect();
        let expected = Tools::NAMES.map(|name| format!("{PREFIX}{name}"));
        assert_eq!(listed, expected);
    }
}
