use std::{path::Path, sync::Arc};

use futures::FutureExt as _;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{Callback, Server, TaskStore, Tools, failures::DATABASE_ERROR};
use crate::{
    clock::{Clock, Seed},
    domain::Failure,
    services::Directory,
};

const FILE: &str = ".rehearsal/tasks.db";

/// Tools with the tasks in a folder.
fn tools_in(folder: &Path) -> Tools {
    tools_with(folder, Vec::new())
}

fn tools_with(folder: &Path, callbacks: Vec<Callback>) -> Tools {
    let directory = Directory::at(folder);
    let store = TaskStore::in_file(directory.clone());
    let observe = Arc::new(|_| ());
    let server = Server::new(
        store,
        directory,
        Clock::start(),
        Seed(1),
        observe,
        callbacks,
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

    let read_only = made(&|_| {});
    let file = read_only.path().join(FILE);
    let mut bytes = std::fs::read(&file).unwrap();
    // Of a format that can be read but not written, so that it is for whoever may write all files, too.
    bytes[18] = 3;
    std::fs::write(&file, bytes).unwrap();
    let message = refusal(read_only.path());
    assert!(
        message.ends_with("attempt to write a readonly database"),
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

#[tokio::test(start_paused = true)]
async fn drawn_id_that_is_taken_is_drawn_again() {
    let drawn = |first: &Value| {
        let folder = tempfile::tempdir().unwrap();
        let tools = tools_in(folder.path());
        call(&tools, "plan_task", first).unwrap();
        let second = json!({"title": "B", "description": "b"});
        let second = call(&tools, "plan_task", &second).unwrap();
        second["task_id"].as_str().unwrap().to_owned()
    };
    let usual = drawn(&plan("a"));
    let other = drawn(&plan(&usual));
    assert_ne!(usual, other);
    assert!(
        other.starts_with("task_") && other.len() == usual.len(),
        "{other}"
    );
}

#[tokio::test(start_paused = true)]
async fn completion_that_cannot_be_stored_leaves_no_file_and_lets_go_of_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let tools = tools_in(folder.path());
    call(&tools, "plan_task", &plan("a")).unwrap();
    call(&tools, "execute_task", &json!({"task_id": "a"})).unwrap();
    drop(tools);
    let change = |sql: &str| {
        let connection = Connection::open(folder.path().join(FILE)).unwrap();
        connection.execute_batch(sql).unwrap();
    };
    change(
        "CREATE TRIGGER fault BEFORE UPDATE ON tasks WHEN new.status = 'completed'
        BEGIN SELECT RAISE(ABORT, 'the disk is broken'); END",
    );
    let tools = tools_in(folder.path());
    let done =
        json!({"task_id": "a", "summary": "s", "detailed_work": "w", "next_action": "complete"});
    let failure = call(&tools, "complete_task", &done).unwrap_err();
    assert_eq!(
        (&*failure.code, failure.message.as_str()),
        (DATABASE_ERROR, "the disk is broken")
    );
    let artifacts = folder.path().join(".task_orchestrator/artifacts");
    assert_eq!(std::fs::read_dir(&artifacts).unwrap().count(), 0);
    // It is the handle that was lost, so that another one can mend the file.
    change("DROP TRIGGER fault");
    let reply = call(&tools, "complete_task", &done).unwrap();
    assert_eq!(reply["artifact_count"], 1);
    assert_eq!(std::fs::read_dir(&artifacts).unwrap().count(), 1);
}

#[tokio::test(start_paused = true)]
async fn restart_whose_database_is_gone_fails_and_keeps_the_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(FILE);
    let remove = move || {
        let removed = std::fs::remove_file(&file).map_err(|error| error.to_string());
        std::future::ready(removed).boxed()
    };
    let callback = Callback {
        name: "remove".into(),
        run: Arc::new(remove),
    };
    let tools = tools_with(folder.path(), vec![callback]);
    call(&tools, "plan_task", &plan("a")).unwrap();
    let session = call(&tools, "initialize_session", &json!({})).unwrap();
    let failure = call(&tools, "restart_server", &json!({})).unwrap_err();
    assert_eq!(failure.message, ".rehearsal/tasks.db is missing");
    let status = call(&tools, "restart_status", &json!({})).unwrap();
    assert_eq!(status["maintenance_mode"], false);
    let phases = status["last_restart"]["phases"].as_array().unwrap();
    let last: Vec<_> = phases
        .iter()
        .rev()
        .take(2)
        .map(|own| &own["phase"])
        .collect();
    assert_eq!(last, ["failed", "restoring_database"]);
    let planned = call(&tools, "plan_task", &plan("b")).unwrap();
    assert_eq!(planned["session_id"], session["session_id"]);
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn link_leads_no_artifact_out_of_the_directory() {
    let outside = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let link = |name: &str| {
        std::os::unix::fs::symlink(outside.path(), folder.path().join(name)).unwrap();
    };
    link("away");
    let tools = tools_in(folder.path());
    let begin = |path: &str| {
        let session = json!({"working_directory": path});
        call(&tools, "initialize_session", &session)
    };
    let failure = begin("away").unwrap_err();
    let field = failure.field.as_deref();
    assert_eq!(
        (&*failure.code, field),
        ("PATH_OUTSIDE_DIRECTORY", Some("working_directory"))
    );
    begin("later").unwrap();
    link("later");
    call(&tools, "plan_task", &plan("a")).unwrap();
    call(&tools, "execute_task", &json!({"task_id": "a"})).unwrap();
    let done =
        json!({"task_id": "a", "summary": "s", "detailed_work": "w", "next_action": "complete"});
    let failure = call(&tools, "complete_task", &done).unwrap_err();
    assert_eq!(&*failure.code, "PATH_OUTSIDE_DIRECTORY");
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    let found = call(&tools, "query_tasks", &json!({})).unwrap();
    assert_eq!(found["tasks"][0]["status"], "in_progress");
}

#[tokio::test(start_paused = true)]
async fn sizes_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let tools = tools_in(folder.path());
    call(&tools, "plan_task", &plan("a")).unwrap();
    call(&tools, "execute_task", &json!({"task_id": "a"})).unwrap();
    let field = |name: &str, input: &Value| {
        let refused = call(&tools, name, input).unwrap_err();
        assert_eq!(&*refused.code, "VALIDATION_FAILED");
        refused.field.unwrap()
    };
    let long = "x".repeat(501);
    assert_eq!(
        field("plan_task", &json!({"title": long, "description": "d"})),
        "title"
    );
    let long = "x".repeat(1024 * 1024 + 1);
    assert_eq!(
        field("plan_task", &json!({"title": "t", "description": long})),
        "description"
    );
    let mut done = json!({"task_id": "a", "summary": "s", "next_action": "complete"});
    done["detailed_work"] = "x".repeat(16 * 1024 * 1024 + 1).into();
    assert_eq!(field("complete_task", &done), "detailed_work");
    done["detailed_work"] = "x".repeat(16 * 1024 * 1024).into();
    call(&tools, "complete_task", &done).unwrap();
}
