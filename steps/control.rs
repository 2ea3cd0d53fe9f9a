//! Goals: the coordinator, its workers and plans, and what became of them.

use cucumber::gherkin;
use rehearsal_macros::{given, then, when};
use serde_json::{Value, json};

use super::{
    CountParameter, StepError, StepResult,
    failing::expect,
    parameters::{at_least_one, column, has_values, header_and_rows, json},
    runs::settle,
};
use crate::{
    control::{CoordinatorDefinition, Goal, PlanStep},
    domain::{CallName, LifecycleStage, from_json},
    harness::{World, compare_lines},
    observability::{ControlEvent, EventKind},
    orchestration::RunError,
};

/// By the definition below, in place of the former one.
#[given("the coordinator:")]
fn coordinator(world: &mut World, step: &gherkin::Step) -> StepResult {
    let definition: CoordinatorDefinition = json(world, step)?;
    let (control, runs) = world.control();
    Ok(control.define(definition, runs)?)
}

/// A coordinator of workers `w1`, `w2`, …, each of which takes a plan in turn.
#[given("{count} worker(s)")]
fn workers(world: &mut World, count: CountParameter) -> StepResult {
    let count = at_least_one(count, "worker")?;
    let workers: Vec<Value> = (1..=count)
        .map(|n| json!({ "id": format!("w{n}") }))
        .collect();
    let definition = serde_json::from_value(json!({ "workers": workers }))?;
    let (control, runs) = world.control();
    Ok(control.define(definition, runs)?)
}

/// Takes no plan from now on.
#[given("the worker {string} is not available")]
fn not_available(world: &mut World, worker: String) -> StepResult {
    Ok(world
        .control()
        .0
        .coordinator()?
        .set_available(&worker, false)?)
}

/// Takes plans again.
#[given("the worker {string} is available")]
fn available(world: &mut World, worker: String) -> StepResult {
    Ok(world
        .control()
        .0
        .coordinator()?
        .set_available(&worker, true)?)
}

/// The steps of the plans of all goals, in place of those that their words suggest.
#[given("the plan:")]
fn plan(world: &mut World, step: &gherkin::Step) -> StepResult {
    let steps = plan_steps(step)?;
    world.control().0.plan(steps);
    Ok(())
}

/// The words of goals suggest their plans again.
#[given("plans are made from words")]
fn plans_from_words(world: &mut World) {
    world.control().0.plan_from_words();
}

/// Another step in its place, counted from 1, when the goal resumes.
#[given("step {count} of the plan is mended:")]
fn mended(world: &mut World, step: &gherkin::Step, number: CountParameter) -> StepResult {
    let number = at_least_one(number, "step")?;
    let steps = plan_steps(step)?;
    let [mended] = <[PlanStep; 1]>::try_from(steps)
        .map_err(|steps| format!("expected one step, found {}", steps.len()))?;
    world.control().0.mend(number as usize - 1, mended);
    Ok(())
}

/// To its end, or to a crash.
#[when("the goal {string} is pursued")]
async fn pursued(world: &mut World, goal: String) -> StepResult {
    pursue(world, vec![Goal::new(goal)]).await
}

/// By the definition below.
#[when("the goal is pursued:")]
async fn pursued_with(world: &mut World, step: &gherkin::Step) -> StepResult {
    let goal: Goal = json(world, step)?;
    pursue(world, vec![goal]).await
}

/// Concurrently: a row for each, whose columns are fields of goals.
#[when("these goals are pursued at once:")]
async fn pursued_at_once(world: &mut World, step: &gherkin::Step) -> StepResult {
    let (header, rows) = header_and_rows(step, &[])?;
    let uri = &world.scenario().uri;
    let mut goals = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let cells = header.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        let fields: serde_json::Map<_, _> = cells
            .map(|(name, cell)| {
                let text = || Value::String(cell.clone());
                let value = match name.as_str() {
                    "goal" | "trace" => text(),
                    _ => serde_json::from_str(cell).unwrap_or_else(|_| text()),
                };
                (name.clone(), value)
            })
            .collect();
        let text = Value::Object(fields).to_string();
        let line = step.position.line + 2 + index;
        goals.push(from_json(&text, uri, line)?);
    }
    pursue(world, goals).await
}

/// The same goal so often, one time after the other.
#[when("the goal {string} is pursued {count} time(s)")]
async fn pursued_times(world: &mut World, goal: String, count: CountParameter) -> StepResult {
    for _ in 0..at_least_one(count, "time")? {
        pursue(world, vec![Goal::new(goal.clone())]).await?;
    }
    Ok(())
}

async fn pursue(world: &mut World, goals: Vec<Goal>) -> StepResult {
    let (control, runs) = world.control();
    Ok(control.pursue(goals, runs).await?)
}

/// In the background.
#[when("the goal {string} starts")]
async fn starts(world: &mut World, goal: String) -> StepResult {
    let (control, runs) = world.control();
    control.start(Goal::new(goal), runs)?;
    settle().await;
    Ok(())
}

/// One that was started.
#[when("the goal ends")]
async fn ends(world: &mut World) -> StepResult {
    let (control, runs) = world.control();
    Ok(control.wait(runs).await?)
}

/// From where it failed, with the steps that were mended, by another worker where its own is gone.
#[when("the goal resumes")]
async fn resumes(world: &mut World) -> StepResult {
    let (control, runs) = world.control();
    control.resume()?;
    Ok(control.wait(runs).await?)
}

