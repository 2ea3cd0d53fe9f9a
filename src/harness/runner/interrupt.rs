use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use super::EXIT_INTERRUPTED;

/// A wish to stop the run early. A handle: clones share it.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Raised by Ctrl-C; a second one ends the process at once.
    pub fn on_ctrl_c() -> Self {
        static INTERRUPT: OnceLock<Interrupt> = OnceLock::new();
        INTERRUPT
            .get_or_init(|| {
                let interrupt = Self::default();
                let raised = interrupt.clone();
                // Without a handler, Ctrl-C ends the process as it always does.
                let _ = ctrlc::set_handler(move || {
                    if raised.0.swap(true, Ordering::Relaxed) {
                        std::process::exit(EXIT_INTERRUPTED.into());
                    }
                });
                interrupt
            })
            .clone()
    }

    /// Asks for the run to stop.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the run is to stop.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
