use std::collections::HashSet;

use cucumber::gherkin;
use rehearsal_macros::{given, then, when};
use serde_json::Value;

use super::{
    CountParameter, StepResult,
    failing::expect,
    parameters::{column, doc_string, json},
    services::{at_least_once, declare},
};
use crate::{
    domain::{Key, KeySubject, did_you_mean, from_json},
    harness::{World, compare_json, compare_lines},
    observability::EventKind,
    services::{DiskStage, Service},
};

/// From now on, every change of a file fails with the code at the stage.
#[given("the disk fails at {string} with {string}")]
fn disk_fails(world: &mut World, stage: String, code: String) -> StepResult {
    let what = format!("the disk fails at {stage} with {code}");
    fail_disk(world, &stage, &code, None, what)
}

/// The next changes of files fail with the code at the stage, later ones do not.
#[given("the disk fails {count} time(s) at {string} with {string}")]
fn disk_fails_times(
    world: &mut World,
    count: CountParameter,
    stage: String,
    code: String,
) -> StepResult {
    let count = at_least_once(count)?;
    let what = format!("the disk fails {count} time(s) at {stage} with {code}");
    fail_disk(world, &stage, &code, Some(count), what)
}

fn fail_disk(
    world: &mut World,
    stage: &str,
    code: &str,
    times: Option<u32>,
    what: String,
) -> StepResult {
    let stage: DiskStage = stage.parse()?;
    world.registry().check_code_of_any(code)?;
    let fault = declare(world, what);
    world.cast().files().fail_at(stage, code, times, fault);
    Ok(())
}

/// A file of the file services that exists from the start, at version 1.
#[given("the file {string} holds:")]
fn holds(world: &mut World, step: &gherkin::Step, path: String) -> StepResult {
    let content = match is_json(world) {
        true => json(world, step)?,
        false => Value::String(format!("{}\n", doc_string(step)?)),
    };
    Ok(world.cast().files().add(&path, &content)?)
}

/// A byte of the file changes without its service's knowledge.
#[given("the file {string} is corrupted on disk")]
#[when("the file {string} is corrupted on disk")]
fn is_corrupted(world: &mut World, path: String) -> StepResult {
    Ok(world.cast().files().corrupt(&path)?)
}

/// The file exists in the scenario's directory, whoever created it.
#[then("the file {string} exists")]
fn exists(world: &mut World, path: String) -> StepResult {
    content(world, &path)?;
    Ok(())
}

/// The file does not exist in the scenario's directory.
#[then("the file {string} does not exist")]
fn does_not_exist(world: &mut World, path: String) -> StepResult {
    could_exist(world)?;
    let found = world.cast().files().read_any(&path)?;
    expect(found.is_none(), || {
        format!("expected no file {path:?}, found one")
    })
}

/// The file contains this text, ignoring a final newline; `"""json` compares as JSON.
#[then("the file {string} contains:")]
fn contains(world: &mut World, step: &gherkin::Step, path: String) -> StepResult {
    let found = content(world, &path)?;
    let found =
        String::from_utf8(found).map_err(|_| format!("the file {path:?} is not valid UTF-8"))?;
    let expected = doc_string(step)?;
    if is_json(world) {
        let expected: Value = json(world, step)?;
        let found: Value = from_json(&found, &path, 1)?;
        return Ok(compare_json(&expected, &found)?);
    }
    let without_end = |text: &'_ str| text.strip_suffix('\n').unwrap_or(text).to_owned();
    let (expected, found) = (without_end(expected), without_end(&found));
    expect(expected == found, || {
        match compare_lines(&expected, &found) {
            Err(difference) => {
                format!("expected (-) and found (+) content of {path:?} differ:\n{difference}")
            }
            Ok(()) => format!("expected {path:?} to contain {expected:?}, found {found:?}"),
        }
    })
}

/// All files and backups of the file services, in order of their paths.
#[then("the files are:")]
fn files_are(world: &mut World, step: &gherkin::Step) -> StepResult {
    could_exist(world)?;
    let expected = column(step)?.join("\n");
    let found = world.cast().files().on_disk()?.join("\n");
    Ok(compare_lines(&expected, &found)
        .map_err(|difference| format!("expected (-) and found (+) files differ:\n{difference}"))?)
}

/// There is no staging file, and no file that an undone change left.
#[then("no file is left behind")]
fn none_left_behind(world: &mut World) -> StepResult {
    let undone: HashSet<KeySubject> = world.timeline().read(|events| {
        let undone = |kind: &EventKind| match kind {
            EventKind::Effect {
                key: Key::Undo(subject),
                ..
            } => Some(subject.clone()),
            _ => None,
        };
        events
            .iter()
            .filter_map(|event| undone(&event.kind))
            .collect()
    });
    let files = world.cast().files();
    // If no file was ever changed, that none is left behind would prove nothing.
    expect(files.change_requested(), || {
        "no change of a file was requested, so none could be left behind".to_owned()
    })?;
    let left = files.left_behind(|subject| undone.contains(subject))?;
    expect(left.is_empty(), || {
        format!(
            "expected no file to be left behind, these are:\n  {}",
            left.join("\n  ")
        )
    })
}

/// Fails a step about files that there are not, if none could be.
fn could_exist(world: &mut World) -> StepResult {
    let names = world.registry().names();
    let keeps_files = names.iter().any(|name| {
        let files =
            |service: &dyn Service| service.definition().is_some_and(|own| own.files.is_some());
        world
            .registry()
            .script(name, |_, service| files(service))
            .unwrap_or(false)
    });
    let has_directory = world.cast().directory().existing().is_some();
    expect(keeps_files || has_directory, || {
        "no file could exist: no service keeps files, and nothing has used the scenario's directory"
            .to_owned()
    })
}

/// The bytes of a file that must exist.
fn content(world: &mut World, path: &str) -> Result<Vec<u8>, String> {
    let files = world.cast().files();
    let found = files.read_any(path).map_err(|failure| failure.message)?;
    found.ok_or_else(|| {
        let there = files.on_disk().unwrap_or_default();
        let hint = did_you_mean(path, there.iter().map(String::as_str));
        format!("the file {path:?} does not exist: {hint}")
    })
}

fn is_json(world: &World) -> bool {
    world.scenario().media_type.as_deref() == Some("json")
}
