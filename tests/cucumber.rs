//! Runs the features of this crate: `cargo test --test cucumber`.

use std::{
    fs,
    path::{Path, PathBuf},
};

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
        let programs = PROGRAMS.map(|program| (program, folder_of(program).is_some()));
        let missing = programs.into_iter().chain([("requests", has_requests())]);
        for (name, _) in missing.filter(|(_, is_there)| !is_there) {
            eprintln!("left out: the scenarios that need {name}, which is not installed");
            suite = suite.tags(format!("not @needs-{name}"));
        }
    }
    suite.run(std::env::args_os())
}

/// Looked for, not run: a Java that says its version takes longer than most of the features.
fn folder_of(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).find(|folder| folder.join(program).is_file())
}

/// Whether Python has the package `requests`, in a folder where Python itself, Debian or pyenv keeps
/// packages.
fn has_requests() -> bool {
    let Some(bin) = folder_of("python3") else {
        return false;
    };
    let prefix = bin.parent().unwrap_or(&bin);
    let versions = entries(&prefix.join("versions"));
    [prefix.to_owned(), prefix.join("local")]
        .into_iter()
        .chain(versions)
        .flat_map(|prefix| entries(&prefix.join("lib")))
        .filter(|lib| lib.to_string_lossy().contains("/python3"))
        .any(|lib| {
            ["site-packages", "dist-packages"]
                .iter()
                .any(|packages| lib.join(packages).join("requests").is_dir())
        })
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}
