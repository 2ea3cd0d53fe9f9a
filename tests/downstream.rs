//! Crates that depend on this one, built and run as by its users.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use rehearsal::harness::StepDefinition;

/// The steps that `tests/downstream/tests/cucumber.rs` defines.
const OWN_STEPS: usize = 2;

/// A release build tests linking, not speed: only our own crates, and the one that collects the steps,
/// are optimised.
const RELEASE: [&str; 8] = [
    "--config",
    "profile.release.opt-level=1",
    "--config",
    "profile.release.incremental=true",
    "--config",
    "profile.release.package.'*'.opt-level=0",
    "--config",
    "profile.release.package.inventory.opt-level=1",
];

/// Runs cargo with our target folder; it downloads nothing.
fn cargo(args: &[&str]) -> String {
    let ran = try_cargo(args);
    let out = String::from_utf8(ran.stdout).unwrap();
    let err = String::from_utf8(ran.stderr).unwrap();
    assert!(ran.status.success(), "cargo {args:?}:\n{out}\n{err}");
    out
}

fn try_cargo(args: &[&str]) -> Output {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    Command::new(std::env::var("CARGO").unwrap())
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", target)
        .env_remove("CUCUMBER_FILTER_TAGS")
        .env_remove("INSTA_UPDATE")
        .env("CI", "true")
        .output()
        .unwrap()
}

/// The crate's scenarios use its own fixtures and snapshot.
fn runs_scenarios(profile: &str, config: &[&str]) {
    let test = |args: &[&str]| {
        let test = ["test", "--package", "downstream", "--profile", profile];
        let mut all = test.to_vec();
        all.extend(config);
        all.extend(["--locked", "--offline", "--"]);
        all.extend(args);
        cargo(&all)
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
fn downstream_crate_runs_with_its_own_steps_services_and_hooks() {
    runs_scenarios("dev", &[]);
}

#[test]
fn downstream_crate_runs_in_release() {
    runs_scenarios("release", &RELEASE);
}

#[test]
fn orchestrator_of_its_own_is_tested_by_a_crate() {
    let test = ["test", "--package", "own-orchestrator"];
    let offline = ["--locked", "--offline"];
    let out = cargo(&[&test[..], &offline].concat());
    for line in [
        "7 scenarios (7 passed)",
        "test day_of_retries_gives_the_same_bytes_a_thousand_times ... ok",
    ] {
        assert!(out.contains(line), "{out}");
    }
}

#[test]
fn world_run_by_cucumber_panics_with_the_code_to_write() {
    for way in ["run", "filter_run", "cucumber"] {
        let ran = try_cargo(&[
            "run",
            "--package",
            "downstream",
            "--example",
            "by_cucumber",
            "--locked",
            "--offline",
            "--",
            way,
        ]);
        assert_eq!(ran.status.code(), Some(101), "{way}");
        let err = String::from_utf8(ran.stderr).unwrap();
        for line in [
            "cucumber's own runner cannot run rehearsal's World",
            "    fn main() -> std::process::ExitCode {\n        rehearsal::run(\"features\")\n    }",
        ] {
            assert!(err.contains(line), "{way}: {err}");
        }
    }
}

#[test]
fn package_contains_all_sources_and_no_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = [
        "package",
        "--list",
        "--package",
        "rehearsal",
        "--allow-dirty",
    ];
    let packaged = cargo(&list);
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
