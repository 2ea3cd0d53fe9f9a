//! Steps that wait.

use std::{future::pending, sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    Run, RunError,
    inbox::{EventOf, ReceivedEvent},
    run::Ended,
    state::RunState,
    wait::{EventWait, Wait},
};
use crate::{
    domain::{Failure, Reply, code, format_duration, resolve},
    observability::{EventKind, WaitHead},
    resilience::Timeout,
};

/// What came, and the number of the event if it was one.
type Came = (Arc<Value>, Option<u64>);

impl Run {
    /// Waits; if nothing comes, the step's fallback calls are made.
    pub(super) async fn wait(
        &self,
        step: usize,
        wait: &Wait,
        input: Arc<Value>,
    ) -> Result<Ended, RunError> {
        match self.come(step, wait).await {
            Ok((reply, event)) => Ok((Ok(Reply::new(reply)), event)),
            Err(failure) => {
                let result = Box::pin(self.try_fallback_calls(step, &input, failure)).await?;
                Ok((result, None))
            }
        }
    }

    /// Waits until what is waited for comes, the run's deadline, or the run is lost.
    async fn come(&self, step: usize, wait: &Wait) -> Result<Came, Box<Failure>> {
        let began = self.now();
        let due = self.lock().steps[step].due;
        let of = wait
            .event()
            .map(|event| self.lock().event_of(event))
            .transpose()?;
        let id = &self.plan.steps[step].id;
        let limit = self.deadline();
        let end = due.into_iter().chain(limit.map(|limit| limit.at)).min();
        self.timeline().record(EventKind::WaitStarted {
            head: Arc::new(WaitHead {
                run: Arc::clone(&self.id),
                step: Arc::clone(id),
                until: end,
                kind: of.as_ref().map(|of| Arc::clone(&of.kind)),
                subject: of.as_ref().and_then(|of| of.subject.clone()),
            }),
        });
        self.orchestrator.waiting.notify_waiters();
        let came = tokio::select! {
            biased;
            came = self.first_of(of.as_ref(), due, end) => match (came, limit) {
                (Some(came), _) => Ok(came),
                (None, Some(limit)) if due.is_none_or(|due| limit.at < due) => {
                    Err(Box::new(limit.failure()))
                }
                (None, _) => match wait {
                    Wait::For(_) => Ok((Arc::new(json!({})), None)),
                    Wait::Event(event) => Err(Box::new(timed_out(event, of.as_ref()))),
                },
            },
            () = self.state.is_lost() => {
                let message = "the run goes no further, so what it waited for does not matter";
                Err(Box::new(Failure::new(code::CANCELLED, message)))
            }
        };
        let result = match &came {
            Ok(_) => "ok".into(),
            Err(failure) => Arc::clone(&failure.code),
        };
        self.timeline().record(EventKind::WaitEnded {
            head: self.step_head(step),
            took: self.now().saturating_sub(began),
            result,
        });
        came
    }

    /// The first event that comes until `due`, or `None` once it is `end`.
    async fn first_of(
        &self,
        of: Option<&EventOf>,
        due: Option<Duration>,
        end: Option<Duration>,
    ) -> Option<Came> {
        match (of, end) {
            // On the heap, so that waits for a time, which need none of it, are small.
            (Some(of), _) => Box::pin(self.first_event(of, due, end)).await,
            (None, Some(end)) => {
                self.timeline().clock().sleep_until(end).await;
                None
            }
            (None, None) => pending().await,
        }
    }

    /// An event at the very instant of the end comes in time.
    async fn first_event(
        &self,
        of: &EventOf,
        due: Option<Duration>,
        end: Option<Duration>,
    ) -> Option<Came> {
        let inbox = &self.orchestrator.inbox;
        let from = self.lock().events_from;
        let is_right = |event: &ReceivedEvent| {
            due.is_none_or(|due| event.at <= due) && !self.lock().taken.contains(&event.number)
        };
        let left = end.map(|end| end.saturating_sub(self.now()));
        let came = match left {
            Some(Duration::ZERO) => inbox.find(of, from, is_right)?,
            Some(left) => {
                let listener = inbox.listen(of);
                Timeout(left)
                    .run(listener.first(from, is_right))
                    .await
                    .ok()?
            }
            None => inbox.listen(of).first(from, is_right).await,
        };
        // At once, so that another wait of this run takes another.
        self.lock().taken.insert(came.number);
        Some((Arc::clone(&came.data), Some(came.number)))
    }
}

impl RunState {
    /// The event that a wait is for.
    ///
    /// # Errors
    ///
    /// `INVALID_REFERENCE` if its subject refers to data that the run does not have, or that are no text.
    pub fn event_of(&self, wait: &EventWait) -> Result<EventOf, Box<Failure>> {
        let subject = match &wait.subject {
            None => None,
            Some(subject) => {
                let data = |name: &str| self.data(name);
                let found = resolve(&Value::String(subject.clone()), &data)?;
                Some(match found {
                    Value::String(text) => text.into(),
                    Value::Number(number) => number.to_string().into(),
                    other => {
                        let message =
                            format!("{subject} is {other}, and the subject of an event is text");
                        return Err(Box::new(Failure::new(code::INVALID_REFERENCE, message)));
                    }
                })
            }
        };
        Ok(EventOf {
            kind: wait.event.as_str().into(),
            subject,
        })
    }
}

fn timed_out(wait: &EventWait, of: Option<&EventOf>) -> Failure {
    let subject = of.and_then(|of| of.subject.as_deref());
    let subject = subject.map(|subject| format!(" of {subject:?}"));
    let after = format_duration(wait.timeout.unwrap_or_default());
    let message = format!(
        "no event {:?}{} came within {after}",
        wait.event,
        subject.unwrap_or_default()
    );
    Failure::new(code::WAIT_TIMEOUT, message)
}
