//! Assertions on executions, waits, events, effects and secrets.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use cucumber::gherkin;
use rehearsal_macros::then;
use serde_json::{Map, Value};

use super::{
    CallParameter, CountParameter, DurationParameter, StepResult,
    failing::{expect, something_happened},
    parameters::header_and_rows,
};
use crate::{
    domain::{
        CallName, Credential, RequestStatus, StepStatus, WorkflowStatus, did_you_mean,
        format_duration, parse_duration,
    },
    harness::{World, compare_rows, is_logged, rows_in_order},
    observability::{EVENT_FIELDS, Event, EventKind, REDACTED, looks_secret},
};

/// Every execution, compensations included, in order of start.
#[then("the calls are:")]
fn calls_are(world: &mut World, step: &gherkin::Step) -> StepResult {
    const COLUMNS: [&str; 5] = ["at", "call", "execution", "took", "result"];
    let (header, rows) = header_and_rows(step, &COLUMNS)?;
    let found = world.timeline().read(executions);
    Ok(compare_rows(header, rows, &found)?)
}

fn executions(events: &[Event]) -> Vec<Map<String, Value>> {
    let mut rows: Vec<Map<String, Value>> = Vec::new();
    let mut open: HashMap<(CallName, u32), usize> = HashMap::new();
    for event in events {
        match &event.kind {
            EventKind::CallStarted {
                head, execution, ..
            } => {
                let mut row = Map::new();
                row.insert("at".to_owned(), format_duration(event.at).into());
                row.insert("call".to_owned(), head.name.as_str().into());
                row.insert("execution".to_owned(), (*execution).into());
                open.insert((head.name.clone(), *execution), rows.len());
                rows.push(row);
            }
            EventKind::CallEnded {
                head,
                execution,
                took,
                result,
                ..
            } => {
                if let Some(index) = open.remove(&(head.name.clone(), *execution)) {
                    rows[index].insert("took".to_owned(), format_duration(*took).into());
                    rows[index].insert("result".to_owned(), (**result).into());
                }
            }
            _ => {}
        }
    }
    rows
}

/// How often an operation was executed.
#[then("{call} is executed {count} time(s)")]
fn is_executed(world: &mut World, call: CallParameter, count: CountParameter) -> StepResult {
    executed(world, call, count.value()?)
}

/// An operation was not executed at all.
#[then("{call} is never executed")]
fn is_never_executed(world: &mut World, call: CallParameter) -> StepResult {
    executed(world, call, 0)
}

fn executed(world: &mut World, call: CallParameter, expected: u32) -> StepResult {
    let call = call.name()?;
    if expected == 0 {
        world.registry().check_named(&call)?;
        something_happened(world)?;
    }
    world.registry().check(&call)?;
    let found = world.timeline().read(|events| {
        let own = |event: &&Event| matches!(&event.kind, EventKind::CallStarted { head, .. } if head.name == call);
        events.iter().filter(own).count()
    });
    expect(found == expected as usize, || {
        format!("expected {call} to be executed {expected} time(s), found {found}")
    })
}

/// From the end of one execution to the start of the next, within the last call.
#[then("{call} waits {string} between executions")]
fn waits_between_executions(world: &mut World, call: CallParameter, waits: String) -> StepResult {
    let call = call.name()?;
    world.registry().check(&call)?;
    let expected = waits
        .split(',')
        .map(parse_duration)
        .collect::<Result<Vec<_>, _>>()?;
    let found = world.timeline().read(|events| waits_between(events, &call));
    let found = found.ok_or_else(|| format!("{call} was never executed"))?;
    expect(found == expected, || {
        let shown = |waits: &[Duration]| {
            let waits: Vec<_> = waits.iter().map(|wait| format_duration(*wait)).collect();
            waits.join(", ")
        };
        format!(
            "expected {call} to wait {:?} between executions, found {:?}",
            shown(&expected),
            shown(&found)
        )
    })
}

/// Each wait is within its range, such as `75 ms to 125 ms`.
#[then("{call} waits within {string} between executions")]
fn waits_within(world: &mut World, call: CallParameter, ranges: String) -> StepResult {
    let call = call.name()?;
    world.registry().check(&call)?;
    let mut expected = Vec::new();
    for range in ranges.split(',') {
        let (from, to) = range.split_once(" to ").ok_or_else(|| {
            format!("{range:?} is not a valid range, expected one such as \"75 ms to 125 ms\"")
        })?;
        expected.push(parse_duration(from)?..=parse_duration(to)?);
    }
    let found = world.timeline().read(|events| waits_between(events, &call));
    let found = found.ok_or_else(|| format!("{call} was never executed"))?;
    let fits = found.len() == expected.len()
        && found
            .iter()
            .zip(&expected)
            .all(|(wait, range)| range.contains(wait));
    expect(fits, || {
        let found: Vec<_> = found.iter().map(|wait| format_duration(*wait)).collect();
        format!(
            "expected {call} to wait within {ranges:?}, found {:?}",
            found.join(", ")
        )
    })
}

