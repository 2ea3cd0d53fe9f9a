//! Orders: each reserves stock, charges a card and sends a parcel; what fails is undone.
//!
//! This is the code of production. It knows of no test.

mod http;
mod journal;

use std::{io, time::Duration};

use serde_json::{Value, json};

pub use http::Http;
pub use journal::{Journal, State};

/// The services that orders call.
pub trait Services {
    /// Calls an operation of a service. Every repetition of a call has the same key.
    fn call(
        &self,
        service: &str,
        operation: &str,
        key: &str,
        input: &Value,
    ) -> impl Future<Output = Result<Value, CallError>> + Send;
}

/// Why a call failed.
#[derive(Debug)]
pub struct CallError {
    /// What happened.
    pub message: String,
    /// Whether it may succeed later.
    pub is_transient: bool,
}

/// Service, operation, and the operation that undoes it.
const STEPS: [(&str, &str, Option<&str>); 3] = [
    ("Stock", "reserve", Some("release")),
    ("Payments", "charge", Some("refund")),
    ("Carrier", "ship", None),
];

/// A call that fails is tried again every hour, for a day.
const RETRIES: u32 = 24;
const BETWEEN_TRIES: Duration = Duration::from_secs(60 * 60);

/// Runs orders, and writes down where each of them is.
pub struct Orders<S> {
    services: S,
    journal: Journal,
}

impl<S: Services> Orders<S> {
    /// Orders that call `services`.
    pub fn new(services: S, journal: Journal) -> Self {
        Self { services, journal }
    }

    /// Runs a new order to its end.
    pub async fn place(&mut self, order: &str) -> io::Result<()> {
        self.journal.write(order, State::Doing(0))?;
        self.run(order).await
    }

    /// Runs the orders that a process before this one has left unfinished.
    pub async fn resume(&mut self) -> io::Result<()> {
        for order in self.journal.unfinished() {
            self.run(&order).await?;
        }
        Ok(())
    }

    async fn run(&mut self, order: &str) -> io::Result<()> {
        while let Some(state) = self.journal.state(order) {
            let next = match state {
                State::Doing(step) if step == STEPS.len() => State::Completed,
                State::Doing(step) => {
                    let (service, operation, _) = STEPS[step];
                    match self.call(order, service, operation).await {
                        Ok(_) => State::Doing(step + 1),
                        // Whether it has had its effect is unknown, so it is undone, too.
                        Err(_) => State::Undoing(step + 1),
                    }
                }
                State::Undoing(0) => State::Undone,
                State::Undoing(steps) => {
                    if let (service, _, Some(undo)) = STEPS[steps - 1] {
                        let undone = self.call(order, service, undo).await;
                        undone.map_err(|error| io::Error::other(error.message))?;
                    }
                    State::Undoing(steps - 1)
                }
                State::Completed | State::Undone => break,
            };
            self.journal.write(order, next)?;
        }
        Ok(())
    }

    async fn call(&self, order: &str, service: &str, operation: &str) -> Result<Value, CallError> {
        let input = json!({ "order": order });
        let mut retries = 0;
        loop {
            let result = self.services.call(service, operation, order, &input).await;
            match result {
                Err(error) if error.is_transient && retries < RETRIES => retries += 1,
                result => return result,
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    }
}
