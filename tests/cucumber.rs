//! Runs the features of this crate: `cargo test --test cucumber`.

use std::process::{Command, Stdio};

use rehearsal::{Suite, harness::CARGO_FEATURES};

/// Programs that some scenarios start, and how to see that they are there.
const PROGRAMS: [(&str, &[&str]); 5] = [
    ("curl", &["curl", "--version"]),
    ("java", &["java", "-version"]),
    ("node", &["node", "--version"]),
    ("python3", &["python3", "--version"]),
    ("python3-requests", &["python3", "-c", "import requests"]),
];

fn main() -> std::process::ExitCode {
    let off = CARGO_FEATURES.iter().filter(|(_, is_on)| !is_on);
    // Scenarios name the Cargo features that they need, as `@needs-sqlite`, and programs likewise.
    let mut suite = off.fold(Suite::new("features"), |suite, (name, _)| {
        suite.tags(format!("not @needs-{name}"))
    });
    if cfg!(feature = "http") {
        for (program, command) in PROGRAMS {
            if !runs(command) {
                eprintln!("left out: the scenarios that need {program}, which is not installed");
                suite = suite.tags(format!("not @needs-{program}"));
            }
        }
    }
    suite.run(std::env::args_os())
}

fn runs(command: &[&str]) -> bool {
    let run = Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    run.is_ok_and(|status| status.success())
}
