//! BDD acceptance tests for orchestrated services.
//!
//! A Gherkin scenario says which services take part, how they answer and how they fail; an
//! orchestrator runs a workflow against them on a virtual clock; everything that happens is
//! recorded on one timeline; assertions read the timeline, and snapshots lock it.
//!
//! # In your own crate
//!
//! ```toml
//! [dev-dependencies]
//! rehearsal = { path = "../rehearsal" }
//!
//! [[test]]
//! name = "cucumber"
//! harness = false
//! ```
//!
//! ```no_run
//! // tests/cucumber.rs
//! fn main() -> std::process::ExitCode {
//!     rehearsal::run("features")
//! }
//! ```
//!
//! `cargo test --test cucumber` then runs `features/`, with the services and workflows in `fixtures/` and
//! the snapshots in `tests/snapshots/`. The phrases are listed in [`steps`]. Own services, hooks
//! and folders go into a [`Suite`]; own steps are written with `cucumber`'s macros on [`World`].
//!
//! ```gherkin
//! Feature: Checkout
//!   Scenario: A card that is declined twice
//!     Given a service "Payments"
//!     And "Payments.charge" fails 2 times with "NETWORK_TIMEOUT"
//!     And every call is retried up to 3 times
//!     And the workflow:
//!       """json
//!       { "id": "checkout", "steps": [{ "id": "pay", "service": "Payments", "operation": "charge" }] }
//!       """
//!     When the workflow runs
//!     Then the workflow completes
//!     And "Payments.charge" waits "100 ms, 200 ms" between executions
//! ```
//!
//! # Without Gherkin
//!
//! The rooms can be used from any test. Time is virtual wherever the runtime's time is paused:
//!
//! ```
//! use rehearsal::{
//!     domain::WorkflowStatus,
//!     harness::{Cast, Fixtures, no_input},
//! };
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
//! let cast = Cast::load("agent-platform")?;
//! cast.script("AgentService.createAgent")?.fails("AGENT_CREATION_ERROR")?;
//!
//! let mut runs = cast.runs();
//! runs.declare(Fixtures::default().workflow("completeAgentCreation")?);
//! runs.run(no_input(), None, 1).await?;
//!
//! assert_eq!(runs.outcome()?.status, WorkflowStatus::RolledBack);
//! assert!(cast.faults().unused().is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Cargo features
//!
//! All but `mcp` are on by default. Without one, its dependencies, rooms and steps are not built, and whatever
//! needs it fails by naming it.
//!
//! | feature | brings |
//! |---|---|
//! | `json-schema` | services that keep entities, file contents checked by schema, all errors of a fixture together |
//! | `sqlite` | journals and event stores in files, audit trails in SQLite, real processes that are killed |
//! | `messaging` | `messaging`; needs `json-schema` |
//! | `cqrs` | `cqrs`; needs `messaging` |
//! | `configuration` | `configuration`; needs `cqrs` |
//! | `contracts` | `contracts`; needs `json-schema` |
//! | `control` | `control` |
//! | `http` | the cast over HTTP, programs under test |
//! | `tasks` | `tasks`; needs `sqlite` |
//! | `mcp`, off | `rehearsal mcp`; needs `http` and `tasks` |
//!
//! # The house
//!
//! Folders are rooms; a room imports only rooms with a lower number.
//!
//! | no. | room | holds |
//! |---|---|---|
//! | 11 | [`steps`] | step definitions, grouped by the room they are about |
//! | 10 | [`harness`] | pickles, the [`harness::World`], fixtures, step lookup, runner, hooks, run events, reports, snapshots, command line |
//! | 9 | `tasks` | a server of tasks: planned, worked on, completed and put together by tools; sessions, artifacts |
//! | 8 | `configuration` | configurations kept as events, conflicts between updates, rules for what services must agree on, reconciliation |
//! | 8 | `control` | goals: plans, who carries them out, approval, partial results |
//! | 7 | [`orchestration`] | workflows, nested workflows, waits and approvals, the engine that runs them, recovery, compensation, the journal, crash and restart |
//! | 6 | `systems` | child processes; the user's own programs under test: started, watched, killed, restarted |
//! | 6 | `cqrs` | commands, aggregates, the event store, projections and read models |
//! | 5 | `http` | the cast over HTTP: listeners, routes, faults of the wire, real services |
//! | 5 | `contracts` | provider and consumer contracts, inputs generated from schemas, verification |
//! | 5 | `messaging` | requests, events, the bus, outbox and dead letters |
//! | 4 | [`services`] | played services, entity services, file services; the scripts of their answers; the one client that calls them |
//! | 3 | `resilience` | retry, timeout, circuit breaker, bulkhead, budget: policies as data, state on the clock |
//! | 2 | [`observability`] | the one timeline, its events, redaction; the audit trail, golden signals |
//! | 1 | [`domain`] | call, reply, failure, keys, statuses, durations, JSON and its schemas |
//! | 0 | [`clock`] | virtual and wall time, epoch, seeded randomness |
//! | 0 | `database` | SQLite files: opening them, and telling them from others |
//!
//! The way of a scenario: `features/x.feature` → pickle → runner (one scenario, one paused runtime, on a
//! worker thread) → steps → [`harness::World`] → [`orchestration::Orchestrator`] → [`services::Client`] →
//! [`services::Service`] → [`observability::Timeline`] → assertions, snapshot, report.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod clock;
#[cfg(feature = "configuration")]
mod configuration;
#[cfg(feature = "contracts")]
mod contracts;
#[cfg(feature = "control")]
#[doc(hidden)]
pub mod control;
#[cfg(feature = "cqrs")]
pub mod cqrs;
#[cfg(feature = "sqlite")]
mod database;
pub mod domain;
pub mod harness;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "messaging")]
pub mod messaging;
pub mod observability;
pub mod orchestration;
#[doc(hidden)]
pub mod resilience;
pub mod services;
#[path = "../steps/mod.rs"]
pub mod steps;
#[cfg(any(feature = "http", feature = "sqlite"))]
mod systems;
#[cfg(feature = "tasks")]
#[doc(hidden)]
pub mod tasks;

pub use harness::{Cast, Hook, HookResult, Suite, World, events::Status};
pub use steps::{StepError, StepResult};

/// Runs the features that a file, a folder or a pattern stands for, relative to the package, as the
/// process's command line asks for.
///
/// The status is 0 if all passed, 1 if a scenario failed, 2 if the suite could not be run, 130 if
/// it was interrupted by SIGINT and 143 by SIGTERM.
pub fn run(features: &str) -> std::process::ExitCode {
    Suite::new(features).run(std::env::args_os())
}
