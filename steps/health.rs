use rehearsal_macros::{then, when};

use super::{StepResult, failing::expect};
use crate::{
    domain::{Call, Health},
    harness::World,
    observability::EventKind,
};

/// One check of a service's health, by a probe unless its breaker is open.
#[when("the health of {string} is checked")]
async fn health_is_checked(world: &mut World, service: String) -> StepResult {
    let client = world.cast().client();
    client.check_health(Call::SCENARIO, &service).await;
    Ok(())
}

/// The last check found the service healthy.
#[then("{string} is healthy")]
fn is_healthy(world: &mut World, service: String) -> StepResult {
    is(world, &service, Health::Healthy)
}

/// The last check found the service unhealthy, or its breaker open.
#[then("{string} is unhealthy")]
fn is_unhealthy(world: &mut World, service: String) -> StepResult {
    is(world, &service, Health::Unhealthy)
}

/// The last check found no such service, or one without a probe.
#[then("{string} is of unknown health")]
fn is_of_unknown_health(world: &mut World, service: String) -> StepResult {
    is(world, &service, Health::Unknown)
}

fn is(world: &mut World, service: &str, expected: Health) -> StepResult {
    let found = world.timeline().read(|events| {
        events.iter().rev().find_map(|event| match &event.kind {
            EventKind::HealthChecked {
                service: checked,
                status,
                ..
            } if **checked == *service => Some(*status),
            _ => None,
        })
    });
    let found = found.ok_or_else(|| format!("the health of {service:?} was never checked"))?;
    expect(found == expected, || {
        format!("expected {service} to be {expected}, it was {found} when it was last checked")
    })
}
