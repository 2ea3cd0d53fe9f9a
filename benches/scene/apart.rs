//! Measurements in separate processes: for what happens once per process, or would slow down the next
//! measurement.

use std::{
    process::{Command, exit},
    time::Duration,
};

/// Makes a process measure once and print nanoseconds.
const ONCE: &str = "--once";

/// Whether this process is to measure once and then [`end`].
pub fn is_one() -> bool {
    std::env::args().any(|arg| arg == ONCE)
}

/// Prints the duration of the one measurement and ends the process: dropping everything is not
/// measured, and may take long.
pub fn end(took: Duration) -> ! {
    println!("{}", took.as_nanos());
    exit(0)
}

/// What each of several processes measures.
pub fn measured<const ROUNDS: usize>() -> [Duration; ROUNDS] {
    let mut all = [Duration::ZERO; ROUNDS];
    all.fill_with(|| {
        let program = std::env::current_exe().expect("the bench is a file");
        let ran = Command::new(program).arg(ONCE).output().expect("it runs");
        let nanos = String::from_utf8_lossy(&ran.stdout).trim().parse();
        Duration::from_nanos(nanos.expect("it prints a number"))
    });
    all
}
