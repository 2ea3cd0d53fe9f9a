use std::{collections::BTreeSet, sync::Arc};

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
    domain::{Key, did_you_mean, from_json},
    harness::{World, compare_json, compare_lines},
    observability::EventKind,
    services::DiskStage,
};

/// Every change of a file fails with the code when it comes to the stage, from now on.
#[given("the disk fails at {string} with {string}")]
fn disk_fails(world: &mut World, stage: String, code: String) -> StepResult {
    let what = format!("the disk fails at {stage} with {code}");
    fail_disk(world, &stage, &code, None, what)
}

/// So many changes of files fail with the code when they come to the stage, later ones do not.
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

/// A file of the file services that is there from the start, at version 1.
#[given("the file {string} holds:")]
fn holds(world: &mut World, step: &gherkin::Step, path: String) -> StepResult {
    let content = match is_json(world) {
        true => json(world, step)?,
        false => Value::String(format!("{}\n", doc_string(step)?)),
    };
    Ok(world.cast().files().hold(&path, &content)?)
}

/// A byte of the file changes behind the back of its service.
#[given("the file {string} is corrupted on disk")]
#[when("the file {string} is corrupted on disk")]
fn is_corrupted(world: &mut World, path: String) -> StepResult {
    Ok(world.cast().files().corrupt(&path)?)
}

/// There is such a file in the scenario's directory, whoever made it.
#[then("the file {string} exists")]
fn exists(world: &mut World, path: String) -> StepResult {
    content(world, &path)?;
    Ok(())
}

/// There is nothing of the name in the scenario's directory.
#[then("the file {string} does not exist")]
fn does_not_exist(world: &mut World, path: String) -> StepResult {
    let found = world.cast().files().look_at(&path)?;
    expect(found.is_none(), || {
        format!("expected no file {path:?}, there is one")
    })
}

/// The file holds this text, but for a final line end; JSON below `"""json` compares as JSON.
#[then("the file {string} contains:")]
fn contains(world: &mut World, step: &gherkin::Step, path: String) -> StepResult {
    let found = content(world, &path)?;
    let found = String::from_utf8(found).map_err(|_| format!("the file {path:?} is no text"))?;
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

/// The files and backups of the file services, all there are, in order of their paths.
#[then("the files are:")]
fn files_are(world: &mut World, step: &gherkin::Step) -> StepResult {
    let expected = column(step)?.join("\n");
    let found = world.cast().files().on_disk()?.join("\n");
    Ok(compare_lines(&expected, &found)
        .map_err(|difference| format!("expected (-) and found (+) files differ:\n{difference}"))?)
}

/// No staging file, and no file of a deed that was undone.
#[then("no file is left behind")]
fn none_left_behind(world: &mut World) -> StepResult {
    let undone: BTreeSet<Arc<str>> = world.timeline().read(|events| {
        let undone = |kind: &EventKind| match kind {
            EventKind::Effect {
                key: Key::Undo(subject),
                ..
            } => Some(Arc::clone(subject)),
            _ => None,
        };
        events
            .iter()
            .filter_map(|event| undone(&event.kind))
            .collect()
    });
    let files = world.cast().files();
    // Where no file was ever made, that none is left behind would prove nothing.
    expect(files.were_asked(), || {
        "no file service was asked to change a file, so none could be left behind".to_owned()
    })?;
    let left = files.left_behind(|subject| undone.contains(subject))?;
    expect(left.is_empty(), || {
        format!(
            "expected no file to be left behind, these are:\n  {}",
            left.join("\n  ")
        )
    })
}

/// The bytes of a file that must be there.
fn content(world: &mut World, path: &str) -> Result<Vec<u8>, String> {
    let files = world.cast().files();
    let found = files.look_at(path).map_err(|failure| failure.message)?;
    found.ok_or_else(|| {
        let there = files.on_disk().unwrap_or_default();
        let hint = did_you_mean(path, there.iter().map(String::as_str));
        format!("the file {path:?} does not exist: {hint}")
    })
}

fn is_json(world: &World) -> bool {
    world.scenario().media_type.as_deref() == Some("json")
}
