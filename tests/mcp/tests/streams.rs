//! The tools by an MCP client on the standard streams.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, Mutex},
};

use rmcp::{
    ClientHandler, RoleClient, ServiceExt as _,
    model::{CallToolRequestParams, CallToolResult, ProgressNotificationParam},
    service::{NotificationContext, RunningService},
    transport::TokioChildProcess,
};
use serde_json::{Map, Value, json};
use tokio::process::Command;

type Client = RunningService<RoleClient, ()>;

async fn connect(folder: &Path) -> Client {
    connect_as((), folder).await
}

async fn connect_as<H: ClientHandler>(handler: H, folder: &Path) -> RunningService<RoleClient, H> {
    let mut server = Command::new(env!("CARGO_BIN_EXE_mcp-server"));
    server.arg(folder);
    let process = TokioChildProcess::new(server).unwrap();
    handler.serve(process).await.unwrap()
}

async fn call(client: &Client, tool: &str, input: Value) -> CallToolResult {
    let arguments = input.as_object().cloned().unwrap_or_default();
    let request = CallToolRequestParams::new(format!("orchestrator_{tool}"));
    client
        .call_tool(request.with_arguments(arguments))
        .await
        .unwrap()
}

async fn succeed(client: &Client, tool: &str, input: Value) -> Value {
    let result = call(client, tool, input).await;
    assert_eq!(result.is_error, Some(false), "{tool}: {result:?}");
    let text = result.content[0].as_text().unwrap();
    let structured = result.structured_content.unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&text.text).unwrap(),
        structured
    );
    structured
}

async fn fail(client: &Client, tool: &str, input: Value) -> (String, String) {
    let result = call(client, tool, input).await;
    assert_eq!(result.is_error, Some(true), "{tool}: {result:?}");
    let failure = result.structured_content.unwrap();
    let text = &result.content[0].as_text().unwrap().text;
    let part = |name: &str| failure[name].as_str().unwrap_or_default().to_owned();
    let (code, field) = (part("code"), part("field"));
    assert!(text.starts_with(&code) && text.contains(&field), "{text}");
    (code, field)
}

/// A reply without what is drawn or read from a clock.
fn shape(mut reply: Value) -> Value {
    fn rub_out(value: &mut Value) {
        match value {
            Value::String(text) => *text = without_ids(text),
            Value::Array(items) => items.iter_mut().for_each(rub_out),
            Value::Object(fields) => {
                fields.shift_remove("duration_seconds");
                fields.values_mut().for_each(rub_out);
            }
            _ => {}
        }
    }
    rub_out(&mut reply);
    reply
}

/// A text in which `_` and the digits of an id or a timestamp are `…`.
fn without_ids(text: &str) -> String {
    let is_time = text.len() >= 20 && text.as_bytes()[10] == b'T' && text.ends_with('Z');
    if is_time {
        return "…".to_owned();
    }
    let parts = text.split('_').enumerate().map(|(index, part)| {
        let digits = part
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(part.len());
        match index > 0 && digits >= 8 {
            true => format!("…{}", &part[digits..]),
            false => part.to_owned(),
        }
    });
    parts.collect::<Vec<_>>().join("_")
}

#[tokio::test]
async fn replies_over_streams_are_those_of_direct_calls() {
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let client = connect(there.path()).await;
    let direct = rehearsal::tasks::Tools::in_folder(here.path());
    let own_name = "rmcp".into();
    let plan = json!({"title": "Whole", "description": "All of it", "complexity": "complex"});
    let done =
        json!({"task_id": "TASK", "summary": "s", "detailed_work": "w", "next_action": "complete"});
    let calls = [
        ("initialize_session", json!({})),
        ("plan_task", plan.clone()),
        ("cancel_task", json!({"task_id": "TASK"})),
        ("plan_task", plan),
        ("update_task", json!({"task_id": "TASK", "title": "All"})),
        ("execute_task", json!({"task_id": "TASK"})),
        ("complete_task", done),
        ("query_tasks", json!({"status": "completed"})),
        ("synthesize_results", json!({"parent_task_id": "TASK"})),
        ("get_status", json!({"include_completed": true})),
        ("list_sessions", json!({"include_completed": true})),
        ("session_status", json!({"session_id": "SESSION"})),
        ("resume_session", json!({"session_id": "SESSION"})),
        ("cleanup_sessions", json!({"cleanup_type": "all"})),
        (
            "maintenance_coordinator",
            json!({"action": "validate_structure"}),
        ),
        ("health_check", json!({})),
        ("restart_server", json!({})),
        ("restart_status", json!({"include_history": true})),
        ("shutdown_prepare", json!({})),
        ("reconnect_test", json!({})),
        ("delete_task", json!({"task_id": "TASK"})),
    ];
    let mut called = BTreeSet::new();
    let (mut theirs, mut ours) = (Ids::default(), Ids::default());
    for (tool, input) in calls {
        let over_mcp = succeed(&client, tool, theirs.name(&input)).await;
        let directly = direct.call(&own_name, tool, &ours.name(&input)).await;
        let directly = directly.unwrap();
        theirs.learn(&over_mcp);
        ours.learn(&directly);
        assert_eq!(shape(over_mcp), shape(directly), "{tool}");
        called.insert(format!("orchestrator_{tool}"));
    }
    let listed = client.list_all_tools().await.unwrap();
    let listed: BTreeSet<_> = listed.iter().map(|tool| tool.name.to_string()).collect();
    assert_eq!(called, listed);
    client.cancel().await.unwrap();
}

