use std::time::Duration;

use super::{Limit, Tries};
use crate::{
    clock::Seed,
    domain::{Failure, code},
    resilience::{Retries, Retrying},
};

/// The tries of what is repeated as its retries say: a call, or the workflow that a step runs.
pub(crate) struct Repetition<'a, D> {
    retries: &'a Retries,
    retrying: Retrying<'a>,
    /// The seed of a retry by its number, from 0.
    draw: D,
    /// The failures that were tried again, oldest first.
    causes: Vec<Failure>,
}

impl<'a, D: Fn(u32) -> Seed> Repetition<'a, D> {
    /// What follows the tries that an earlier process made: they are counted again, so that those that
    /// were used up stay used up.
    pub fn after(earlier: &Tries, retries: &'a Retries, draw: D) -> Self {
        let mut retrying = retries.begin();
        for failure in &earlier.failures {
            let _ = retrying.next_delay(failure, &draw);
        }
        Self {
            retries,
            retrying,
            draw,
            causes: earlier.failures.clone(),
        }
    }

    /// How often it was tried again.
    pub fn retries(&self) -> usize {
        self.causes.len()
    }

    /// The delay before the try that follows a failure, and is `at_least` this long; if that would end
    /// after the limit, there is none, and the failure says so.
    pub fn next_delay(
        &mut self,
        failure: &mut Failure,
        at_least: Option<Duration>,
        now: Duration,
        limit: Option<Limit>,
    ) -> Option<Duration> {
        let delay = self.retrying.next_delay(failure, &self.draw)?;
        let delay = delay.max(at_least.unwrap_or_default());
        if limit.is_some_and(|limit| now + delay > limit.at) {
            let why = "the next try would start after the deadline";
            failure.not_retried = Some(why.to_owned());
            return None;
        }
        Some(delay)
    }

    /// A failure is tried again.
    pub fn repeat(&mut self, failure: Failure) {
        self.causes.push(failure);
    }

    /// The failure of the last try, with those before it as its causes, and why it was not retried if
    /// its code is the reason.
    pub fn ended(self, mut failure: Box<Failure>) -> Box<Failure> {
        if failure.not_retried.is_none() {
            failure.not_retried = self.retries.refusal(&failure);
        }
        self.with_causes(failure)
    }

    /// The failure of the last try, after which the caller stopped; `before_any` if there was none.
    pub fn stopped(mut self, before_any: impl FnOnce() -> Box<Failure>) -> Box<Failure> {
        let Some(mut last) = self.causes.pop() else {
            return before_any();
        };
        last.not_retried = Some("its caller stopped before the next try".to_owned());
        self.with_causes(Box::new(last))
    }

    /// The failure, with those that were tried again before it as its causes.
    pub fn with_causes(self, mut failure: Box<Failure>) -> Box<Failure> {
        failure.causes.splice(0..0, self.causes);
        failure
    }
}

/// The failure of what its caller stopped before the first try.
pub(crate) fn stopped_before_any() -> Box<Failure> {
    Box::new(Failure::new(
        code::CANCELLED,
        "the caller stopped before it was executed",
    ))
}