fn waits_between(events: &[Event], wanted: &CallName) -> Option<Vec<Duration>> {
    let last = events.iter().rev().find_map(|event| match &event.kind {
        EventKind::CallStarted { head, number, .. } if head.name == *wanted => Some(*number),
        _ => None,
    })?;
    let mut ended = None;
    let mut waits = Vec::new();
    for event in events {
        match &event.kind {
            EventKind::CallStarted { number, .. } if *number == last => {
                waits.extend(ended.map(|ended| event.at.saturating_sub(ended)));
            }
            EventKind::CallEnded { number, .. } if *number == last => ended = Some(event.at),
            _ => {}
        }
    }
    Some(waits)
}

/// The maximum number of concurrent executions of a service.
#[then("at most {count} call(s) to {string} run at once")]
fn at_most_at_once(world: &mut World, limit: CountParameter, service: String) -> StepResult {
    let limit = limit.value()?;
    let names: HashSet<Arc<str>> = if world.registry().has_class(&service) {
        world.registry().of_class(&service).into_iter().collect()
    } else {
        world.registry().check_service(&service)?;
        HashSet::from([service.as_str().into()])
    };
    let (mut now, mut most) = (0_i64, 0_i64);
    world.timeline().read(|events| {
        for event in events {
            let (call, change) = match &event.kind {
                EventKind::CallStarted { head, .. } => (&head.name, 1),
                EventKind::CallEnded { head, .. } => (&head.name, -1),
                _ => continue,
            };
            if names.contains(call.service()) {
                now += change;
                most = most.max(now);
            }
        }
    });
    expect(most > 0, || format!("{service} was never called"))?;
    expect(most <= i64::from(limit), || {
        format!("expected at most {limit} concurrent calls to {service}, found {most}")
    })
}

/// No execution of a service starts later than that, since the scenario's start.
#[then("no call to {string} starts after {duration}")]
fn none_starts_after(world: &mut World, service: String, limit: DurationParameter) -> StepResult {
    let limit = limit.value()?;
    world.registry().check_service(&service)?;
    let starts: Vec<Duration> = world.timeline().read(|events| {
        let starts = events.iter().filter(|event| {
            matches!(&event.kind, EventKind::CallStarted { head, .. } if head.name.service() == service)
        });
        starts.map(|event| event.at).collect()
    });
    let last = starts.last().copied();
    let last = last.ok_or_else(|| format!("{service} was never called"))?;
    expect(last <= limit, || {
        format!(
            "expected no call to {service} after {}, one starts at {}",
            format_duration(limit),
            format_duration(last)
        )
    })
}

/// A row matches an event with all its values; other events may come between.
#[then("the timeline has, in order:")]
fn timeline_has(world: &mut World, step: &gherkin::Step) -> StepResult {
    let (header, rows) = header_and_rows(step, &[])?;
    rows.iter().try_for_each(|row| check_event(header, row))?;
    let found: Vec<_> = world
        .timeline()
        .read(|events| events.iter().map(Event::fields).collect());
    Ok(rows_in_order(header, rows, &found)?)
}

/// No event has all the values of a row.
#[then("the timeline has none of:")]
fn timeline_has_none(world: &mut World, step: &gherkin::Step) -> StepResult {
    something_happened(world)?;
    let (header, rows) = header_and_rows(step, &[])?;
    let found: Vec<_> = world
        .timeline()
        .read(|events| events.iter().map(Event::fields).collect());
    for row in rows {
        check_event(header, row)?;
        check_names(world, header, row)?;
        expect(
            rows_in_order(header, std::slice::from_ref(row), &found).is_err(),
            || format!("expected no event | {} |, found one", row.join(" | ")),
        )?;
    }
    Ok(())
}

/// Checks that an event of a row can occur: that its kind exists and has the fields of the row.
fn check_event(header: &[String], row: &[String]) -> StepResult {
    const OF_ALL: [&str; 2] = ["at", "event"];
    const TIMES: [&str; 7] = ["at", "took", "delay", "lag", "timeout", "firstAt", "lastAt"];
    let filled = header.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
    let filled: Vec<(&str, &str)> = filled.map(|(name, cell)| (&**name, &**cell)).collect();
    if filled.is_empty() {
        return Err("a row needs a value, as every event matches an empty one".into());
    }
    let kind = cell(header, row, "event");
    let kinds = EVENT_FIELDS.iter();
    let kinds = kinds.filter(|(own, _)| kind.is_none_or(|kind| kind == *own));
    let fields: Vec<&str> = kinds.flat_map(|(_, fields)| *fields).copied().collect();
    let fields: BTreeSet<&str> = OF_ALL.into_iter().chain(fields).collect();
    if let Some(kind) = kind
        && !EVENT_FIELDS.iter().any(|(own, _)| kind == *own)
    {
        let hint = did_you_mean(kind, EVENT_FIELDS.iter().map(|(own, _)| *own));
        return Err(format!("event {kind:?} does not exist: {hint}").into());
    }
    for (column, cell) in filled {
        if !fields.contains(column) {
            let whose = kind.unwrap_or("any event");
            let hint = did_you_mean(column, fields);
            return Err(format!("{column:?} is not a field of {whose}: {hint}").into());
        }
        if TIMES.contains(&column) {
            parse_duration(cell)?;
        }
    }
    Ok(())
}

