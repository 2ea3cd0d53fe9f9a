//! How fast services and workflows are there: the fixtures of this package read and checked for the
//! first time in a process, and the whole cast built for a scenario.
//!
//! `cargo bench --bench cast`. It fails above its limits.

#[path = "scene/apart.rs"]
mod apart;

use std::{
    fs,
    hint::black_box,
    io,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use rehearsal::harness::{Cast, Fixtures, package_root};

/// The whole folder, schemas compiled, names checked.
const LOADED_WITHIN: Duration = Duration::from_millis(5);
/// All services of the platform, from fixtures that are loaded.
const CAST_WITHIN: Duration = Duration::from_millis(1);

/// Processes that each read the fixtures for the first time.
const ROUNDS: usize = 9;

fn main() -> ExitCode {
    if apart::is_one() {
        apart::end(load());
    }
    let loaded = apart::measured::<ROUNDS>()[ROUNDS / 2];

    let mut casts: Vec<Duration> = (0..1_001)
        .map(|_| {
            let started = Instant::now();
            black_box(Cast::load("agent-platform").expect("the cast is sound"));
            started.elapsed()
        })
        .collect();
    casts.sort();
    let cast = casts[casts.len() / 2];

    let mut all_within = true;
    for (what, took, limit) in [
        ("fixtures, median of 9", loaded, LOADED_WITHIN),
        ("cast, median of 1,001", cast, CAST_WITHIN),
    ] {
        let within = took <= limit;
        all_within &= within;
        let mark = if within { "" } else { "  ABOVE THE LIMIT" };
        println!("{what:<26} {took:>10.1?}  (at most {limit:?}){mark}");
    }
    if all_within {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Reads and checks all fixtures, in a process that has not done so before.
fn load() -> Duration {
    // The system has read them once, so that no disk is measured.
    read_below(&package_root().join("fixtures")).expect("the fixtures can be read");
    let started = Instant::now();
    let fixtures = Fixtures::default();
    let workflow = fixtures.workflow("completeAgentCreation");
    black_box(workflow.expect("the workflow is among the fixtures"));
    started.elapsed()
}

fn read_below(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            read_below(&path)?;
        } else {
            black_box(fs::read(path)?);
        }
    }
    Ok(())
}
