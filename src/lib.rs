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
//! | 10 | [`harness`] | pickles, the [`harness::World`], fixtures, step lookup, runner, hooks, run events, views of them, snapshots, command line |
//! | 7 | [`orchestration`] | workflows, and those within them; the engine that runs them, recovery, compensation, the journal, crash and restart |
//! | 6 | `cqrs` | commands, aggregates, the event store, projections and what is read from them |
//! | 5 | `contracts` | what services promise and rely on, inputs made from schemas, verification |
//! | 5 | `messaging` | requests and their answers, events, the bus, outbox and dead letters |
//! | 4 | [`services`] | the services that take part: played, keeping entities, keeping files; the scripts that say how they answer, the one client that calls them |
//! | 3 | [`resilience`] | retry, timeout, circuit breaker, bulkhead: policies as data, state on the clock |
//! | 2 | [`observability`] | the one timeline, its events, redaction |
//! | 1 | [`domain`] | call, reply, failure, keys, states, durations, JSON and its schemas |
//! | 0 | [`clock`] | virtual and wall time, epoch, seeded randomness |
//! | 0 | `database` | files of SQLite: how they are opened, and told from others |
//!
//! # What can be left out
//!
//! These Cargo features are all on by default; without one, its dependencies, rooms and steps are not
//! built, and what asks for them is refused by name.
//!
//! | feature | brings |
//! |---|---|
//! | `json-schema` | services that keep entities, contents of files checked by schema, all faults of a fixture at once |
//! | `sqlite` | journals and event stores in files, a process that is killed |
//! | `messaging` | `messaging`, with `json-schema` |
//! | `cqrs` | `cqrs`, with `messaging` |
//! | `contracts` | `contracts`, with `json-schema` |
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

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod clock;
#[cfg(feature = "contracts")]
pub mod contracts;
#[cfg(feature = "cqrs")]
pub mod cqrs;
#[cfg(feature = "sqlite")]
mod database;
pub mod domain;
pub mod harness;
#[cfg(feature = "messaging")]
pub mod messaging;
pub mod observability;
pub mod orchestration;
pub mod resilience;
pub mod services;
#[path = "../steps/mod.rs"]
pub mod steps;

pub use harness::{Hook, Suite, World, events::Status};

/// Runs the features that a file, a folder or a pattern stands for, relative to the package, as the
/// process's command line asks for.
///
/// The status is 0 if all passed, 1 if a scenario failed, 2 if the suite could not be run and 130
/// if it was interrupted.
pub fn run(features: &str) -> std::process::ExitCode {
    Suite::new(features).run(std::env::args_os())
}
