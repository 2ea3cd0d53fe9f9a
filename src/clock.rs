//! Time and randomness of a scenario: both come from here, so that both are reproducible.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use rand::{SeedableRng as _, rngs::ChaCha8Rng};
use tokio::time::Instant;

/// The instant that every scenario starts at: `2025-01-01T00:00:00Z`.
pub const EPOCH: DateTime<Utc> =
    DateTime::from_timestamp(1_735_689_600, 0).expect("it is in range");

/// What to do about code for which virtual time is of no use.
pub(crate) const REAL_TIME_HINT: &str =
    "if it waits for real I/O or for another thread, tag the scenario @wall-clock";

/// The last second that RFC 3339 can express: `9999-12-31T23:59:59Z`.
const LAST: DateTime<Utc> = DateTime::from_timestamp(253_402_300_799, 0).expect("it is in range");

/// The clock of one scenario: offsets since its start, in whole milliseconds.
///
/// It follows [`tokio::time`], so it is virtual if the runtime's time is paused, else
/// real; nothing else in the crate knows which.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    /// The offset at the start.
    initial: Duration,
}

impl Clock {
    /// Starts a clock at offset zero.
    pub fn start() -> Self {
        Self::start_at(Duration::ZERO)
    }

    /// Starts a clock at an offset, to continue one whose process may be gone.
    pub fn start_at(initial: Duration) -> Self {
        Self {
            start: Instant::now(),
            initial,
        }
    }

    /// Starts a clock whose instants are those of the machine's.
    #[cfg(feature = "tasks")]
    pub(crate) fn real() -> Self {
        let now = DateTime::<Utc>::from(std::time::SystemTime::now());
        Self::start_at((now - EPOCH).to_std().unwrap_or_default())
    }

    /// Time since the start, cut to whole milliseconds.
    pub fn now(&self) -> Duration {
        whole_millis(self.initial + self.start.elapsed())
    }

    /// Whether time is virtual: real time passes while it stands still.
    pub(crate) fn is_virtual() -> bool {
        let now = Instant::now();
        let real = std::time::Instant::now();
        while std::time::Instant::now() == real {
            std::hint::spin_loop();
        }
        Instant::now() == now
    }

    /// Waits for `duration`.
    pub async fn sleep(&self, duration: Duration) {
        if !duration.is_zero() {
            tokio::time::sleep(duration).await;
        }
    }

    /// Waits until `offset`; returns immediately if it has passed.
    pub async fn sleep_until(&self, offset: Duration) {
        tokio::time::sleep_until(self.at(offset)).await;
    }

    /// The runtime's instant of an offset.
    pub(crate) fn at(&self, offset: Duration) -> Instant {
        self.start + offset.saturating_sub(self.initial)
    }

    /// The RFC 3339 timestamp of an offset, counted from [`EPOCH`].
    pub fn timestamp(offset: Duration) -> String {
        rfc_3339(&Self::instant(offset))
    }

    /// The instant of an offset, counted from [`EPOCH`].
    pub fn instant(offset: Duration) -> DateTime<Utc> {
        TimeDelta::from_std(offset)
            .ok()
            .and_then(|since| EPOCH.checked_add_signed(since))
            .map_or(LAST, |instant| instant.min(LAST))
    }
}

/// An instant in RFC 3339, with as few digits as possible.
pub fn rfc_3339(instant: &DateTime<Utc>) -> String {
    let text = instant.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    match text.trim_end_matches('Z') {
        digits if digits.contains('.') => format!("{}Z", digits.trim_end_matches('0')),
        _ => text,
    }
}

/// Serde for an instant in RFC 3339.
pub(crate) mod timestamp {
    use std::borrow::Cow;

    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::rfc_3339;

    pub fn serialize<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc_3339(at))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<DateTime<Utc>, D::Error> {
        read(&Cow::<str>::deserialize(deserializer)?).map_err(Error::custom)
    }

    pub fn read(text: &str) -> Result<DateTime<Utc>, String> {
        let read = DateTime::parse_from_rfc3339(text);
        read.map(|at| at.to_utc()).map_err(|_| {
            format!("{text:?} is not a timestamp, expected one such as \"2025-01-01T00:00:00Z\"")
        })
    }
}

/// Cuts a duration to the resolution of virtual time.
pub fn whole_millis(duration: Duration) -> Duration {
    Duration::new(duration.as_secs(), duration.subsec_millis() * 1_000_000)
}

/// The seed of all randomness of a scenario.
///
/// Every draw names its purpose and gets its own generator, so that one more draw in one place
/// changes none elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// A seed that differs from call to call, where nothing is to be repeated.
    pub(crate) fn random() -> Self {
        use std::hash::{BuildHasher as _, RandomState};
        Self(RandomState::new().hash_one(0))
    }

    /// The seed of a part, identified by `names`.
    pub fn part<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        // FNV-1a: short, and fixed for all platforms and versions, which the
        // standard library's hashers do not promise.
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        let mut hash = 0xcbf2_9ce4_8422_2325 ^ self.0;
        for name in names {
            for byte in name.bytes().chain([0xff]) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(PRIME);
            }
        }
        Self(hash)
    }

    /// A generator that starts from this seed.
    pub fn rng(self) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(self.0)
    }
}

/// Runs a future in virtual time, on its own runtime.
#[cfg(test)]
pub fn virtually<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(work)
}

#[cfg(test)]
mod tests {
    use rand::Rng as _;

    use super::*;

    #[test]
    fn timestamps_count_from_the_epoch() {
        assert_eq!(Clock::timestamp(Duration::ZERO), "2025-01-01T00:00:00Z");
        assert_eq!(
            Clock::timestamp(Duration::from_millis(1_500)),
            "2025-01-01T00:00:01.5Z"
        );
        assert_eq!(
            Clock::timestamp(Duration::from_secs(600)),
            "2025-01-01T00:10:00Z"
        );
        assert_eq!(Clock::timestamp(Duration::MAX), "9999-12-31T23:59:59Z");
        let ten_thousand_years = Duration::from_secs(10_000 * 366 * 24 * 60 * 60);
        assert_eq!(Clock::timestamp(ten_thousand_years), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn clock_tells_virtual_time_from_real() {
        assert!(virtually(async { Clock::is_virtual() }));
        let mut real = tokio::runtime::Builder::new_current_thread();
        let real = real.enable_time().build().unwrap();
        assert!(!real.block_on(async { Clock::is_virtual() }));
    }

    #[tokio::test(start_paused = true)]
    async fn start_at_continues_another_clock() {
        let ms = Duration::from_millis;
        let first = Clock::start();
        first.sleep(ms(40)).await;
        let second = Clock::start_at(first.now());
        second.sleep_until(ms(30)).await;
        assert_eq!(second.now(), ms(40));
        second.sleep_until(ms(70)).await;
        assert_eq!((first.now(), second.now()), (ms(70), ms(70)));
    }

    #[test]
    fn parts_of_a_seed_are_stable_and_distinct() {
        let seed = Seed(7);
        assert_eq!(seed.part(["a", "b"]), seed.part(["a", "b"]));
        assert_ne!(seed.part(["a", "b"]), seed.part(["ab"]));
        assert_ne!(seed.part(["a"]), Seed(8).part(["a"]));
        assert_eq!(Seed(1).rng().next_u64(), Seed(1).rng().next_u64());
    }
}