/// The ids that the replies of a server have named last.
#[derive(Default)]
struct Ids {
    task: String,
    session: String,
}

impl Ids {
    fn learn(&mut self, reply: &Value) {
        for (name, id) in [
            ("task_id", &mut self.task),
            ("session_id", &mut self.session),
        ] {
            if let Some(found) = reply.get(name).and_then(Value::as_str) {
                found.clone_into(id);
            }
        }
    }

    fn name(&self, input: &Value) -> Value {
        let text = input.to_string().replace("TASK", &self.task);
        serde_json::from_str(&text.replace("SESSION", &self.session)).unwrap()
    }
}

/// Keeps what it is told of the progress of its calls.
#[derive(Clone, Default)]
struct Watcher(Arc<Mutex<Vec<(f64, String)>>>);

impl ClientHandler for Watcher {
    async fn on_progress(
        &self,
        told: ProgressNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        let message = told.message.unwrap_or_default();
        self.0.lock().unwrap().push((told.progress, message));
    }
}

#[tokio::test]
async fn restart_tells_of_its_progress() {
    let folder = tempfile::tempdir().unwrap();
    let watcher = Watcher::default();
    let client = connect_as(watcher.clone(), folder.path()).await;
    let request = CallToolRequestParams::new("orchestrator_restart_server");
    let restarted = client.call_tool(request).await.unwrap();
    assert_eq!(restarted.is_error, Some(false), "{restarted:?}");
    let told = watcher.0.lock().unwrap().clone();
    let (first, last) = (told.first().unwrap(), told.last().unwrap());
    assert_eq!(*first, (10.0, "maintenance_mode".to_owned()));
    assert_eq!(*last, (200.0, "complete".to_owned()));
    assert!(
        told.windows(2).all(|pair| pair[0].0 < pair[1].0),
        "{told:?}"
    );
    assert_eq!(told.len(), 13, "{told:?}");
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn failures_name_code_and_field() {
    let folder = tempfile::tempdir().unwrap();
    let client = connect(folder.path()).await;
    let refused = |code: &str, field: &str| (code.to_owned(), field.to_owned());
    let plan = |fields: Value| {
        let mut input = json!({"title": "T", "description": "d"});
        let own: Map<_, _> = fields.as_object().cloned().unwrap();
        input.as_object_mut().unwrap().extend(own);
        input
    };
    for (tool, input, code, field) in [
        (
            "plan_task",
            json!({"title": "T"}),
            "VALIDATION_FAILED",
            "description",
        ),
        (
            "plan_task",
            plan(json!({"complexity": "hard"})),
            "VALIDATION_FAILED",
            "complexity",
        ),
        (
            "plan_task",
            plan(json!({"titel": "x"})),
            "VALIDATION_FAILED",
            "titel",
        ),
        (
            "execute_task",
            json!({"task_id": "task_none"}),
            "TASK_NOT_FOUND",
            "task_id",
        ),
        (
            "resume_session",
            json!({"session_id": "session_none"}),
            "SESSION_NOT_FOUND",
            "session_id",
        ),
    ] {
        assert_eq!(
            fail(&client, tool, input).await,
            refused(code, field),
            "{tool}"
        );
    }
    // Only as a request: the work itself may be larger.
    let work = "x".repeat(2 * 1024 * 1024);
    let large = json!({"task_id": "none", "summary": "s", "detailed_work": work, "next_action": "complete"});
    assert_eq!(
        fail(&client, "complete_task", large).await.0,
        "VALIDATION_FAILED"
    );
    let status = succeed(&client, "get_status", json!({})).await;
    assert_eq!(status["total_count"], 0, "nothing is stored: {status}");

    let unknown = CallToolRequestParams::new("orchestrator_plan_tas");
    let error = client.call_tool(unknown).await.unwrap_err().to_string();
    assert!(
        error.contains("did you mean \"orchestrator_plan_task\"?"),
        "{error}"
    );
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn listed_tools_describe_themselves_and_their_inputs() {
    let folder = tempfile::tempdir().unwrap();
    let client = connect(folder.path()).await;
    for tool in client.list_all_tools().await.unwrap() {
        assert!(tool.name.starts_with("orchestrator_"), "{}", tool.name);
        assert!(tool.description.is_some_and(|text| text.ends_with('.')));
        assert_eq!(tool.input_schema["type"], "object", "{}", tool.name);
        assert_eq!(
            tool.input_schema["additionalProperties"], false,
            "{}",
            tool.name
        );
    }
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn tasks_outlive_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let client = connect(folder.path()).await;
    let planned = succeed(
        &client,
        "plan_task",
        json!({"title": "T", "description": "d"}),
    )
    .await;
    client.cancel().await.unwrap();
    let client = connect(folder.path()).await;
    let begun = succeed(
        &client,
        "execute_task",
        json!({"task_id": planned["task_id"]}),
    )
    .await;
    assert_eq!(begun["task_title"], "T");
    client.cancel().await.unwrap();
}
