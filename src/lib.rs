//! Acceptance tests for orchestrated services.
pub mod clock;
pub mod domain;
pub mod harness;
pub mod observability;
pub mod orchestration;
pub mod resilience;
pub mod services;
#[path = "../steps/mod.rs"]
pub mod steps;

/// Runs.
pub fn run(_features: &str) -> std::process::ExitCode {
    std::process::ExitCode::FAILURE
}
