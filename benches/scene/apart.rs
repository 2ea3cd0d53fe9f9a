//! Measurements in processes of their own: for what happens once in a process, or leaves behind what
//! would cost the next.

use std::{
    process::{Command, exit},
    time::Duration,
};

/// Tells a process to measure once, and to print nanoseconds.
const ONCE: &str = "--once";

/// Whether this process is to measure once, and to [`end`].
pub fn is_one() -> bool {
    std::env::args().any(|arg| arg == ONCE)
}

/// Tells what the one measurement took, and ends the process: taking everything apart is not measured,
/// and may take long.
pub fn end(took: Duration) -> ! {
    println!("{}", took.as_nanos());
    exit(0)
}

/// What an odd number of processes measure, from the shortest to the longest; the median is in the middle.
pub fn measured<const ROUNDS: usize>() -> [Duration; ROUNDS] {
    let mut all = [Duration::ZERO; ROUNDS];
    all.fill_with(|| {
        let program = std::env::current_exe().expect("the bench is a file");
        let ran = Command::new(program).arg(ONCE).output().expect("it runs");
        let nanos = String::from_utf8_lossy(&ran.stdout).trim().parse();
        Duration::from_nanos(nanos.expect("it prints a number"))
    });
    all.sort_unstable();
    all
}
