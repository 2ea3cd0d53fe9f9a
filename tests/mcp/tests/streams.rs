//! The tools by an MCP client on the standard streams.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::path::Path;

use rmcp::{
    RoleClient, ServiceExt as _,
    model::{CallToolRequestParams, CallToolResult},
    service::RunningService,
    transport::TokioChildProcess,
};
use serde_json::{Map, Value, json};
use tokio::process::Command;

type Client = RunningService<RoleClient, ()>;

async fn connect(folder: &Path) -> Client {
    let mut server = Command::new(env!("CARGO_BIN_EXE_mcp-server"));
    server.arg(folder);
    let process = TokioChildProcess::new(server).unwrap();
    ().serve(process).await.unwrap()
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
            Value::Object(fields) => fields.values_mut().for_each(rub_out),
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
    let direct = rehearsal::mcp::tools(here.path());
    let mut tasks = (Value::Null, Value::Null);
    let calls = [
        ("initialize_session", json!({})),
        (
            "plan_task",
            json!({"title": "Whole", "description": "All of it", "complexity": "complex"}),
        ),
        ("update_task", json!({"task_id": "TASK", "title": "All"})),
        ("execute_task", json!({"task_id": "TASK"})),
        (
            "complete_task",
            json!({"task_id": "TASK", "summary": "s", "detailed_work": "w", "next_action": "complete"}),
        ),
        ("query_tasks", json!({"status": "completed"})),
        ("synthesize_results", json!({"parent_task_id": "TASK"})),
        ("get_status", json!({"include_completed": true})),
        ("list_sessions", json!({"include_completed": true})),
        (
            "cleanup_sessions",
            json!({"cleanup_type": "all", "older_than_days": 0}),
        ),
        ("delete_task", json!({"task_id": "TASK"})),
    ];
    for (tool, input) in calls {
        let of = |task: &Value| {
            let text = input.to_string().replace("\"TASK\"", &task.to_string());
            serde_json::from_str::<Value>(&text).unwrap()
        };
        let over_mcp = succeed(&client, tool, of(&tasks.0)).await;
        let directly = direct.call(&"rmcp".into(), tool, &of(&tasks.1)).unwrap();
        if tool == "plan_task" {
            tasks = (over_mcp["task_id"].clone(), directly["task_id"].clone());
        }
        assert_eq!(shape(over_mcp), shape(directly), "{tool}");
    }
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
    let large = plan(json!({"description": "x".repeat(2 * 1024 * 1024)}));
    assert_eq!(
        fail(&client, "plan_task", large).await.0,
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
