//! Runs the features of this crate: `cargo test --test cucumber`.

use rehearsal::{Suite, harness::CARGO_FEATURES};

/// Programs that some scenarios start.
const PROGRAMS: [&str; 4] = ["curl", "java", "node", "python3"];

fn main() -> std::process::ExitCode {
    let off = CARGO_FEATURES.iter().filter(|(_, is_on)| !is_on);
    // Scenarios name the Cargo features that they need, as `@needs-sqlite`, and programs likewise.
    let mut suite = off.fold(Suite::new("features"), |suite, (name, _)| {
        suite.tags(format!("not @needs-{name}"))
    });
    if cfg!(feature = "http") {
        for program in PROGRAMS
            .into_iter()
            .filter(|program| !is_installed(program))
        {
            eprintln!("left out: the scenarios that need {program}, which is not installed");
            suite = suite.tags(format!("not @needs-{program}"));
        }
    }
    suite.run(std::env::args_os())
}

/// Looked for, not run: a Java that says its version takes longer than most of the features.
fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