/// Checks the names in a row that no event should match, where all that there are are known.
fn check_names(world: &mut World, header: &[String], row: &[String]) -> StepResult {
    if let Some(call) = cell(header, row, "call") {
        world.registry().check(&call.parse()?)?;
    }
    if let Some(status) = cell(header, row, "status") {
        let workflows = WorkflowStatus::ALL.map(WorkflowStatus::as_str).into_iter();
        let steps = StepStatus::ALL.map(StepStatus::as_str);
        let requests = RequestStatus::ALL.map(RequestStatus::as_str);
        let health = ["healthy", "unhealthy", "unknown"];
        let known = workflows.chain(steps).chain(requests).chain(health);
        check_name("status", status, known.collect())?;
    }
    if let Some(step) = cell(header, row, "step") {
        let steps = world.runs().steps();
        check_name("step", step, steps.iter().map(String::as_str).collect())?;
    }
    Ok(())
}

fn check_name(what: &str, name: &str, known: BTreeSet<&str>) -> StepResult {
    // Without a workflow, its steps are not known.
    expect(known.is_empty() || known.contains(name), || {
        let hint = did_you_mean(name, known.iter().copied());
        format!("{what} {name:?} does not exist: {hint}")
    })
}

/// The cell of a row in a column, unless it is empty.
fn cell<'a>(header: &[String], row: &'a [String], column: &str) -> Option<&'a str> {
    let index = header.iter().position(|own| own == column)?;
    row.get(index)
        .map(String::as_str)
        .filter(|cell| !cell.is_empty())
}

/// No value of a secret-looking field and no credential of a call is visible in the timeline, the audit trail, the
/// outcome or the logs.
#[then("no secret is visible")]
fn no_secret(world: &mut World) -> StepResult {
    let mut shown: Vec<Value> = world.timeline().read(|events| {
        events
            .iter()
            .map(|event| Value::Object(event.fields()))
            .collect()
    });
    if let Some(trail) = world.timeline().audit_trail() {
        let entries = trail.recent(usize::MAX)?;
        let entries = entries.iter().map(serde_json::to_value);
        shown.extend(entries.collect::<Result<Vec<_>, _>>()?);
    }
    if let Ok(outcome) = world.runs().outcome() {
        shown.push(serde_json::to_value(outcome)?);
    }
    let credentials = world.timeline().read(credentials);
    for credential in &credentials {
        // As it reads within JSON.
        let secret = Value::from(credential.secret()).to_string();
        let secret = secret.trim_matches('"');
        let found = shown
            .iter()
            .find(|value| value.to_string().contains(secret));
        if let Some(value) = found {
            let value = value.to_string().replace(secret, REDACTED);
            return Err(format!("a credential is visible, as {REDACTED} in {value}").into());
        }
        if is_logged(credential.secret()) {
            return Err("a credential is visible in the logs".into());
        }
    }
    let mut secrets = Vec::new();
    for value in &shown {
        find_secrets(value, String::new(), &mut secrets);
    }
    match secrets.iter().find(|(_, value)| **value != REDACTED) {
        Some((pointer, _)) => Err(format!("a secret is visible at {pointer}").into()),
        None => expect(!(secrets.is_empty() && credentials.is_empty()), || {
            "no secret was there to be hidden, so this proves nothing: no call has a credential, and no field of \
             a call or of the outcome has a name such as password, token or apiKey"
                .to_owned()
        }),
    }
}

/// The credentials of the calls.
fn credentials(events: &[Event]) -> Vec<Credential> {
    let credential = |event: &Event| match &event.kind {
        EventKind::CallStarted { head, .. } | EventKind::CallRefused { head, .. } => {
            head.context.security.as_ref()?.credential.clone()
        }
        _ => None,
    };
    let mut credentials: Vec<_> = events.iter().filter_map(credential).collect();
    credentials.dedup();
    credentials
}

/// The values of secret-looking fields, each with its JSON pointer.
fn find_secrets<'a>(value: &'a Value, pointer: String, found: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let pointer = format!("{pointer}/{name}");
                match looks_secret(name) && !value.is_null() {
                    true => found.push((pointer, value)),
                    false => find_secrets(value, pointer, found),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                find_secrets(item, format!("{pointer}/{index}"), found);
            }
        }
        _ => {}
    }
}
