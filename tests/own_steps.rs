//! Steps of one's own beside the vocabulary: plain ones, and ones that never end.

#![expect(
    clippy::needless_pass_by_value,
    reason = "cucumber's macros hand parameters over by value"
)]

use cucumber::{given, then, when};
use rehearsal::World;

#[given(expr = "a service {word} of my own")]
fn a_service_of_my_own(world: &mut World, name: String) {
    world.cast().add_bare(&name);
}

#[when("nothing can happen any more")]
async fn nothing_can_happen(_: &mut World) {
    std::future::pending::<()>().await;
}

#[when("the thread spins")]
fn the_thread_spins(_: &mut World) {
    loop {
        std::hint::spin_loop();
    }
}

#[when("the step is not finished yet")]
fn not_finished(world: &mut World) {
    world.pending("waiting for the specification");
}

#[then("two definitions answer")]
fn one_answers(_: &mut World) {}

#[then(regex = "^two (definitions|others) answer$")]
fn another_answers(_: &mut World, _who: String) {}

fn main() -> std::process::ExitCode {
    rehearsal::run("tests/data/own-steps")
}
