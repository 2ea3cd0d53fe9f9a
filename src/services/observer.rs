use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use serde_json::Value;

use super::WireAnswer;
use crate::domain::Failure;

/// Follows the executions of a call, and decides whether more may start.
///
/// A caller that outlives its process journals the retries, so that a restart renews neither their
/// number nor their delays; one that gives up ends the wait for the next.
pub trait CallObserver: Send + Sync {
    /// A retry after `failure` is due at an offset on the clock. Returns whether to go on.
    fn retry_scheduled(&self, failure: &Failure, due: Duration) -> bool {
        let _ = (failure, due);
        true
    }

    /// Resolves when a retry that is due may start.
    fn admitted(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// The retry that was scheduled last starts. Returns whether to go on.
    fn retry_started(&self) -> bool {
        true
    }

    /// Resolves when no further execution may start.
    fn stopped(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }

    /// Whether the caller's process dies at this moment of an execution of the operation, counted from 1
    /// over the whole scenario.
    fn dies(&self, moment: Moment, execution: u32) -> bool {
        let _ = (moment, execution);
        false
    }

    /// An answer that is about the bytes on the wire goes out, in place of this reply.
    fn answers(&self, answer: &WireAnswer, reply: &Arc<Value>) {
        let _ = (answer, reply);
    }
}

/// A caller that only waits for the result.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unobserved;

impl CallObserver for Unobserved {}

/// A moment of an execution at which the caller's process may die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The request has arrived, and the service has not acted.
    BeforeActing,
    /// The service has acted, and its answer has not arrived.
    AfterActing,
}

/// What is known of the tries of a call that an earlier process made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tries {
    /// The failures that were retried, oldest first.
    pub failures: Vec<Failure>,
    /// When the next retry is due, as an offset on the clock, if it has not started.
    pub due: Option<Duration>,
    /// Executions that a crash cut off: their results are unknown.
    pub cut_off: u32,
}

impl Tries {
    /// How many executions there were.
    pub fn executions(&self) -> u32 {
        let failed: u32 = self.failures.iter().map(|failure| failure.executions).sum();
        self.cut_off + failed
    }

    /// Whether one of them may have had an effect that is not known.
    pub fn in_doubt(&self) -> bool {
        self.cut_off > 0 || self.failures.iter().any(|failure| failure.in_doubt)
    }
}
