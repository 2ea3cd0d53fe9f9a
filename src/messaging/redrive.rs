use std::sync::Arc;

use serde_json::json;

use super::{DeadLetter, DeadLetters, EventBus, Relay};
use crate::{
    domain::{Call, CallName, Failure, code, did_you_mean, from_value},
    observability::{EventKind, LetterOwner},
    services::{CallPolicy, Client},
};

/// Delivers every dead letter to its subscription again, or publishes it again from its outbox, and
/// returns how many there are. Handled and published ones leave the queue.
///
/// A letter is redriven `limit` times at most, unless its subscription has a limit of its own.
///
/// # Errors
///
/// Those of the queue.
pub async fn redrive(
    client: &Client,
    bus: &EventBus,
    relays: &[Relay],
    limit: Option<u32>,
) -> Result<usize, Box<Failure>> {
    let list = CallName::new(DeadLetters::NAME, DeadLetters::LIST);
    let call = Call::new(Call::SCENARIO, list, json!({}));
    let reply = client.call(&call, &CallPolicy::default(), None).await?;
    let letters: Vec<DeadLetter> = from_value(&reply.value).map_err(|error| {
        let failure = error.failure(code::CONTRACT_VIOLATION);
        Box::new(failure.at(call.name()))
    })?;
    let count = letters.len();
    for letter in letters {
        let id = Arc::clone(&letter.id);
        if let Err(why) = redrive_one(letter, bus, relays, limit).await {
            client.timeline().record(EventKind::Warning {
                about: DeadLetters::NAME.into(),
                message: format!("dead letter {id} stays in the queue: {why}"),
            });
        }
    }
    Ok(count)
}

async fn redrive_one(
    mut letter: DeadLetter,
    bus: &EventBus,
    relays: &[Relay],
    limit: Option<u32>,
) -> Result<(), String> {
    let check = |limit: Option<u32>| match limit {
        Some(limit) if letter.redrives >= limit => {
            Err(format!("it was redriven {limit} time(s), the most allowed"))
        }
        _ => Ok(()),
    };
    let owner = letter.owner();
    match &owner {
        Some(LetterOwner::Subscription(subscription)) => {
            check(bus.max_redrives(subscription)?.or(limit))?;
        }
        _ => check(limit)?,
    }
    letter.redrives += 1;
    match owner {
        Some(LetterOwner::Subscription(subscription)) => bus.redrive(&subscription, letter),
        Some(LetterOwner::Outbox(outbox)) => {
            let relay = relays.iter().find(|relay| *relay.outbox() == *outbox);
            let relay = relay.ok_or_else(|| {
                let hint = did_you_mean(&outbox, relays.iter().map(Relay::outbox));
                format!("nothing publishes the events of {outbox:?}: {hint}")
            })?;
            relay.redrive(letter).await
        }
        None => Err("it has neither a subscription nor an outbox".to_owned()),
    }
}
