//! A day of retries on virtual time leaves the same timeline in every run.

mod support;

use std::time::Duration;

use own_orchestrator::{Journal, Orders};
use rehearsal::{World, observability::Event, steps::StepResult};
use serde_json::Value;

use support::over_http;

/// The timeline of an order whose card is charged at the 21st try, as text.
async fn timeline() -> Result<String, rehearsal::StepError> {
    let mut world = World::default();
    for service in ["Stock", "Payments", "Carrier"] {
        world.cast().add_bare(service)?;
    }
    let script = world.cast().script("Payments.charge")?;
    script.fails_times(20, "SERVICE_UNAVAILABLE")?;
    let journal = Journal::open(&world.directory()?.join("orders.jsonl"))?;
    Orders::new(over_http(&mut world)?, journal)
        .place("o-1")
        .await?;
    assert_eq!(world.timeline().now(), Duration::from_secs(20 * 60 * 60));
    let text = |event: &Event| Value::Object(event.fields()).to_string() + "\n";
    Ok(world
        .timeline()
        .read(|events| events.iter().map(text).collect()))
}

#[test]
fn day_of_retries_gives_the_same_bytes_a_thousand_times() -> StepResult {
    let run = || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build()?;
        runtime.block_on(timeline())
    };
    let first = run()?;
    assert_eq!(first.matches("\"event\":\"call_started\"").count(), 23);
    for _ in 0..1_000 {
        assert_eq!(run()?, first);
    }
    Ok(())
}
