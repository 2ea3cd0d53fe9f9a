use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

/// A request to stop the run early. Clones share it.
#[derive(Clone, Debug, Default)]
pub(in crate::harness) struct Interrupt {
    /// Whether another signal ends the process immediately.
    raised: Arc<AtomicBool>,
    /// The number of the signal; 0 before there is one.
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// Raised by SIGINT, as Ctrl-C sends it, and by SIGTERM; a second signal ends the process immediately.
    pub fn on_signals() -> Self {
        static INTERRUPT: OnceLock<Interrupt> = OnceLock::new();
        INTERRUPT
            .get_or_init(|| {
                let interrupt = Self::default();
                for signal in [SIGINT, SIGTERM] {
                    // Without its handlers, a signal ends the process as it always does.
                    let raised = || Arc::clone(&interrupt.raised);
                    let number = Arc::clone(&interrupt.signal);
                    let _ = flag::register_conditional_shutdown(signal, 128 + signal, raised())
                        .and_then(|_| flag::register(signal, raised()))
                        .and_then(|_| flag::register_usize(signal, number, signal as usize));
                }
                interrupt
            })
            .clone()
    }

    /// The number of the signal that asks for the run to stop.
    pub fn signal(&self) -> Option<u8> {
        let signal = u8::try_from(self.signal.load(Ordering::Relaxed)).ok();
        signal.filter(|signal| *signal > 0)
    }

    #[cfg(test)]
    pub fn raise(&self, signal: u8) {
        self.signal.store(signal.into(), Ordering::Relaxed);
    }
}
