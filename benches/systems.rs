//! How soon a system that is killed is ready again, beside the same program without this harness: killed,
//! started, and its line read.
//!
//! `cargo bench --bench systems`. It fails above its limit. Both kinds wait for the 100 ms that the program takes.

#[path = "scene/median.rs"]
mod median;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Command, ExitCode, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};

use cucumber::{then, when};
use rehearsal::{Suite, World, observability::EventKind};

use self::median::median;

/// Restarts of each kind; both alternate, so that other load on the machine affects both.
const ROUNDS: usize = 15;
/// Maximum duration from ready over killed to ready, in restarts without the harness: 250 ms at most, as long
/// as these take up to 125 ms.
const AT_MOST: f64 = 2.0;
/// Writes a line after 100 ms, and stays.
const PROGRAM: [&str; 3] = ["sh", "-c", "sleep 0.1; echo up; exec sleep 60"];

static BARE: Mutex<Vec<Duration>> = Mutex::new(Vec::new());
static OWN: Mutex<Vec<Duration>> = Mutex::new(Vec::new());

fn main() -> ExitCode {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("restarts.feature");
    let program = serde_json::to_string(&PROGRAM).expect("text");
    let rounds =
        "    And the system \"slow\" restarts\n    And the program restarts alone\n".repeat(ROUNDS);
    let feature = format!(
        "@wall-clock\nFeature: Restarts\n  Scenario: A system that is ready after 100 ms\n    \
         Given the system \"slow\"\n      \"\"\"json\n      {{ \"command\": {program}, \"ready\": \"line up\" }}\n      \"\"\"\n    \
         When the system \"slow\" starts\n{rounds}    Then its restarts are counted\n"
    );
    fs::write(&file, feature).expect("a file");
    let ended = Suite::new(file.display().to_string()).run(["systems".into()]);
    let (bare, own) = (taken(&BARE), taken(&OWN));
    if own.len() != ROUNDS || bare.len() != ROUNDS {
        return ended;
    }
    let (bare, own) = (median(bare, Ord::cmp), median(own, Ord::cmp));
    let ratio = own.as_secs_f64() / bare.as_secs_f64();
    println!(
        "ready, killed and ready again: alone {bare:.1?}, as a system {own:.1?}: {ratio:.2} times as long (at most {AT_MOST})"
    );
    ExitCode::from(u8::from(ratio > AT_MOST))
}

fn taken(durations: &Mutex<Vec<Duration>>) -> Vec<Duration> {
    std::mem::take(&mut *durations.lock().expect("no panic"))
}

#[when("the program restarts alone")]
fn restarts_alone(_: &mut World) {
    let mut program = start();
    let began = Instant::now();
    end(&mut program);
    let mut program = start();
    BARE.lock().expect("no panic").push(began.elapsed());
    end(&mut program);
}

/// The program, ready.
fn start() -> Child {
    let [shell, arguments @ ..] = PROGRAM;
    let mut program = Command::new(shell)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell");
    let out = program.stdout.take().expect("a pipe");
    let line = BufReader::new(out).lines().next();
    assert_eq!(line.expect("a line").expect("text"), "up");
    program
}

fn end(program: &mut Child) {
    program.kill().expect("a process");
    program.wait().expect("a process");
}

#[then("its restarts are counted")]
fn restarts_are_counted(world: &mut World) {
    let mut killed = None;
    world.timeline().read(|events| {
        for event in events {
            match event.kind {
                EventKind::SystemKilled { .. } => killed = Some(event.at),
                EventKind::SystemReady { .. } => {
                    let took = killed.map(|killed| event.at - killed);
                    OWN.lock().expect("no panic").extend(took);
                }
                _ => {}
            }
        }
    });
}
