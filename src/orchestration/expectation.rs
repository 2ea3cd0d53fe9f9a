use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::run::Run;
use crate::observability::{unexpected_duration, unexpected_reply};

impl Run {
    /// Records a reply that lacks what was expected.
    pub(super) fn check_output(&self, step: &Arc<str>, reply: &Value, expected: Option<&Value>) {
        if let Some(event) = expected.and_then(|it| unexpected_reply(step, reply, it)) {
            self.timeline().record(event);
        }
    }

    /// Records a duration that is far above what was expected.
    pub(super) fn check_duration(
        &self,
        about: &Arc<str>,
        took: Duration,
        expected: Option<Duration>,
    ) {
        if let Some(event) = expected.and_then(|it| unexpected_duration(about, took, it)) {
            self.timeline().record(event);
        }
    }
}
