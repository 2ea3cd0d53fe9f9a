//! The world under `cucumber`'s own runner, as its users write it: refused, with the line to write instead.

use std::{
    pin::pin,
    task::{Context, Waker},
};

use cucumber::World as _;
use rehearsal::World;

fn main() {
    let features = "tests/downstream/features";
    match std::env::args().nth(1).as_deref() {
        Some("run") => begin(World::run(features)),
        Some("filter_run") => begin(World::filter_run(features, |_, _, _| true)),
        _ => begin(World::cucumber().run_and_exit(features)),
    }
}

/// What a runtime does first; it need not come further.
fn begin(run: impl Future<Output = ()>) {
    let _ = pin!(run).poll(&mut Context::from_waker(Waker::noop()));
}