/// As above, while the scenario goes on.
#[when("the goal resumes in the background")]
async fn resumes_in_background(world: &mut World) -> StepResult {
    world.control().0.resume()?;
    settle().await;
    Ok(())
}

/// Its plan is undone as far as it goes.
#[when("cancellation of the goal is requested")]
async fn cancelled(world: &mut World) -> StepResult {
    world.control().0.cancel()?;
    settle().await;
    Ok(())
}

/// All of the last goals are complete.
#[then("the goal(s) complete(s)")]
fn complete(world: &mut World) -> StepResult {
    ended(world, LifecycleStage::Complete, None)
}

/// The last goal failed, with this code.
#[then("the goal fails with {string}")]
fn fails(world: &mut World, code: String) -> StepResult {
    ended(world, LifecycleStage::Failed, Some(&code))
}

/// The last goal was given up.
#[then("the goal is cancelled")]
fn is_cancelled(world: &mut World) -> StepResult {
    ended(world, LifecycleStage::Cancelled, None)
}

/// Before anything was done, with this in the message.
#[then("the goal is refused, which says {string}")]
fn refused(world: &mut World, message: String) -> StepResult {
    let (control, runs) = world.control();
    match control.results(runs)?.last() {
        Some(Err(RunError::Refused(failure))) => {
            let found = failure.message.contains(&message) && !message.is_empty();
            expect(found, || {
                format!(
                    "expected a refusal that says {message:?}, found {:?}",
                    failure.message
                )
            })
        }
        Some(Err(error)) => Err(error.to_string().into()),
        _ => Err("the goal was not refused".into()),
    }
}

/// Values of what became of the last goal, by JSON Pointer.
#[then("the outcome of the goal has:")]
fn outcome_has(world: &mut World, step: &gherkin::Step) -> StepResult {
    let (control, runs) = world.control();
    let outcome = serde_json::to_value(control.outcome(runs)?)?;
    has_values(step, &outcome)
}

/// Values of what became of the last goals, in their order: `/0/…`, `/1/…`.
#[then("the outcomes of the goals have:")]
fn outcomes_have(world: &mut World, step: &gherkin::Step) -> StepResult {
    let mut outcomes = Vec::new();
    let (control, runs) = world.control();
    for result in control.results(runs)? {
        let outcome = result.as_ref().map_err(ToString::to_string)?;
        outcomes.push(serde_json::to_value(outcome)?);
    }
    has_values(step, &outcomes)
}

/// Those of the last goal, in order.
#[then("the stages are:")]
fn stages_are(world: &mut World, step: &gherkin::Step) -> StepResult {
    let expected = column(step)?;
    let found = world.timeline().read(|events| {
        let stages = events.iter().filter_map(|event| match &event.kind {
            EventKind::Control(event) => match &**event {
                ControlEvent::StageEntered { trace, stage, .. } => Some((trace.clone(), *stage)),
                _ => None,
            },
            _ => None,
        });
        stages.collect::<Vec<_>>()
    });
    let last = found.last().map(|(trace, _)| trace.clone());
    let begins = found.iter().rposition(|(trace, stage)| {
        Some(trace) == last.as_ref() && *stage == LifecycleStage::Initialize
    });
    let own = found[begins.unwrap_or_default()..]
        .iter()
        .filter(|(trace, _)| Some(trace) == last.as_ref());
    let own: Vec<_> = own.map(|(_, stage)| stage.as_str()).collect();
    Ok(compare_lines(&expected.join("\n"), &own.join("\n"))
        .map_err(|difference| format!("expected (-) and found (+) stages differ:\n{difference}"))?)
}

fn ended(world: &mut World, expected: LifecycleStage, code: Option<&str>) -> StepResult {
    let (control, runs) = world.control();
    for result in control.results(runs)? {
        let outcome = result.as_ref().map_err(ToString::to_string)?;
        let failed = outcome.error.as_ref();
        let is_code = code.is_none_or(|code| failed.is_some_and(|error| *error.code == *code));
        if outcome.stage != expected || !is_code {
            let error = failed.map_or_else(String::new, |error| format!(": {error}"));
            let wanted = code.map_or_else(String::new, |code| format!(" with {code}"));
            return Err(StepError::from(format!(
                "expected the goal to be {}{wanted}, but it is {}{error}",
                expected.as_str(),
                outcome.stage.as_str(),
            )));
        }
    }
    Ok(())
}

/// The steps of a plan in a table of calls and inputs.
fn plan_steps(step: &gherkin::Step) -> Result<Vec<PlanStep>, String> {
    let (header, rows) = header_and_rows(step, &["call", "input"])?;
    let place = |name: &str| header.iter().position(|column| column == name);
    let call = place("call").ok_or("the table needs a column \"call\"")?;
    let input = place("input");
    let step_of = |row: &Vec<String>| {
        let text = input.map_or("", |input| row[input].as_str());
        let input = match text {
            "" => json!({}),
            text => serde_json::from_str(text)
                .map_err(|error| format!("the input {text} is not valid JSON: {error}"))?,
        };
        let name = &row[call];
        let call = name.parse::<CallName>();
        let call = call.map_err(|error| error.to_string())?;
        Ok(PlanStep { call, input })
    };
    rows.iter().map(step_of).collect()
}
