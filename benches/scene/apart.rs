//! Measurements in separate processes: for what happens once per process, or would slow down the next
//! measurement.

use std::{
    process::{Command, exit},
    time::Duration,
};

/// Makes a process measure once and print nanoseconds.
const ONCE: &str = "--once";

/// What this process is to measure once before it [`end`]s, if it is one of those.
pub fn case() -> Option<String> {
    std::env::args().skip_while(|arg| arg != ONCE).nth(1)
}

/// Prints the duration of the one measurement and ends the process: dropping everything is not
/// measured, and may take long.
pub fn end(took: Duration) -> ! {
    println!("{}", took.as_nanos());
    exit(0)
}

/// What a process of its own measures.
pub fn measured(case: &str) -> Duration {
    let program = std::env::current_exe().expect("the bench is a file");
    let ran = Command::new(program).args([ONCE, case]).output();
    let printed = ran.expect("it runs").stdout;
    let nanos = String::from_utf8_lossy(&printed).trim().parse();
    Duration::from_nanos(nanos.expect("it prints a number"))
}
