//! The program `rehearsal`, as it is used without a Rust project.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

fn rehearsal(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_rehearsal"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("CARGO_MANIFEST_DIR")
        .env_remove("CUCUMBER_FILTER_TAGS")
        .output()
        .unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr)
    );
    (status.code().unwrap(), text)
}

#[test]
fn what_new_writes_passes_at_once_and_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let (status, text) = rehearsal(folder.path(), &["new", "shop"]);
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("wrote features/order.feature"), "{text}");
    assert!(
        text.contains("Now run `cd shop && rehearsal run`."),
        "{text}"
    );
    let shop = folder.path().join("shop");
    let (status, text) = rehearsal(&shop, &["run"]);
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("3 scenarios (3 passed)"), "{text}");

    let feature = shop.join("features/order.feature");
    fs::write(&feature, "Feature: mine\n").unwrap();
    let (status, text) = rehearsal(&shop, &["new"]);
    assert_eq!(status, 0, "{text}");
    assert!(
        text.contains("features/order.feature exists, and is left as it is"),
        "{text}"
    );
    assert_eq!(fs::read_to_string(feature).unwrap(), "Feature: mine\n");
    assert!(!shop.join("tests").exists(), "it is not a Rust package");
}

#[test]
fn new_in_a_rust_package_writes_the_test_target_and_tells_the_manifest_lines() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Cargo.toml"), "").unwrap();
    let (status, text) = rehearsal(folder.path(), &["new"]);
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("wrote tests/cucumber.rs"), "{text}");
    assert!(text.contains("[[test]]"), "{text}");
}

#[test]
fn run_takes_features_from_any_folder_and_options_of_the_test_target() {
    let folder = tempfile::tempdir().unwrap();
    rehearsal(folder.path(), &["new"]);
    fs::rename(
        folder.path().join("features"),
        folder.path().join("acceptance"),
    )
    .unwrap();
    let run = |arguments: &[&str]| rehearsal(folder.path(), arguments);
    let (status, text) = run(&["run", "acceptance", "--quiet"]);
    assert!(
        status == 0 && text.contains("3 scenarios (3 passed)"),
        "{text}"
    );
    let (status, text) = run(&["run", "acceptance/order.feature:17"]);
    assert!(
        status == 0 && text.contains("1 scenario (1 passed)"),
        "{text}"
    );
    let (status, text) = run(&["run"]);
    assert!(
        status == 2 && text.contains("looked for \"features\""),
        "{text}"
    );
    assert!(
        text.ends_with("`rehearsal new` writes a first one\n"),
        "{text}"
    );
    let (status, text) = run(&["run", "--help"]);
    assert!(status == 0 && text.contains("--concurrency <N>"), "{text}");
    let (status, text) = run(&["rum"]);
    assert!(status == 2 && text.contains("'run'"), "{text}");
    let (status, text) = run(&["--help"]);
    assert!(status == 0 && text.contains("rehearsal new shop"), "{text}");
}

#[test]
fn saga_in_another_language_is_tested_and_its_bug_is_found() {
    if Command::new("python3").arg("--version").output().is_err() {
        return eprintln!("skipped: python3 is not installed");
    }
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/python-saga");
    let (status, text) = rehearsal(&example, &["run"]);
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("5 scenarios (5 passed)"), "{text}");

    let copy = tempfile::tempdir().unwrap();
    for file in [
        "saga.py",
        "features/orders.feature",
        "fixtures/services/shop.json",
        "fixtures/systems/orders.json",
    ] {
        let to = copy.path().join(file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(example.join(file), to).unwrap();
    }
    let system = copy.path().join("fixtures/systems/orders.json");
    let keyless = fs::read_to_string(&system).unwrap();
    let keyless = keyless.replace("\"env\": {", "\"env\": { \"WITHOUT_KEYS\": \"yes\",");
    fs::write(system, keyless).unwrap();
    let (status, text) = rehearsal(copy.path(), &["run"]);
    assert_eq!(status, 1, "{text}");
    assert!(text.contains("5 scenarios (3 passed, 2 failed)"), "{text}");
    assert!(text.contains("- | Payments.charge | 1     |"), "{text}");
    assert!(text.contains("+ | Payments.charge | 2     |"), "{text}");
    let why = "Payments.charge was called 2 times without an idempotency key";
    assert!(text.contains(why), "{text}");
    assert!(text.contains("Payments.charge  no key\n"), "{text}");
    assert!(
        text.contains("  rehearsal run features/orders.feature:"),
        "{text}"
    );
}

#[cfg(not(feature = "mcp"))]
#[test]
fn mcp_without_its_cargo_feature_is_refused_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let (status, printed) = rehearsal(folder.path(), &["mcp"]);
    assert_eq!(status, 2);
    assert!(
        printed.contains("needs the Cargo feature `mcp`"),
        "{printed}"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
