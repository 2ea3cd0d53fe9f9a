//! Where benches run, and which of their figures count.
#![allow(dead_code, reason = "each bench uses a part")]

use std::cmp::Ordering;

/// A runtime of one thread, its time virtual.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be built")
}

/// The figure in the middle.
pub fn median<T: Copy>(mut figures: Vec<T>, order: impl Fn(&T, &T) -> Ordering) -> T {
    figures.sort_by(order);
    figures[figures.len() / 2]
}
