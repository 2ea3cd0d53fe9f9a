use cucumber::{Parameter, codegen::inventory, gherkin};
use rehearsal_macros::then;
use std::{convert::Infallible, str::FromStr};

use super::{
    CallParameter, DurationParameter, StepResult,
    failing::expect,
    parameters::{column, has_values},
};
use crate::{
    domain::{WorkflowStatus, format_duration},
    harness::{ParameterType, World, compare_lines},
    orchestration::{Outcome, RunError},
};

/// `{ending}`: the status of an ended run, or of one that is partially successful so far.
#[derive(Debug, Parameter)]
#[param(
    name = "ending",
    regex = "rolled back|cancelled|degraded|interrupted|partially successful"
)]
pub struct Ending(WorkflowStatus);

inventory::submit!(ParameterType::of::<Ending>());

impl FromStr for Ending {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(match text {
            "rolled back" => WorkflowStatus::RolledBack,
            "cancelled" => WorkflowStatus::Cancelled,
            "degraded" => WorkflowStatus::Degraded,
            "partially successful" => WorkflowStatus::PartiallySuccessful,
            _ => WorkflowStatus::Interrupted,
        }))
    }
}

/// Every step completed.
#[then("the workflow completes")]
fn completes(world: &mut World) -> StepResult {
    ended_as(world, WorkflowStatus::Completed)
}

/// The status, unless it completed or failed.
#[then("the workflow is {ending}")]
fn is(world: &mut World, ending: Ending) -> StepResult {
    ended_as(world, ending.0)
}

/// It failed, and so did a compensation.
#[then("the workflow fails")]
fn fails(world: &mut World) -> StepResult {
    ended_as(world, WorkflowStatus::Failed)
}

/// It failed with this code first, and so did a compensation.
#[then("the workflow fails with {string}")]
fn fails_with(world: &mut World, code: String) -> StepResult {
    ended_as(world, WorkflowStatus::Failed)?;
    let outcome = world.runs().outcome()?;
    let found = outcome
        .error
        .as_ref()
        .map_or("no error", |error| &error.code);
    expect(found == code, || {
        format!(
            "expected the workflow to fail with {code}, {}\n{}",
            describe(outcome),
            fitting(outcome)
        )
    })
}

/// An invalid definition, or a run id that is taken: refused before any call.
#[then("the workflow is refused with {string}")]
fn is_refused(world: &mut World, code: String) -> StepResult {
    for result in world.runs().results()? {
        match result {
            Err(RunError::Refused(failure)) if *failure.code == *code => {}
            Err(error) => {
                return Err(format!(
                    "expected the workflow to be refused with {code}, but {error}"
                )
                .into());
            }
            Ok(outcome) => {
                let found = describe(outcome);
                return Err(
                    format!("expected the workflow to be refused with {code}, {found}").into(),
                );
            }
        }
    }
    Ok(())
}

/// The message of the refusal, and the JSON pointer that it names.
#[then("the refusal names {string} and says {string}")]
fn refusal(world: &mut World, field: String, message: String) -> StepResult {
    expect(!message.is_empty(), || {
        "every message says nothing: expected a part of the message".to_owned()
    })?;
    match world.runs().results()?.last() {
        Some(Err(RunError::Refused(failure))) => {
            let found = failure.field.as_deref().unwrap_or("nothing");
            let says = failure.message.contains(&message);
            expect(found == field && says, || {
                format!(
                    "expected a refusal that names {field:?} and says {message:?}, found {found:?} and {:?}",
                    failure.message
                )
            })
        }
        _ => Err("the workflow was not refused".into()),
    }
}

/// Virtual time of the last When only, compensation included.
#[then("it takes {duration}")]
fn takes(world: &mut World, expected: DurationParameter) -> StepResult {
    let (expected, found) = (expected.value()?, took(world)?);
    expect(found == expected, || {
        let format = format_duration;
        format!(
            "expected it to take {}, it took {}",
            format(expected),
            format(found)
        )
    })
}

/// Virtual time of the last When only, compensation included.
#[then("it takes at most {duration}")]
fn takes_at_most(world: &mut World, limit: DurationParameter) -> StepResult {
    let (limit, found) = (limit.value()?, took(world)?);
    expect(found <= limit, || {
        let format = format_duration;
        format!(
            "expected it to take at most {}, it took {}",
            format(limit),
            format(found)
        )
    })
}

