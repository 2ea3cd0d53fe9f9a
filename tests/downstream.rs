//! A crate that uses this one, built and run as its people would.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use rehearsal::harness::StepDefinition;

/// The steps that `tests/downstream/tests/cucumber.rs` defines.
const OWN_STEPS: usize = 2;

/// The crate, with the versions that are locked, and so built and downloaded, already.
static CRATE: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("tests/downstream");
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    // Takes what the crate does not need out of the lock file.
    cargo(&folder, &["metadata", "--offline", "--format-version=1"]);
    folder
});

/// Runs cargo in our own target folder, where most of what it needs lies already.
fn cargo(folder: &Path, args: &[&str]) -> String {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let ran = Command::new(std::env::var("CARGO").unwrap())
        .args(args)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target)
        .env_remove("CUCUMBER_FILTER_TAGS")
        .env_remove("INSTA_UPDATE")
        .env("CI", "true")
        .output()
        .unwrap();
    let out = String::from_utf8(ran.stdout).unwrap();
    let err = String::from_utf8(ran.stderr).unwrap();
    assert!(ran.status.success(), "cargo {args:?}:\n{out}\n{err}");
    out
}

/// Its scenarios draw on fixtures and a snapshot that only it has.
fn rehearses(profile: &str) {
    let test = |args: &[&str]| {
        let test = ["test", "--locked", "--offline", "--profile", profile, "--"];
        cargo(&CRATE, &[&test, args].concat())
    };
    let out = test(&["--color", "never"]);
    for line in [
        "1 feature",
        "3 scenarios (3 passed)",
        "14 steps (14 passed)",
    ] {
        assert!(out.contains(line), "{out}");
    }
    let steps: usize = test(&["--count-steps"]).trim().parse().unwrap();
    assert_eq!(steps, StepDefinition::collected().len() + OWN_STEPS);
}

#[test]
fn another_crate_rehearses_with_what_it_has_of_its_own() {
    rehearses("dev");
}

#[test]
fn another_crate_rehearses_in_release() {
    rehearses("release");
}

#[test]
fn all_that_another_crate_compiles_is_packaged() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = ["package", "--list", "--allow-dirty", "--offline"];
    let packaged = cargo(root, &list);
    for folder in ["src", "steps"] {
        for file in rust_files(&root.join(folder)) {
            let file = file.strip_prefix(root).unwrap().to_str().unwrap();
            assert!(packaged.lines().any(|line| line == file), "{file}");
        }
    }
    assert!(!packaged.lines().any(|line| line.starts_with("tests/")));
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => rust_files(&path),
            false => vec![path],
        })
        .collect()
}
