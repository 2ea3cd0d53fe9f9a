//! Virtual time as people would say it.

use std::{fmt, time::Duration};

/// A duration in at most two units: `0 ms`, `525 ms`, `1.25 s`, `14 min 3 s`, `2 h 14 min`, `3 d 4 h`.
///
/// From a minute on, anything smaller than the second unit is left out.
#[derive(Clone, Copy, Debug)]
pub struct HumanDuration(pub Duration);

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.0.as_secs(), self.0.subsec_millis());
        let (minutes, hours) = (seconds / 60, seconds / 3_600);
        match (hours / 24, hours, minutes, seconds) {
            (0, 0, 0, 0) => write!(f, "{millis} ms"),
            (0, 0, 0, _) => match millis {
                0 => write!(f, "{seconds} s"),
                _ if millis % 100 == 0 => write!(f, "{seconds}.{} s", millis / 100),
                _ if millis % 10 == 0 => write!(f, "{seconds}.{:02} s", millis / 10),
                _ => write!(f, "{seconds}.{millis:03} s"),
            },
            (0, 0, ..) => two(f, (minutes, "min"), (seconds % 60, "s")),
            (0, ..) => two(f, (hours, "h"), (minutes % 60, "min")),
            (days, ..) => two(f, (days, "d"), (hours % 24, "h")),
        }
    }
}

fn two(f: &mut fmt::Formatter<'_>, big: (u64, &str), small: (u64, &str)) -> fmt::Result {
    match small {
        (0, _) => write!(f, "{} {}", big.0, big.1),
        (amount, unit) => write!(f, "{} {} {amount} {unit}", big.0, big.1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_at_most_two_units() {
        for (millis, text) in [
            (0, "0 ms"),
            (525, "525 ms"),
            (1_000, "1 s"),
            (1_200, "1.2 s"),
            (1_250, "1.25 s"),
            (59_007, "59.007 s"),
            (60_000, "1 min"),
            (843_999, "14 min 3 s"),
            (3_600_000, "1 h"),
            (8_040_000, "2 h 14 min"),
            (86_400_000, "1 d"),
            (273_600_000, "3 d 4 h"),
            (34_560_000_000, "400 d"),
        ] {
            let duration = Duration::from_millis(millis);
            assert_eq!(HumanDuration(duration).to_string(), text);
        }
    }
}
