//! The audit trail and the golden signals.

use std::collections::BTreeSet;

use cucumber::gherkin;
use rehearsal_macros::{given, then, when};
use serde_json::{Map, Value};

use super::{
    CountParameter, StepError, StepResult,
    failing::{expect, something_happened},
    parameters::{has_values, header_and_rows},
};
use crate::{
    domain::{did_you_mean, typo_of},
    harness::{World, compare_rows, rows_in_order},
    observability::{AuditEntry, AuditTrail, AuditType, GoldenSignals},
};

/// An entry of each decision and each interaction with a service from now on, in memory.
#[given("an audit trail")]
fn in_memory(world: &mut World) -> StepResult {
    Ok(world.keep_audit_trail(None)?)
}

/// The same, in a file of the scenario's directory: in SQLite if its name ends in `.db` or `.sqlite`, as
/// JSON lines if it ends in `.jsonl`.
#[given("the audit trail is kept in {string}")]
fn in_a_file(world: &mut World, file: String) -> StepResult {
    Ok(world.keep_audit_trail(Some(&file))?)
}

/// From now on, writing an entry fails.
#[given("the audit trail cannot be written")]
#[when("the audit trail cannot be written")]
fn cannot_be_written(world: &mut World) -> StepResult {
    Ok(world.fail_audit_trail()?)
}

/// Closes the file of the audit trail and opens it as a new process does.
#[when("the audit trail is reopened")]
fn is_reopened(world: &mut World) -> StepResult {
    Ok(world.reopen_audit_trail()?)
}

/// A row matches an entry with all its values; other entries may come between. A column is a field of the
/// entry, or a JSON Pointer into it such as `/metadata/took`.
#[then("the audit trail has, in order:")]
fn trail_has(world: &mut World, step: &gherkin::Step) -> StepResult {
    let mut entries = world.audit_trail()?.recent(usize::MAX)?;
    entries.reverse();
    has_in_order(step, &entries)
}

/// The same, of a trace: that of a goal, a call's W3C trace, or a workflow's run.
#[then("the audit trail of {string} has, in order:")]
fn trail_of_trace_has(world: &mut World, step: &gherkin::Step, trace: String) -> StepResult {
    let trail = world.audit_trail()?;
    let entries = trail.of_trace(&trace)?;
    if entries.is_empty() {
        let traces = traces(&trail)?;
        let hint = did_you_mean(&trace, traces.iter().map(String::as_str));
        return Err(format!("the audit trail has no entry of {trace:?}: {hint}").into());
    }
    has_in_order(step, &entries)
}

/// The number of entries of a trace.
#[then("the audit trail of {string} has {count} entry/entries")]
fn trail_of_trace_has_so_many(
    world: &mut World,
    trace: String,
    expected: CountParameter,
) -> StepResult {
    let expected = expected.value()? as usize;
    let trail = world.audit_trail()?;
    let found = trail.of_trace(&trace)?.len();
    if expected == 0 {
        // A typo would not fail it.
        something_happened(world)?;
        let traces = traces(&trail)?;
        let meant = typo_of(&trace, traces.iter().map(String::as_str));
        expect(found > 0 || meant.is_none(), || {
            let meant = meant.unwrap_or_default();
            format!("the audit trail has no entry of {trace:?}: did you mean {meant:?}?")
        })?;
    }
    expect(found == expected, || {
        format!("expected {expected} entries of {trace:?} in the audit trail, found {found}")
    })
}

/// The number of entries of a type: `planning`, `routing`, `approval`, `budget`, `refusal` or
/// `interaction`.
#[then("the audit trail has {count} entry/entries of type {string}")]
fn trail_has_so_many(world: &mut World, expected: CountParameter, kind: String) -> StepResult {
    let expected = expected.value()? as usize;
    let kind: AuditType = kind.parse()?;
    let found = world.audit_trail()?.of_type(kind, usize::MAX)?.len();
    if expected == 0 {
        something_happened(world)?;
    }
    expect(found == expected, || {
        let kind = kind.as_str();
        format!("expected {expected} entries of type {kind:?} in the audit trail, found {found}")
    })
}

/// The latest entries of all, newest first.
#[then("the latest {count} entry/entries of the audit trail is/are:")]
fn latest_are(world: &mut World, step: &gherkin::Step, count: CountParameter) -> StepResult {
    let entries = world.audit_trail()?.recent(count.value()? as usize)?;
    let (header, expected) = table(step)?;
    Ok(compare_rows(header, expected, &rows(header, &entries)?)?)
}

/// Rates, latency, steps and waits of everything so far, by JSON Pointer.
#[then("the golden signals have:")]
fn golden_signals_have(world: &mut World, step: &gherkin::Step) -> StepResult {
    something_happened(world)?;
    has_values(step, &world.timeline().read(GoldenSignals::of))
}

fn has_in_order(step: &gherkin::Step, entries: &[AuditEntry]) -> StepResult {
    let (header, expected) = table(step)?;
    Ok(rows_in_order(header, expected, &rows(header, entries)?)?)
}

/// The header and the rows of a table of entries, whose columns and types exist.
fn table(step: &gherkin::Step) -> Result<(&[String], &[Vec<String>]), StepError> {
    let (header, rows) = header_and_rows(step, &[])?;
    for column in header {
        let field = match column.strip_prefix('/') {
            Some(pointer) => pointer.split('/').next().unwrap_or(pointer),
            None => column,
        };
        if !AuditEntry::FIELDS.contains(&field) {
            let hint = did_you_mean(field, AuditEntry::FIELDS);
            return Err(format!("column {column:?} does not exist: {hint}").into());
        }
    }
    for row in rows {
        if row.iter().all(String::is_empty) {
            return Err("a row needs a value, as every entry matches an empty one".into());
        }
        let cells = header.iter().zip(row);
        for (_, kind) in cells.filter(|(column, cell)| *column == "type" && !cell.is_empty()) {
            kind.parse::<AuditType>()?;
        }
    }
    Ok((header, rows))
}

/// The entries with the columns of a table.
fn rows(header: &[String], entries: &[AuditEntry]) -> Result<Vec<Map<String, Value>>, StepError> {
    let mut rows = Vec::new();
    for entry in entries {
        let entry = serde_json::to_value(entry)?;
        let pointers = header.iter().filter(|column| column.starts_with('/'));
        let columns =
            pointers.filter_map(|pointer| Some((pointer.clone(), entry.pointer(pointer)?.clone())));
        let mut row: Map<String, Value> = columns.collect();
        row.extend(entry.as_object().cloned().unwrap_or_default());
        rows.push(row);
    }
    Ok(rows)
}

fn traces(trail: &AuditTrail) -> Result<BTreeSet<String>, StepError> {
    let entries = trail.recent(usize::MAX)?;
    Ok(entries
        .iter()
        .map(|entry| entry.trace.to_string())
        .collect())
}
