//! A book shop's features, with steps, a service, a hook and state of the shop's own.

use std::{process::ExitCode, sync::Mutex};

use async_trait::async_trait;
use cucumber::{given, then};
use rehearsal::{
    Hook, Suite, World,
    domain::{Call, Reply},
    harness::StepDefinition,
    services::{CallResult, Service},
};
use serde_json::json;

/// What a customer wants.
#[derive(Default)]
struct Order {
    copies: u32,
}

#[given(expr = "a customer wants {int} copies")]
fn a_customer_wants(world: &mut World, copies: u32) {
    world.state::<Order>().copies = copies;
}

#[then(expr = "the price is {int} cents at {int} each")]
fn the_price_is(world: &mut World, price: u32, each: u32) {
    let copies = world.state::<Order>().copies;
    assert_eq!(downstream::price(copies, each), price);
}

/// Numbers invoices.
#[derive(Default)]
struct Invoices {
    last: Mutex<u32>,
}

#[async_trait]
impl Service for Invoices {
    fn name(&self) -> &str {
        "Invoices"
    }

    fn operations(&self) -> Option<Vec<&str>> {
        Some(vec!["print"])
    }

    async fn call(&self, _: &Call) -> CallResult {
        let mut last = self.last.lock().unwrap();
        *last += 1;
        Ok(Reply::new(json!({ "number": *last })))
    }
}

fn main() -> ExitCode {
    if std::env::args().any(|arg| arg == "--count-steps") {
        println!("{}", StepDefinition::collected().len());
        return ExitCode::SUCCESS;
    }
    let no_paper = Hook::before_scenario("the printer is out of paper", async |world| {
        let print = world.cast().script("Invoices.print")?;
        print.fails("OUT_OF_PAPER")?;
        Ok(())
    });
    Suite::new("features")
        .service(Invoices::default)
        .hook(no_paper.tagged("@no-paper"))
        .run(std::env::args_os())
}
