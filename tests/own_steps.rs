//! A target with its own steps, services, hooks and state, some of which never end.

#![expect(
    clippy::needless_pass_by_value,
    reason = "cucumber's macros hand parameters over by value"
)]

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use cucumber::{given, then, when};
use rehearsal::{
    Hook, StepResult, Suite, World,
    domain::{Call, Reply},
    services::{CallResult, Service},
};
use serde_json::json;

const SLOW: Duration = Duration::from_millis(200);

/// Real time that is worth a warning.
const BLOCKED: Duration = Duration::from_millis(1_600);

/// A service written in Rust: it counts calls.
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

/// A service written in Rust that lists its operations, and takes real time for some.
struct Carrier;

#[async_trait]
impl Service for Carrier {
    fn name(&self) -> &str {
        "Carrier"
    }

    fn operations(&self) -> Option<Vec<&str>> {
        Some(vec!["ship", "dial", "block", "health"])
    }

    async fn call(&self, call: &Call) -> CallResult {
        match call.name().operation() {
            "dial" => {
                let (answer, answered) = tokio::sync::oneshot::channel();
                std::thread::spawn(|| {
                    std::thread::sleep(SLOW);
                    // Whoever asked may have gone.
                    let _ = answer.send(());
                });
                answered.await.expect("the thread answers");
            }
            "block" => std::thread::sleep(BLOCKED),
            _ => {}
        }
        Ok(Reply::new(json!({})))
    }
}

/// State that the steps of a scenario share.
#[derive(Default)]
struct Basket {
    books: Vec<String>,
}

#[given(expr = "{string} is in the basket")]
fn is_in_the_basket(world: &mut World, book: String) {
    world.state::<Basket>().books.push(book);
}

#[then(expr = "the basket holds {string}")]
fn the_basket_holds(world: &mut World, books: String) {
    assert_eq!(world.state::<Basket>().books.join(", "), books);
}

#[given(expr = "a service {word} of my own")]
fn a_service_of_my_own(world: &mut World, name: String) -> StepResult {
    Ok(world.cast().add_bare(&name)?)
}

#[given(expr = "another {word} of my own")]
fn another_of_my_own(world: &mut World, name: String) -> StepResult {
    match name.as_str() {
        "Ledger" => Ok(world.cast().add(Ledger::default())?),
        _ => Ok(world.cast().add(Carrier)?),
    }
}

#[given(expr = "a new {word} of my own")]
fn a_new_one_of_my_own(world: &mut World, name: String) -> StepResult {
    world.registry().remove(&name)?;
    another_of_my_own(world, name)
}

#[when("the network answers within a second")]
async fn the_network_answers(_: &mut World) {
    let never = std::future::pending::<()>();
    let second = Duration::from_secs(1);
    tokio::time::timeout(second, never)
        .await
        .expect("the network answers");
}

#[when("the scenario deadlocks")]
async fn the_scenario_deadlocks(_: &mut World) {
    std::future::pending::<()>().await;
}

#[when("the thread spins")]
fn the_thread_spins(_: &mut World) {
    loop {
        std::hint::spin_loop();
    }
}

#[given("the stock list is read")]
fn stock_list_is_read(_: &mut World) -> StepResult {
    read_stock_list()?;
    Ok(())
}

fn read_stock_list() -> Result<u8, Unreadable> {
    let count = "many".parse();
    count.map_err(|error| Unreadable::List(Box::new(Unreadable::Line(error))))
}

#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("no stock list")]
    List(#[source] Box<Unreadable>),
    #[error("stock.csv, line 3")]
    Line(#[source] std::num::ParseIntError),
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
    let stock = Hook::before_scenario("a stock", async |world| {
        world.cast().add_bare("Stock")?;
        Ok(())
    });
    let slow_stock = Hook::before_scenario("a slow stock", async |world| {
        world.cast().script("Stock.reserve")?.takes(SLOW);
        Ok(())
    });
    let inventory = Hook::after_step("the inventory", async |world, _| {
        world.cast().script("Stok.reserve")?;
        Ok(())
    });
    let cleared = Hook::after_scenario("the basket is cleared", async |world, status| {
        tracing::info!("the scenario has {}", status.as_str());
        assert!(world.state::<Basket>().books.is_empty(), "books are left");
        Ok(())
    });
    let unreadable = Hook::before_scenario("the stock list", async |_| {
        read_stock_list()?;
        Ok(())
    });
    Suite::new("tests/data/own-steps")
        .service(Ledger::default)
        .service(|| Carrier)
        .hook(stock.tagged("@stock"))
        .hook(slow_stock.tagged("@stock and @slow"))
        .hook(inventory.tagged("@inventory"))
        .hook(cleared.tagged("@cleared"))
        .hook(unreadable.tagged("@unreadable"))
        .run(std::env::args_os())
}
