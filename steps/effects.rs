//! What calls have changed, and what services were sent.

use std::{collections::HashSet, sync::Arc};

use cucumber::gherkin;
use rehearsal_macros::then;
use serde_json::{Map, Value};

use super::{
    CallParameter, StepResult,
    failing::{expect, something_happened},
    parameters::{has_json, has_values, header_and_rows},
};
use crate::{
    domain::{CallName, IndexMap, Key, format_duration},
    harness::{World, compare_rows},
    observability::{Event, EventKind},
};

/// No call had an effect on a service.
#[then("nothing has an effect")]
fn nothing_has_an_effect(world: &mut World) -> StepResult {
    something_happened(world)?;
    let first = world.timeline().read(|events| {
        let effect = |event: &&Event| matches!(event.kind, EventKind::Effect { .. });
        events.iter().find(effect).map(Event::fields)
    });
    match first {
        None => Ok(()),
        Some(effect) => Err(format!("expected no effect, found {}", Value::Object(effect)).into()),
    }
}

/// There were effects, in time or late, and all were undone.
#[then("no effect remains")]
fn no_effect_remains(world: &mut World) -> StepResult {
    let (happened, remain) = world
        .timeline()
        .read(|events| (happened(events), remaining(events)));
    // If nothing ever had an effect, that none remains would prove nothing.
    expect(!happened.is_empty(), || "nothing had an effect".to_owned())?;
    expect(remain.is_empty(), || {
        let remain: Vec<_> = remain
            .iter()
            .map(|((call, key), _)| format!("  {call} ({})", shown(key)))
            .collect();
        format!(
            "expected no effect to remain, these do:\n{}",
            remain.join("\n")
        )
    })
}

/// Every effect, undos included, by call and key, in the order in which they first happened.
#[then("these effects happened:")]
fn effects_happened(world: &mut World, step: &gherkin::Step) -> StepResult {
    compare_effects(step, &world.timeline().read(happened))
}

/// The effects that were not undone, by call and key; an undo takes back one.
#[then("these effects remain:")]
fn effects_remain(world: &mut World, step: &gherkin::Step) -> StepResult {
    compare_effects(step, &world.timeline().read(remaining))
}

/// How often something happened, by call and key, in the order of the first times.
type EffectCounts = IndexMap<(CallName, Key), u32>;

fn happened(events: &[Event]) -> EffectCounts {
    let mut counts = EffectCounts::default();
    for event in events {
        if let EventKind::Effect { call, key } = &event.kind {
            *counts.entry((call.clone(), key.clone())).or_default() += 1;
        }
    }
    counts
}

fn remaining(events: &[Event]) -> EffectCounts {
    let mut counts = EffectCounts::default();
    for event in events {
        let EventKind::Effect { call, key } = &event.kind else {
            continue;
        };
        match key {
            Key::Do(_) => *counts.entry((call.clone(), key.clone())).or_default() += 1,
            Key::Undo(subject) => {
                let mut latest = counts.iter_mut().rev();
                let is_undone = |((_, done), count): &(&(CallName, Key), &mut u32)| {
                    done.subject() == subject && **count > 0
                };
                if let Some((_, count)) = latest.find(is_undone) {
                    *count -= 1;
                }
            }
        }
    }
    counts.retain(|_, count| *count > 0);
    counts
}

fn compare_effects(step: &gherkin::Step, counts: &EffectCounts) -> StepResult {
    const COLUMNS: [&str; 3] = ["call", "key", "times"];
    let (header, rows) = header_and_rows(step, &COLUMNS)?;
    let row = |((call, key), times): (&(CallName, Key), &u32)| {
        let mut row = Map::new();
        row.insert("call".to_owned(), call.as_str().into());
        row.insert("key".to_owned(), key.to_string().into());
        row.insert("times".to_owned(), (*times).into());
        row
    };
    let found: Vec<_> = counts.iter().map(row).collect();
    let repeated =
        |((_, key), times): &(&(CallName, Key), &u32)| key.subject().is_missing() && **times > 1;
    compare_rows(header, rows, &found).map_err(|error| match counts.iter().find(repeated) {
        Some(((call, _), times)) => format!(
            "{error}\n{call} was called {times} times without an idempotency key, so each had an effect of its own"
        ),
        None => error,
    })?;
    Ok(())
}

/// A key in a message.
fn shown(key: &Key) -> String {
    match key.subject().is_missing() {
        true => "without a key".to_owned(),
        false => key.to_string(),
    }
}

/// Every key had at most one effect and one undo.
#[then("no effect happens twice")]
fn no_effect_twice(world: &mut World) -> StepResult {
    let mut seen = HashSet::new();
    let twice = world.timeline().read(|events| {
        events.iter().find_map(|event| match &event.kind {
            EventKind::Effect { call, key } if !seen.insert(key.clone()) => {
                let key = shown(key);
                Some(format!("{call} ({key}) at {}", format_duration(event.at)))
            }
            _ => None,
        })
    });
    expect(!seen.is_empty(), || "nothing had an effect".to_owned())?;
    match twice {
        None => Ok(()),
        Some(twice) => Err(format!("an effect happens twice: {twice}").into()),
    }
}

/// What a service was sent in the last execution of a call: as a doc string whole, as a table of
/// `path` and `value` in part.
#[then("{call} received:")]
fn received(world: &mut World, step: &gherkin::Step, call: CallParameter) -> StepResult {
    let call = call.name()?;
    compare_received(world, step, &call, None)
}

/// The same of one execution, counted from 1 over the whole scenario.
#[then("{call} received in execution {int}:")]
fn received_in(
    world: &mut World,
    step: &gherkin::Step,
    call: CallParameter,
    execution: u32,
) -> StepResult {
    let call = call.name()?;
    compare_received(world, step, &call, Some(execution))
}

fn compare_received(
    world: &mut World,
    step: &gherkin::Step,
    call: &CallName,
    execution: Option<u32>,
) -> StepResult {
    world.registry().check(call)?;
    let inputs: Vec<(u32, Arc<Value>)> = world.timeline().read(|events| {
        let sent = |event: &Event| match &event.kind {
            EventKind::CallStarted {
                head,
                execution,
                input,
                ..
            } if head.name == *call => Some((*execution, Arc::clone(input))),
            _ => None,
        };
        events.iter().filter_map(sent).collect()
    });
    let found = match execution {
        None => inputs.last(),
        Some(wanted) => inputs.iter().find(|(execution, _)| *execution == wanted),
    };
    let Some((_, input)) = found else {
        let executions = match inputs.len() {
            0 => "it was never executed".to_owned(),
            count => format!("it was executed {count} time(s)"),
        };
        return Err(format!("{call} received nothing: {executions}").into());
    };
    match step.docstring {
        Some(_) => has_json(world, step, input),
        None => has_values(step, input),
    }
}
