//! Runs the features of this crate: `cargo test --test cucumber`.

use rehearsal::Suite;

/// The Cargo features that scenarios need where they are tagged `@needs-<feature>`, and whether they
/// are on.
const FEATURES: [(&str, bool); 5] = [
    ("contracts", cfg!(feature = "contracts")),
    ("cqrs", cfg!(feature = "cqrs")),
    ("json-schema", cfg!(feature = "json-schema")),
    ("messaging", cfg!(feature = "messaging")),
    ("sqlite", cfg!(feature = "sqlite")),
];

fn main() -> std::process::ExitCode {
    let off = FEATURES.iter().filter(|(_, is_on)| !is_on);
    let suite = off.fold(Suite::new("features"), |suite, (name, _)| {
        suite.tags(format!("not @needs-{name}"))
    });
    suite.run(std::env::args_os())
}
