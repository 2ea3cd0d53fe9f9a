use cucumber::gherkin;
use rehearsal_macros::{given, then, when};
use serde_json::{Map, Value};

use crate::{
    domain::format_duration,
    harness::{World, compare_rows},
    observability::{Event, EventHead, EventKind, LetterOwner},
    steps::{CountParameter, StepResult, failing::expect, parameters::header_and_rows},
};

/// Every dead letter is delivered to its subscription or published from its outbox again; those that are
/// handled or published leave the queue.
#[when("the dead letters are redriven")]
async fn are_redriven(world: &mut World) -> StepResult {
    let result = world.messages().redrive().await;
    world.messages().idle().await;
    match result {
        Ok(0) => Err("there is no dead letter to redrive".into()),
        Ok(_) => Ok(()),
        Err(failure) => {
            world.set_calls(vec![Err(failure)]);
            Ok(())
        }
    }
}

/// Applies to every dead letter, unless its subscription has its own limit.
#[given("dead letters are redriven up to {count} time(s)")]
fn are_redriven_up_to(world: &mut World, times: CountParameter) -> StepResult {
    let times = times.value()?;
    world.messages().limit_redrives(times);
    Ok(())
}

/// The whole dead letter queue, in order of arrival; any of the columns.
#[then("the dead letters are:")]
fn dead_letters_are(world: &mut World, step: &gherkin::Step) -> StepResult {
    const COLUMNS: [&str; 11] = [
        "subscription",
        "outbox",
        "type",
        "source",
        "id",
        "subject",
        "code",
        "retries",
        "redrives",
        "firstAt",
        "lastAt",
    ];
    let (header, rows) = header_and_rows(step, &COLUMNS)?;
    let found = world.timeline().read(in_queue);
    Ok(compare_rows(header, rows, &found)?)
}

/// No event ever became a dead letter.
#[then("no event is dead-lettered")]
fn none_is_dead_lettered(world: &mut World) -> StepResult {
    let sent = |events: &[Event]| {
        let mut kinds = events.iter().map(|event| &event.kind);
        kinds.any(|kind| {
            matches!(
                kind,
                EventKind::EventStored { .. }
                    | EventKind::EventPublished { .. }
                    | EventKind::EventHandled { .. }
                    | EventKind::EventFiltered { .. }
                    | EventKind::EventDeadLettered { .. }
                    | EventKind::DeadLetterFailed { .. }
            )
        })
    };
    expect(world.timeline().read(sent), || {
        "no event was published, so none could be dead-lettered".to_owned()
    })?;
    let first = world.timeline().read(first_dead);
    match first {
        None => Ok(()),
        Some(event) => {
            let event = Value::Object(event);
            Err(format!("expected no dead letter, found {event}").into())
        }
    }
}

/// The first event that became a dead letter, or that the queue did not accept.
fn first_dead(events: &[Event]) -> Option<Map<String, Value>> {
    let dead = |event: &&Event| {
        matches!(
            event.kind,
            EventKind::EventDeadLettered { .. } | EventKind::DeadLetterFailed { .. }
        )
    };
    events.iter().find(dead).map(Event::fields)
}

/// No dead letter is left in the queue.
#[then("no dead letter is left")]
fn none_is_left(world: &mut World) -> StepResult {
    expect(world.timeline().read(first_dead).is_some(), || {
        "no event was ever dead-lettered: say so by `no event is dead-lettered`".to_owned()
    })?;
    match world.timeline().read(in_queue).into_iter().next() {
        None => Ok(()),
        Some(letter) => {
            let letter = Value::Object(letter);
            Err(format!("expected no dead letter to be left, found {letter}").into())
        }
    }
}

/// A dead letter as a row of a table.
struct Letter<'a> {
    owner: &'a LetterOwner,
    head: &'a EventHead,
    row: Map<String, Value>,
}

impl Letter<'_> {
    fn is(&self, owner: &LetterOwner, head: &EventHead) -> bool {
        (self.owner, self.head) == (owner, head)
    }
}

/// The letters in the queue at the end of the timeline, as rows.
fn in_queue(events: &[Event]) -> Vec<Map<String, Value>> {
    let mut letters: Vec<Letter<'_>> = Vec::new();
    for event in events {
        match &event.kind {
            EventKind::EventDeadLettered {
                owner,
                head,
                code,
                runs,
            } => {
                let mut row = Map::new();
                let mut put = |name: &str, value: Value| row.insert(name.to_owned(), value);
                match &**owner {
                    LetterOwner::Subscription(name) => put("subscription", (**name).into()),
                    LetterOwner::Outbox(name) => put("outbox", (**name).into()),
                };
                put("type", (*head.kind).into());
                put("source", (*head.source).into());
                put("id", (*head.id).into());
                put("subject", head.subject.as_deref().into());
                put("code", (**code).into());
                put("retries", runs.retries.into());
                put("redrives", runs.redrives.into());
                put("firstAt", format_duration(runs.first_at).into());
                put("lastAt", format_duration(runs.last_at).into());
                let previous = letters.iter_mut().find(|letter| letter.is(owner, head));
                match previous {
                    Some(previous) => previous.row = row,
                    None => letters.push(Letter { owner, head, row }),
                }
            }
            EventKind::EventRedriven {
                owner,
                head,
                result,
            } if **result == *"ok" => {
                letters.retain(|own| !own.is(owner, head));
            }
            _ => {}
        }
    }
    letters.into_iter().map(|letter| letter.row).collect()
}
