//! Runs the features; the steps that drive the orchestrator are defined here.

mod support;

use std::{io, process::ExitCode, time::Duration};

use cucumber::{given, then, when};
use own_orchestrator::{CallError, Journal, Orders, Services, State};
use rehearsal::{
    StepResult, World,
    observability::EventKind,
    services::{Caller, FaultId},
    steps::DurationParameter,
};
use serde_json::Value;

use support::over_http;

/// When the process that runs the orders is to be lost.
#[derive(Default)]
struct Loss(Option<(Duration, FaultId)>);

#[given(expr = "the process is lost after {duration}")]
fn is_lost(world: &mut World, after: DurationParameter) -> StepResult {
    // Declared, so that a loss that never happens fails the scenario.
    let at = world.here();
    let fault = world.cast().faults().declare("the process is lost", at);
    world.state::<Loss>().0 = Some((after.value()?, fault));
    Ok(())
}

#[when(expr = "the order {string} is placed")]
async fn is_placed(world: &mut World, order: String) -> StepResult {
    let mut orders = Orders::new(over_http(world)?, journal(world)?);
    until_lost(world, orders.place(&order)).await
}

#[when(expr = "the order {string} is placed without HTTP")]
async fn is_placed_without_http(world: &mut World, order: String) -> StepResult {
    let services = Direct(world.cast().caller("orders"));
    let mut orders = Orders::new(services, journal(world)?);
    until_lost(world, orders.place(&order)).await
}

#[when("the process restarts")]
async fn restarts(world: &mut World) -> StepResult {
    world.timeline().record(EventKind::OrchestratorRestarted {});
    let mut orders = Orders::new(over_http(world)?, journal(world)?);
    until_lost(world, orders.resume()).await
}

#[then(expr = "the order {string} is completed")]
fn is_completed(world: &mut World, order: String) -> StepResult {
    is_in(world, &order, State::Completed)
}

#[then(expr = "the order {string} is undone")]
fn is_undone(world: &mut World, order: String) -> StepResult {
    is_in(world, &order, State::Undone)
}

fn is_in(world: &mut World, order: &str, expected: State) -> StepResult {
    assert_eq!(journal(world)?.state(order), Some(expected));
    Ok(())
}

/// What survives a process: a file in the scenario's folder.
fn journal(world: &mut World) -> io::Result<Journal> {
    Journal::open(&world.directory()?.join("orders.jsonl"))
}

/// Works to the end, or until the process is lost: its future is dropped wherever it waits.
async fn until_lost(world: &mut World, work: impl Future<Output = io::Result<()>>) -> StepResult {
    let Some((after, fault)) = world.state::<Loss>().0.take() else {
        return Ok(work.await?);
    };
    let ended = tokio::time::timeout(after, work).await;
    if let Ok(ended) = ended {
        return Ok(ended?);
    }
    world.cast().faults().hit(fault);
    world.timeline().record(EventKind::OrchestratorCrashed {});
    Ok(())
}

/// Without HTTP: what the client of production makes of an answer is repeated here.
struct Direct(Caller);

impl Services for Direct {
    async fn call(
        &self,
        service: &str,
        operation: &str,
        key: &str,
        input: &Value,
    ) -> Result<Value, CallError> {
        let call = format!("{service}.{operation}");
        let calling = self.0.call(&call, key, input.clone());
        let answer = tokio::time::timeout(Duration::from_secs(30), calling).await;
        let (message, is_transient) = match answer {
            Ok(Ok(reply)) => return Ok((*reply.value).clone()),
            Ok(Err(failure)) => (failure.to_string(), failure.retryable),
            Err(late) => (late.to_string(), true),
        };
        Err(CallError {
            message,
            is_transient,
        })
    }
}

fn main() -> ExitCode {
    rehearsal::run("features")
}
