use std::time::Duration;

use crate::{clock::Seed, resilience::Retry};

/// The delays of the preset `reconnect`, without its end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reconnecting {
    failures: u32,
}

impl Reconnecting {
    /// How long to wait after one more failure.
    pub fn next_delay(&mut self) -> Duration {
        let delay = Retry::reconnect().delay(self.failures, Seed::default());
        self.failures = self.failures.saturating_add(1);
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delays_grow_to_a_minute_and_never_end() {
        let mut delays = Reconnecting::default();
        let first: Vec<u64> = (0..8).map(|_| delays.next_delay().as_secs()).collect();
        assert_eq!(first, [1, 2, 4, 8, 16, 32, 60, 60]);
        delays.failures = u32::MAX;
        assert_eq!(delays.next_delay(), Duration::from_secs(60));
    }
}
