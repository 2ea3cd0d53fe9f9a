//! A server that is killed in the middle of its work, and started again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use serde_json::{Value, json};

const TASKS: usize = 30;
const KILLS: usize = 10;

struct Server {
    process: Child,
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
}

impl Server {
    fn start(folder: &Path) -> Self {
        Self::start_with_log(folder, Stdio::null())
    }

    fn start_with_log(folder: &Path, log: Stdio) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_mcp-server"))
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Self {
            requests: process.stdin.take().unwrap(),
            replies: BufReader::new(process.stdout.take().unwrap()),
            process,
        };
        let client = json!({"name": "killer", "version": "1"});
        let params =
            json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client});
        server.send(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}));
        server.reply().unwrap();
        server.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        server
    }

    fn send(&mut self, message: &Value) {
        // One that was killed does not read it.
        let _ = writeln!(self.requests, "{message}");
    }

    /// What it answers, unless it is killed first.
    fn reply(&mut self) -> Option<Value> {
        let mut line = String::new();
        let read = self.replies.read_line(&mut line).unwrap_or_default();
        (read > 0).then(|| serde_json::from_str(&line).unwrap())
    }

    /// Calls a tool; kills the server so long after, if at all.
    fn call(&mut self, tool: &str, input: &Value, kill: Option<Duration>) -> Option<Value> {
        let params = json!({"name": format!("orchestrator_{tool}"), "arguments": input});
        self.send(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}));
        if let Some(after) = kill {
            sleep(after);
            self.process.kill().unwrap();
            self.process.wait().unwrap();
            // Even if it has answered, nobody has heard of it.
            return None;
        }
        Some(self.reply()?["result"]["structuredContent"].clone())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Numbers that look random, and differ from run to run.
fn random() -> impl FnMut() -> usize {
    use std::hash::{BuildHasher as _, RandomState};
    let state = RandomState::new();
    let mut drawn = 0_u64;
    move || {
        drawn += 1;
        usize::try_from(state.hash_one(drawn) >> 33).unwrap()
    }
}

#[test]
fn each_change_is_a_line_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut server = Server::start_with_log(folder.path(), fs::File::create(&log).unwrap().into());
    let task = json!({"task_id": "a", "title": "T", "description": "d"});
    server.call("plan_task", &task, None).unwrap();
    let begun = json!({"task_id": "a"});
    server.call("execute_task", &begun, None).unwrap();
    drop(server);
    assert_eq!(
        fs::read_to_string(log).unwrap(),
        "{\"event\":\"task_changed\",\"task\":\"a\",\"status\":\"pending\"}\n\
         {\"event\":\"task_changed\",\"task\":\"a\",\"from\":\"pending\",\"status\":\"in_progress\"}\n"
    );
}

#[test]
fn tasks_complete_once_whenever_the_server_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = random();
    let mut kills = BTreeSet::new();
    while kills.len() < KILLS {
        kills.insert(random() % (TASKS * 3));
    }
    let mut server = Server::start(folder.path());
    for number in 0..TASKS {
        let id = format!("task-{number}");
        let calls = [
            (
                "plan_task",
                json!({"task_id": id, "title": id, "description": "d"}),
            ),
            ("execute_task", json!({"task_id": id})),
            (
                "complete_task",
                json!({"task_id": id, "summary": "s", "detailed_work": "w", "next_action": "complete"}),
            ),
        ];
        for (step, (tool, input)) in calls.into_iter().enumerate() {
            let place = number * 3 + step;
            let after = Duration::from_micros(u64::try_from(random() % 3_000).unwrap());
            let mut kill = kills.contains(&place).then_some(after);
            let mut is_repeated = false;
            loop {
                let Some(reply) = server.call(tool, &input, kill.take()) else {
                    // Whether it happened is not known, so it is asked for again.
                    server = Server::start(folder.path());
                    is_repeated = true;
                    continue;
                };
                let code = reply["code"].as_str();
                let happened_before =
                    matches!(code, Some("TASK_ALREADY_EXISTS" | "INVALID_TASK_STATE"));
                assert!(
                    code.is_none() || is_repeated && happened_before,
                    "{tool} of {id}: {reply}"
                );
                break;
            }
        }
    }
    let input = json!({"status": "completed", "include_artifacts": true});
    let found = server.call("query_tasks", &input, None).unwrap();
    assert_eq!(found["total_count"], TASKS, "{found}");
    for task in found["tasks"].as_array().unwrap() {
        assert_eq!(task["artifact_count"], 1, "{task}");
    }
    let health = server.call("health_check", &json!({}), None).unwrap();
    assert_eq!(health["healthy"], true, "{health}");
}
