use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::duration_text;

/// The limits that communication is checked against.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommunicationThresholds {
    /// How long a response may take.
    pub response_time: ResponseTimes,
    /// How long one execution between two services may take.
    #[serde(with = "duration_text")]
    pub inter_service_latency: Duration,
    /// The least share of requests that succeed, from 0 to 1.
    pub success_rate: f64,
    /// The greatest share of requests that fail, from 0 to 1.
    pub error_rate: f64,
    /// The least share of requests that a service could be reached for, from 0 to 1.
    pub availability: f64,
    /// The most requests in flight at the same time.
    pub concurrent_requests: u32,
}

/// How long a response may take to count as fast, acceptable or slow, limits included.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResponseTimes {
    /// Up to this it is fast.
    #[serde(with = "duration_text")]
    pub fast: Duration,
    /// Up to this it is acceptable.
    #[serde(with = "duration_text")]
    pub acceptable: Duration,
    /// Up to this it is slow.
    #[serde(with = "duration_text")]
    pub slow: Duration,
    /// Beyond this it is overdue.
    #[serde(with = "duration_text")]
    pub timeout: Duration,
}

/// How fast a response is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseSpeed {
    /// Within [`ResponseTimes::fast`].
    Fast,
    /// Within [`ResponseTimes::acceptable`].
    Acceptable,
    /// Within [`ResponseTimes::slow`].
    Slow,
    /// Within [`ResponseTimes::timeout`].
    TooSlow,
    /// Beyond [`ResponseTimes::timeout`].
    Overdue,
}

impl ResponseTimes {
    /// The speed of a response that took this long.
    pub fn speed(&self, took: Duration) -> ResponseSpeed {
        let limits = [
            (self.fast, ResponseSpeed::Fast),
            (self.acceptable, ResponseSpeed::Acceptable),
            (self.slow, ResponseSpeed::Slow),
            (self.timeout, ResponseSpeed::TooSlow),
        ];
        limits
            .into_iter()
            .find(|(limit, _)| took <= *limit)
            .map_or(ResponseSpeed::Overdue, |(_, speed)| speed)
    }

    /// Whether each limit is above the one before.
    pub fn ascend(&self) -> bool {
        self.fast < self.acceptable && self.acceptable < self.slow && self.slow < self.timeout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn response_time_at_a_limit_counts_as_the_faster_speed() {
        let ms = Duration::from_millis;
        let times = ResponseTimes {
            fast: ms(500),
            acceptable: ms(1_000),
            slow: ms(2_000),
            timeout: ms(5_000),
        };
        assert!(times.ascend());
        for (took, speed) in [
            (0, ResponseSpeed::Fast),
            (500, ResponseSpeed::Fast),
            (501, ResponseSpeed::Acceptable),
            (1_000, ResponseSpeed::Acceptable),
            (1_001, ResponseSpeed::Slow),
            (2_000, ResponseSpeed::Slow),
            (2_001, ResponseSpeed::TooSlow),
            (5_000, ResponseSpeed::TooSlow),
            (5_001, ResponseSpeed::Overdue),
        ] {
            assert_eq!(times.speed(ms(took)), speed, "{took} ms");
        }
    }
}
