//! The world under `cucumber`'s own runner, as its users write it: refused, with the line to write instead.

use cucumber::World as _;
use rehearsal::World;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("run") => World::run("tests/downstream/features").await,
        Some("filter_run") => World::filter_run("tests/downstream/features", |_, _, _| true).await,
        _ => {
            World::cucumber()
                .run_and_exit("tests/downstream/features")
                .await
        }
    }
}