fn took(world: &World) -> Result<std::time::Duration, String> {
    let no_when = || "there is no When before this step".to_owned();
    world.when_took().ok_or_else(no_when)
}

/// The completed steps, by completion.
#[then("the steps run in this order:")]
fn steps_run_in_order(world: &mut World, step: &gherkin::Step) -> StepResult {
    let expected = column(step)?;
    let found: Vec<&str> = {
        let outcome = world.runs().outcome()?;
        outcome.order.iter().map(|id| &**id).collect()
    };
    same_lines("steps", &expected, &found)
}

/// The calls of compensations, by start, including failed ones and those of child runs.
#[then("these compensations run in order:")]
fn compensations_run_in_order(world: &mut World, step: &gherkin::Step) -> StepResult {
    let expected = column(step)?;
    let outcome = world.runs().outcome()?;
    let calls = outcome.compensations.iter();
    let found: Vec<&str> = calls
        .filter_map(|compensation| Some(compensation.call.as_ref()?.as_str()))
        .collect();
    same_lines("compensations", &expected, &found)
}

/// No step had to be undone.
#[then("no compensation runs")]
fn no_compensation_runs(world: &mut World) -> StepResult {
    for outcome in world.runs().outcomes()? {
        if let Some(first) = outcome.compensations.first() {
            return Err(format!("expected no compensation, that of {} ran", first.step).into());
        }
    }
    Ok(())
}

/// The first failure, and its origin.
#[then("the error is {string} from {call}")]
fn error_is(world: &mut World, code: String, call: CallParameter) -> StepResult {
    let call = call.name()?;
    let outcome = world.runs().outcome()?;
    let found = outcome
        .error
        .as_ref()
        .map(|error| (&*error.code, error.origin()));
    expect(found == Some((&code, Some(call.clone()))), || {
        format!(
            "expected the error {code} from {call}, {}",
            describe(outcome)
        )
    })
}

/// Values of the last run's outcome, by JSON Pointer.
#[then("the outcome has:")]
fn outcome_has(world: &mut World, step: &gherkin::Step) -> StepResult {
    let outcome = serde_json::to_value(world.runs().outcome()?)?;
    has_values(step, &outcome)
}

fn ended_as(world: &mut World, expected: WorkflowStatus) -> StepResult {
    if let Some(Err(RunError::Refused(failure))) = world.runs().results()?.last() {
        return Err(format!(
            "{failure}\n  what fits: Then the workflow is refused with \"{}\"",
            failure.code
        )
        .into());
    }
    for outcome in world.runs().outcomes()? {
        if outcome.status != expected {
            let expected = expected.as_str().replace('_', " ");
            return Err(format!(
                "expected the workflow to be {expected}, {}\n{}",
                describe(outcome),
                fitting(outcome)
            )
            .into());
        }
    }
    Ok(())
}

/// The phrases that are true of a run.
fn fitting(outcome: &Outcome) -> String {
    let phrase = match outcome.status {
        WorkflowStatus::Completed => "the workflow completes".to_owned(),
        WorkflowStatus::Failed => "the workflow fails".to_owned(),
        status => format!("the workflow is {}", status.as_str().replace('_', " ")),
    };
    let mut text = format!("  what fits: Then {phrase}");
    if let Some(error) = &outcome.error
        && let Some(origin) = error.origin()
    {
        text += &format!(
            "\n             And the error is \"{}\" from \"{origin}\"",
            error.code
        );
    }
    text
}

/// How a run ended, for messages.
fn describe(outcome: &Outcome) -> String {
    let status = outcome.status.as_str().replace('_', " ");
    let mut text = format!("the run {} is {status}", outcome.run);
    if let Some(error) = &outcome.error {
        text += &format!("\n  first failure: {error}");
    }
    for compensation in &outcome.compensations {
        if let Some(error) = &compensation.error {
            text += &format!("\n  compensation of {}: {error}", compensation.step);
        }
    }
    text
}

fn same_lines(what: &str, expected: &[&str], found: &[&str]) -> StepResult {
    Ok(compare_lines(&expected.join("\n"), &found.join("\n"))
        .map_err(|difference| format!("expected (-) and found (+) {what} differ:\n{difference}"))?)
}
