use std::sync::Arc;

use cucumber::gherkin;
use rehearsal_macros::{given, when};
use serde_json::Value;

use crate::{
    domain::{CallName, JsonSchema, did_you_mean},
    harness::{Messages, World},
    messaging::{EventFilter, InboxLoss, OnDeadLetter, Subscription},
    resilience::Retries,
    steps::{
        CallParameter, CountParameter, DurationParameter, StepError, StepResult,
        parameters::table_of, services::at_least_once,
    },
};

/// The operation is called with every event of the type from now on; it may handle several types.
#[given("{call} handles {string}")]
fn handles(world: &mut World, call: CallParameter, kind: String) -> StepResult {
    let handler = call.name()?;
    subscribe(world, Subscription::new(&kind, handler))
}

/// As above, with any of `filter` (a JSON Schema, or a call that replies true or false), `retry` (a
/// preset, or its fields as JSON), `onDeadLetter` (`continue` or `holdSubject`: whether later events of
/// its subject wait until it is redriven) and `maxRedrives`.
#[given("{call} handles {string}:")]
fn handles_as(
    world: &mut World,
    step: &gherkin::Step,
    call: CallParameter,
    kind: String,
) -> StepResult {
    const FIELDS: [&str; 4] = ["filter", "retry", "onDeadLetter", "maxRedrives"];
    let mut subscription = Subscription::new(&kind, call.name()?);
    for row in table_of(step, &["field", "value"])? {
        match row[0].as_str() {
            "filter" => subscription.filter = Some(filter(world, &row[1])?),
            "retry" => subscription.retry = Some(retries(&row[1])?),
            "onDeadLetter" => subscription.on_dead_letter = Some(on_dead_letter(&row[1])?),
            "maxRedrives" => subscription.max_redrives = Some(max_redrives(&row[1])?),
            field => {
                let hint = did_you_mean(field, FIELDS);
                return Err(format!("a subscription has no {field:?}: {hint}").into());
            }
        }
    }
    subscribe(world, subscription)
}

/// Later events of the subject wait until the letter is redriven and handled.
#[given("a dead letter of {call} holds its subject")]
fn holds_its_subject(world: &mut World, call: CallParameter) -> StepResult {
    let handler = call.name()?;
    let bus = world.messages().bus();
    Ok(bus.hold_subjects(Messages::subscription_of(&handler))?)
}

/// Every delivery arrives twice, as on a bus that delivers at least once.
#[given("the bus delivers every event twice")]
fn delivers_twice(world: &mut World) {
    let here = world.here();
    world.messages().bus().deliver_twice(here);
}

/// The next one that it has handled; another consumer takes over and gets it again, and drops it.
#[given("the consumer of {call} is lost before it acknowledges an event")]
fn consumer_is_lost(world: &mut World, call: CallParameter) -> StepResult {
    lose_consumer(world, call, InboxLoss::Kept)
}

/// The next one that it has handled; another consumer takes over and handles it again.
#[given("the consumer of {call} is lost with its inbox before it acknowledges an event")]
fn consumer_is_lost_with_its_inbox(world: &mut World, call: CallParameter) -> StepResult {
    lose_consumer(world, call, InboxLoss::Lost)
}

fn lose_consumer(world: &mut World, call: CallParameter, inbox: InboxLoss) -> StepResult {
    let handler = call.name()?;
    let here = world.here();
    let bus = world.messages().bus();
    Ok(bus.lose_consumer(Messages::subscription_of(&handler), inbox, here)?)
}

/// One delivery, counted from the handler's first, is overtaken by later ones.
#[given("the bus delivers event {count} to {call} {duration} late")]
fn delivers_late(
    world: &mut World,
    count: CountParameter,
    call: CallParameter,
    span: DurationParameter,
) -> StepResult {
    let (event, handler, by) = (at_least_once(count)?, call.name()?, span.value()?);
    let here = world.here();
    let bus = world.messages().bus();
    Ok(bus.deliver_late(Messages::subscription_of(&handler), event, by, here)?)
}

/// Its deliveries are held from now on.
#[when("the subscription of {call} is paused")]
async fn is_paused(world: &mut World, call: CallParameter) -> StepResult {
    let handler = call.name()?;
    let messages = world.messages();
    messages.bus().pause(Messages::subscription_of(&handler))?;
    messages.idle().await;
    Ok(())
}

/// Ends a pause.
#[when("the subscription of {call} is resumed")]
async fn is_resumed(world: &mut World, call: CallParameter) -> StepResult {
    let handler = call.name()?;
    let messages = world.messages();
    messages.bus().resume(Messages::subscription_of(&handler))?;
    messages.idle().await;
    Ok(())
}

/// The handler receives no more events.
#[when("the subscription of {call} is ended")]
fn is_ended(world: &mut World, call: CallParameter) -> StepResult {
    let handler = call.name()?;
    let bus = world.messages().bus();
    Ok(bus.end(Messages::subscription_of(&handler))?)
}

fn subscribe(world: &mut World, subscription: Subscription) -> StepResult {
    world.registry().check(&subscription.handler)?;
    Ok(world.messages().subscribe(subscription)?)
}

fn filter(world: &mut World, text: &str) -> Result<EventFilter, StepError> {
    if let Ok(schema @ (Value::Object(_) | Value::Bool(_))) = serde_json::from_str(text) {
        return Ok(EventFilter::Schema(Arc::new(JsonSchema::compile(&schema)?)));
    }
    let call: CallName = text
        .parse()
        .map_err(|_| format!("{text:?} is not a filter, expected a JSON Schema or a call"))?;
    world.registry().check(&call)?;
    Ok(EventFilter::Call(call))
}

fn on_dead_letter(text: &str) -> Result<OnDeadLetter, StepError> {
    const CHOICES: [&str; 2] = ["continue", "holdSubject"];
    match text {
        "continue" => Ok(OnDeadLetter::Continue),
        "holdSubject" => Ok(OnDeadLetter::HoldSubject),
        _ => {
            let hint = did_you_mean(text, CHOICES);
            Err(format!("\"onDeadLetter\" cannot be {text:?}: {hint}").into())
        }
    }
}

fn max_redrives(text: &str) -> Result<u32, StepError> {
    let refused = |_| format!("\"maxRedrives\" cannot be {text:?}, expected a whole number");
    Ok(text.parse().map_err(refused)?)
}

fn retries(text: &str) -> Result<Retries, StepError> {
    let value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    Ok(crate::domain::from_value(&value)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_field_of_a_subscription_is_refused_with_what_was_expected() {
        let refused = on_dead_letter("holdSubjct").unwrap_err().to_string();
        assert_eq!(
            refused,
            "\"onDeadLetter\" cannot be \"holdSubjct\": did you mean \"holdSubject\"?"
        );
        let refused = max_redrives("-1").unwrap_err().to_string();
        assert_eq!(
            refused,
            "\"maxRedrives\" cannot be \"-1\", expected a whole number"
        );
    }
}
