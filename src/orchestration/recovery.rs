use std::sync::Arc;

use serde_json::json;

use super::run::Run;
use crate::{
    domain::{Call, CallHead, Failure, Key, code},
    services::{CallPolicy, CallResult},
};

impl Run {
    /// Tries what a step declares to recover from a failure, once, each call behind the other.
    ///
    /// They are given the step's input and its failure. The last one stands for the step: it has the
    /// step's key, so that the step's compensation undoes it, and its reply is the step's. Those
    /// before it have keys of their own, and what they change is not undone.
    ///
    /// # Errors
    ///
    /// The failure, if there is nothing to try, or one of the calls fails too; in doubt as well
    /// where that of the last one is.
    pub(super) async fn recover(
        &self,
        step: usize,
        failed: &Call,
        mut failure: Box<Failure>,
    ) -> CallResult {
        let planned = &self.plan.steps[step];
        let hopeless = matches!(&*failure.code, code::WORKFLOW_TIMEOUT | code::CANCELLED);
        let mut last = None;
        if !hopeless {
            let input = Arc::new(json!({ "input": *failed.input, "error": failure }));
            for (position, name) in planned.recover.iter().enumerate() {
                let stands_for_step = position + 1 == planned.recover.len();
                let key = match stands_for_step {
                    true => failed.key.clone(),
                    false => {
                        let part = format!("{}/recover/{position}", planned.id);
                        Some(Key::of_step(&self.id, &part))
                    }
                };
                let head = CallHead {
                    name: name.clone(),
                    ..CallHead::clone(&failed.head)
                };
                let call = Call {
                    head: Arc::new(head),
                    input: Arc::clone(&input),
                    key,
                };
                let client = &self.orchestrator.client;
                let policy = CallPolicy::default();
                match client.call(&call, &policy, self.deadline()).await {
                    Ok(reply) => last = Some(reply),
                    Err(again) => {
                        let message = format!("{name} does not recover it: {again}");
                        self.warn(&planned.id, message);
                        failure.in_doubt |= again.in_doubt && stands_for_step;
                        return Err(failure);
                    }
                }
            }
        }
        let Some(reply) = last else {
            return Err(failure);
        };
        self.warn(&planned.id, format!("recovered from {}", failure.code));
        Ok(reply)
    }
}
