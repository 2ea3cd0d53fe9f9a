use std::sync::Arc;

use cucumber::gherkin;
use rehearsal_macros::{given, then};
use serde_json::{Map, Value};

use super::{
    StepResult,
    failing::expect,
    parameters::{has_values, json},
};
use crate::{domain::did_you_mean, harness::World};

/// Another entity of a service, as if it had existed from the start.
#[given("{string} has the entity {string}:")]
fn has_the_entity(
    world: &mut World,
    step: &gherkin::Step,
    service: String,
    id: String,
) -> StepResult {
    let mut fields: Map<String, Value> = json(world, step)?;
    match fields.get("id") {
        None => fields.shift_insert(0, "id".to_owned(), id.into()),
        Some(own) if *own == id => None,
        Some(own) => {
            return Err(format!("the id of the entity is {own}, the step has {id:?}").into());
        }
    };
    Ok(world.cast().entities().add(&service, &fields)?)
}

/// The service has the entity.
#[then("{string} holds the entity {string}")]
fn holds(world: &mut World, service: String, id: String) -> StepResult {
    found(world, &service, &id).map(drop)
}

/// The service does not have the entity.
#[then("{string} does not hold the entity {string}")]
fn does_not_hold(world: &mut World, service: String, id: String) -> StepResult {
    let found = world.cast().entities().get(&service, &id)?;
    expect(found.is_none(), || {
        let entity = found.map(|entity| format!("{entity:#}"));
        format!(
            "expected {service} not to hold {id:?}, it does:\n{}",
            entity.unwrap_or_default()
        )
    })
}

/// Values of an entity, by JSON Pointer.
#[then("the entity {string} of {string} has:")]
fn entity_has(world: &mut World, step: &gherkin::Step, id: String, service: String) -> StepResult {
    has_values(step, &found(world, &service, &id)?)
}

fn found(world: &mut World, service: &str, id: &str) -> Result<Arc<Value>, super::StepError> {
    let entities = world.cast().entities();
    if let Some(entity) = entities.get(service, id)? {
        return Ok(entity);
    }
    let ids = entities.ids(service)?;
    let hint = did_you_mean(id, ids.iter().map(|id| &**id));
    Err(format!("expected {service} to hold {id:?}, it does not: {hint}").into())
}
