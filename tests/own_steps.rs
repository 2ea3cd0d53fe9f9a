//! Steps and services of one's own beside the vocabulary, and steps that never end.

#![expect(
    clippy::needless_pass_by_value,
    reason = "cucumber's macros hand parameters over by value"
)]

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use cucumber::{given, then, when};
use rehearsal::{
    World,
    domain::{Call, Reply},
    services::{CallResult, Service},
};
use serde_json::json;

/// A service that is no mock: it counts what is posted.
#[derive(Default)]
struct Ledger {
    posted: AtomicU32,
}

#[async_trait]
impl Service for Ledger {
    fn name(&self) -> &str {
        "Ledger"
    }

    async fn call(&self, _: &Call) -> CallResult {
        let posted = self.posted.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Reply::new(json!({ "posted": posted })))
    }
}

#[given("a ledger of my own")]
fn a_ledger_of_my_own(world: &mut World) {
    world.cast().add(Ledger::default());
}

#[given(expr = "a service {word} of my own")]
fn a_service_of_my_own(world: &mut World, name: String) {
    world.cast().add_bare(&name);
}

#[when("nothing can happen any more")]
async fn nothing_can_happen(_: &mut World) {
    std::future::pending::<()>().await;
}

#[when("the thread spins")]
fn the_thread_spins(_: &mut World) {
    loop {
        std::hint::spin_loop();
    }
}

#[when("the step is not finished yet")]
fn not_finished(world: &mut World) {
    world.pending("waiting for the specification");
}

#[then("two definitions answer")]
fn one_answers(_: &mut World) {}

#[then(regex = "^two (definitions|others) answer$")]
fn another_answers(_: &mut World, _who: String) {}

fn main() -> std::process::ExitCode {
    rehearsal::run("tests/data/own-steps")
}
