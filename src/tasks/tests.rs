use std::{path::Path, sync::Arc};

use futures::FutureExt as _;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{Server, TaskStore, Tools, failures::DATABASE_ERROR};
use crate::{
    clock::{Clock, Seed},
    domain::Failure,
    services::Directory,
};

const FILE: &str = ".rehearsal/tasks.db";

/// Tools with the tasks in a folder.
fn tools_in(folder: &Path) -> Tools {
    let directory = Directory::at(folder);
    let store = TaskStore::in_file(directory.clone());
    let observe = Arc::new(|_| ());
    let server = Server::new(
        store,
        directory,
        Clock::start(),
        Seed(1),
        observe,
        Vec::new(),
    );
    Tools::new(Arc::new(server))
}

fn call(tools: &Tools, name: &str, input: &Value) -> Result<Value, Box<Failure>> {
    tools
        .call(&"test".into(), name, input)
        .now_or_never()
        .unwrap()
}

fn plan(id: &str) -> Value {
    json!({"task_id": id, "title": "A", "description": "a"})
}

#[tokio::test(start_paused = true)]
async fn threads_lose_no_update() {
    let folder = tempfile::tempdir().unwrap();
    let tools = tools_in(folder.path());
    call(&tools, "plan_task", &plan("main")).unwrap();
    std::thread::scope(|scope| {
        for number in 0..10 {
            let tools = &tools;
            scope.spawn(move || {
                let client = format!("client-{number}").into();
                let call = |name: &str, input: Value| tools.call(&client, name, &input).now_or_never().unwrap().unwrap();
                call("initialize_session", json!({}));
                let part =
                    json!({"title": "Part", "description": "p", "parent_task_id": "main"});
                let part = call("plan_task", part)["task_id"].clone();
                call("execute_task", json!({"task_id": part}));
                call(
                    "complete_task",
                    json!({"task_id": part, "summary": "s", "detailed_work": "w", "next_action": "complete"}),
                );
            });
        }
    });
    let synthesis = call(
        &tools,
        "synthesize_results",
        &json!({"parent_task_id": "main"}),
    );
    let metrics = synthesis.unwrap()["synthesis_results"]["metrics"].clone();
    assert_eq!(
        (&metrics["total_subtasks"], &metrics["completed_count"]),
        (&json!(10), &json!(10))
    );
    let sessions = call(&tools, "list_sessions", &json!({"include_completed": true}));
    assert_eq!(sessions.unwrap()["total_count"], 10);
}

#[tokio::test(start_paused = true)]
async fn unusable_file_is_a_database_error_and_is_left_as_it_is() {
    let refusal = |folder: &Path| {
        let before = std::fs::read(folder.join(FILE)).unwrap();
        let tools = tools_in(folder);
        let failure = call(&tools, "plan_task", &plan("a")).unwrap_err();
        assert_eq!(&*failure.code, DATABASE_ERROR);
        assert!(failure.retryable);
        assert_eq!(std::fs::read(folder.join(FILE)).unwrap(), before);
        failure.message
    };
    let made = |prepare: &dyn Fn(&Connection)| {
        let folder = tempfile::tempdir().unwrap();
        let tools = tools_in(folder.path());
        call(&tools, "plan_task", &plan("a")).unwrap();
        drop(tools);
        let connection = Connection::open(folder.path().join(FILE)).unwrap();
        connection
            .pragma_update(None, "journal_mode", "DELETE")
            .unwrap();
        prepare(&connection);
        folder
    };
    let newer = made(&|connection| connection.pragma_update(None, "user_version", 9).unwrap());
    let message = refusal(newer.path());
    assert!(
        message.ends_with("it is of version 9, this program uses version 1"),
        "{message}"
    );

    let other = made(&|connection| connection.pragma_update(None, "application_id", 9).unwrap());
    let message = refusal(other.path());
    assert!(
        message.ends_with("it is another program's database"),
        "{message}"
    );
}

#[tokio::test(start_paused = true)]
async fn file_that_another_process_uses_is_used_once_it_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let first = tools_in(folder.path());
    call(&first, "plan_task", &plan("a")).unwrap();
    let second = tools_in(folder.path());
    let failure = call(&second, "plan_task", &plan("b")).unwrap_err();
    assert!(
        failure.message.ends_with("another process uses it"),
        "{failure}"
    );
    drop(first);
    call(&second, "plan_task", &plan("b")).unwrap();
    let found = call(&second, "query_tasks", &json!({})).unwrap();
    assert_eq!(found["total_count"], 2);
}

#[tokio::test(start_paused = true)]
async fn every_tool_that_is_listed_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let tools = tools_in(folder.path());
    for name in Tools::NAMES {
        let refused = call(&tools, name, &json!({"no such field": 1})).unwrap_err();
        assert_eq!(&*refused.code, "VALIDATION_FAILED", "{name}");
        assert_eq!(refused.field.as_deref(), Some("no such field"), "{name}");
    }
    let unknown = call(&tools, "plan_tasks", &json!({})).unwrap_err();
    assert_eq!(
        unknown.message,
        "there is no tool \"plan_tasks\": did you mean \"plan_task\"?"
    );
}
