use std::{num::NonZeroUsize, thread, time::Duration};

use super::{RetryTag, Selection, TagExpression, TagOptions};

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Features to run instead of the suite's own: a file, a folder or a pattern, from the current folder.
    pub input: Option<String>,
    /// Which scenarios to run.
    pub selection: Selection,
    /// How many scenarios run concurrently.
    pub concurrency: NonZeroUsize,
    /// Whether the scenarios are only checked, and not run.
    pub dry_run: bool,
    /// Whether scenarios after the first failing one are skipped.
    pub fail_fast: bool,
    /// Which scenarios run again when they fail.
    pub retry: RetryOptions,
    /// The order of scenarios, in output too.
    pub order: Order,
    /// The seed from which the scenarios' seeds are derived.
    pub seed: u64,
    /// Real time that a scenario may take.
    pub scenario_timeout: Duration,
}

/// Which scenarios run again when they fail; a scenario's own `@retry` takes precedence.
#[derive(Clone, Debug, Default)]
pub struct RetryOptions {
    /// How often to run again at most.
    pub retries: Option<u32>,
    /// How long a `@wall-clock` scenario waits before it runs again, in real time.
    pub after: Option<Duration>,
    /// Only scenarios with these tags run again.
    pub only: Option<TagExpression>,
}

/// The order in which scenarios run and are reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// That of the files.
    #[default]
    File,
    /// Shuffled, by a seed.
    Random(u64),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            input: None,
            selection: Selection::default(),
            concurrency: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            dry_run: false,
            fail_fast: false,
            retry: RetryOptions::default(),
            order: Order::default(),
            seed: 0,
            scenario_timeout: Duration::from_secs(60),
        }
    }
}

impl RetryOptions {
    /// How often a scenario runs again, and how long it waits before each retry.
    pub(super) fn of(&self, options: &TagOptions, tags: &[String]) -> (u32, Duration) {
        let (retries, after) = match options.retry {
            Some(RetryTag { retries, after }) => (retries.or(self.retries).unwrap_or(1), after),
            None if self.only.as_ref().is_none_or(|only| only.matches(tags)) => {
                (self.retries.unwrap_or(0), None)
            }
            None => (0, None),
        };
        (retries, after.or(self.after).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_tag_of_a_scenario_overrides_the_command_line() {
        let second = Duration::from_secs(1);
        let of = |retry: &RetryOptions, tags: &[&str]| {
            let tags: Vec<_> = tags.iter().map(|&tag| tag.to_owned()).collect();
            retry.of(&TagOptions::parse(&tags).unwrap(), &tags)
        };
        let none = RetryOptions::default();
        assert_eq!(of(&none, &[]), (0, Duration::ZERO));
        assert_eq!(of(&none, &["retry"]), (1, Duration::ZERO));
        assert_eq!(of(&none, &["retry(3).after(1s)"]), (3, second));
        let some = RetryOptions {
            retries: Some(2),
            after: Some(second),
            only: Some("@net".parse().unwrap()),
        };
        assert_eq!(of(&some, &[]).0, 0);
        assert_eq!(of(&some, &["net"]), (2, second));
        assert_eq!(of(&some, &["retry"]), (2, second));
        assert_eq!(of(&some, &["retry(0)", "net"]), (0, second));
    }
}
