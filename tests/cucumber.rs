//! Runs the features of this crate: `cargo test --test cucumber`.

use rehearsal::{Suite, harness::CARGO_FEATURES};

fn main() -> std::process::ExitCode {
    let off = CARGO_FEATURES.iter().filter(|(_, is_on)| !is_on);
    // Scenarios name the Cargo features that they need, as `@needs-sqlite`.
    let suite = off.fold(Suite::new("features"), |suite, (name, _)| {
        suite.tags(format!("not @needs-{name}"))
    });
    suite.run(std::env::args_os())
}
