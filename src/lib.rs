//! BDD acceptance tests for orchestrated services.
//!
//! A Gherkin scenario says which services take part, how they answer and how they fail; an
//! orchestrator runs a workflow against them on a virtual clock; everything that happens is
//! recorded on one timeline; assertions read the timeline, and a snapshot locks it.
//!
//! # The house
//!
//! Folders are rooms, and a room imports rooms with a lower number only:
//!
//! | no. | room | holds |
//! |---|---|---|
//! | 11 | [`steps`] | the vocabulary: step definitions, by the room they speak of |
//! | 10 | [`harness`] | pickles, the [`harness::World`], step lookup, runner, run events, views of them, snapshots, command line |
//! | 7 | [`orchestration`] | workflows, the engine that runs them, compensation, the journal, crash and restart |
//! | 4 | [`services`] | the services that take part, the scripts that say how they answer, the one client that calls them |
//! | 3 | [`resilience`] | retry, timeout, circuit breaker, bulkhead: policies as data, state on the clock |
//! | 2 | [`observability`] | the one timeline, its events, redaction |
//! | 1 | [`domain`] | call, reply, failure, keys, states, durations |
//! | 0 | [`clock`] | virtual and wall time, epoch, seeded randomness |
//!
//! # The way of a scenario
//!
//! `features/x.feature` → pickle → runner (one scenario, one paused runtime, on a worker thread) →
//! steps → [`harness::World`] → [`orchestration::Orchestrator`] → [`services::Client`] →
//! [`services::Service`] → [`observability::Timeline`] → assertions, snapshot, report.
//!
//! # Without Gherkin
//!
//! The rooms can be used from any test. Time is virtual wherever the runtime's time is paused:
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use rehearsal::{
//!     clock::{Clock, Seed},
//!     domain::WorkflowStatus,
//!     harness::{Cast, Runs},
//!     observability::Timeline,
//!     services::Response,
//! };
//! use serde_json::json;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
//! let timeline = Timeline::new(Clock::start());
//! let cast = Cast::new(timeline, Seed(0));
//! cast.add_bare("Payments");
//! let fault = cast.faults().declare("the payment fails", "example.rs:1");
//! cast.registry().script("Payments", |script, _| {
//!     script.takes("charge", Duration::from_millis(200));
//!     script.times("charge", 1, Response::Error("CARD_DECLINED".into()), fault);
//! })?;
//!
//! let mut runs = Runs::new(cast.client(), cast.faults().clone());
//! runs.declare(Arc::new(serde_json::from_value(json!({
//!     "id": "checkout",
//!     "steps": [{"id": "pay", "service": "Payments", "operation": "charge"}],
//! }))?));
//! runs.run(json!({}), None, 1).await?;
//!
//! let outcome = runs.outcome()?;
//! assert_eq!(outcome.status, WorkflowStatus::RolledBack);
//! assert_eq!(outcome.took, Duration::from_millis(200));
//! assert!(cast.faults().unused().is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod clock;
pub mod domain;
pub mod harness;
pub mod observability;
pub mod orchestration;
pub mod resilience;
pub mod services;
#[path = "../steps/mod.rs"]
pub mod steps;

pub use harness::World;

/// Runs the features that a file, a folder or a pattern stands for, relative to the package, as the
/// process's command line asks for.
///
/// The status is 0 if all passed, 1 if a scenario failed, 2 if the suite could not be run and 130
/// if it was interrupted.
pub fn run(features: &str) -> std::process::ExitCode {
    harness::Suite::new(features).run(std::env::args_os())
}
