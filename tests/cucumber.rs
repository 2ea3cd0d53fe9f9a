//! Runs the features of this crate: `cargo test --test cucumber`.

fn main() -> std::process::ExitCode {
    rehearsal::run("features")
}
