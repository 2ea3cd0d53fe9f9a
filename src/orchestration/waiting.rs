//! Steps that wait.

use std::{
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::{
    Run, RunError,
    approval::Approval,
    approvals::{APPROVAL, APPROVALS},
    inbox::ReceivedEvent,
    run::Ended,
    state::RunState,
    timers::{Timer, Timers},
    wait::Wait,
};
use crate::{
    domain::{ApprovalStatus, Failure, Reply, code, format_duration, resolve},
    observability::{EventKind, EventOf, WaitHead},
    resilience::{Timeout, at_this_instant},
    services::{CallResult, Limit},
};

/// What came, and the number of the event if it was one.
type Came = (Arc<Value>, Option<u64>);

impl Run {
    /// Begins to wait for a time.
    pub(super) fn begin_timer(&self, step: usize) -> Timer {
        let (began, deadline) = (self.now(), self.deadline());
        let until = self.lock().limit(step, deadline).map(|limit| limit.at);
        self.began_to_wait(Arc::new(WaitHead {
            run: Arc::clone(&self.id),
            step: Arc::clone(&self.plan.steps[step].id),
            until,
            event: None,
        }));
        Timer {
            until: until.unwrap_or(began),
            step,
            began,
        }
    }

    /// The first wait for a time that ends: because its time has come, or the deadline or a limit of the
    /// parent's, or because the run is lost.
    pub(super) fn poll_timers(
        &self,
        timers: &mut Timers,
        cx: &mut Context<'_>,
    ) -> Poll<(usize, CallResult)> {
        loop {
            let is_lost = !timers.is_empty() && self.lock().is_lost();
            let timer = match is_lost.then(|| timers.pop()).flatten() {
                Some(timer) => timer,
                None => ready!(timers.poll_next(&self.timeline().clock(), cx)),
            };
            let (step, now, deadline) = (timer.step, self.now(), self.deadline());
            let (due, limit) = {
                let state = self.lock();
                (state.steps[step].due, state.limit(step, deadline))
            };
            let result = match limit {
                _ if now < timer.until => Err(Box::new(cut_short())),
                // A deadline that no longer counts, since the run has passed its pivot.
                Some(limit) if now < limit.at => {
                    timers.add(Timer {
                        until: limit.at,
                        ..timer
                    });
                    continue;
                }
                Some(limit) if due.is_none_or(|due| limit.at < due) => {
                    Err(Box::new(limit.failure()))
                }
                _ => Ok(Reply::new(Arc::new(json!({})))),
            };
            self.ended_to_wait(step, timer.began, result.as_ref().err());
            return Poll::Ready((step, result));
        }
    }

    /// The result of a wait that failed: that of the step's fallback calls, if there are any.
    pub(super) fn recovered(
        &self,
        step: usize,
        failure: Box<Failure>,
    ) -> BoxFuture<'_, (usize, Result<Ended, RunError>)> {
        Box::pin(async move {
            let recovered = match self.input_of(step) {
                Ok(input) => self.try_fallback_calls(step, &input, failure).await,
                Err(_) => Ok(Err(failure)),
            };
            (step, recovered.map(|result| (result, None)))
        })
    }

    fn began_to_wait(&self, head: Arc<WaitHead>) {
        self.timeline().record(EventKind::WaitStarted { head });
        self.orchestrator.process.waiting.notify_waiters();
    }

    fn ended_to_wait(&self, step: usize, began: Duration, failure: Option<&Box<Failure>>) {
        self.timeline().record(EventKind::WaitEnded {
            head: self.step_head(step),
            took: self.now().saturating_sub(began),
            result: failure.map_or_else(|| "ok".into(), |failure| Arc::clone(&failure.code)),
        });
    }

    /// Waits for an event or an approval; if nothing comes, the step's fallback calls are made.
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
        let limit = self.deadline();
        let (due, head) = {
            let state = self.lock();
            (state.steps[step].due, state.wait_head(step, wait, limit)?)
        };
        let head = Arc::new(head);
        let until = head.until.unwrap_or(began);
        self.timeline().record(EventKind::WaitStarted {
            head: Arc::clone(&head),
        });
        let answered = match wait {
            Wait::Approval(approval) => self.ask(&request(&head), approval, until),
            Wait::Event(_) | Wait::For(_) => None,
        };
        self.orchestrator.process.waiting.notify_waiters();
        let come = async {
            match &answered {
                Some(answer) => Some((Arc::new(answer.reply()), None)),
                // On the heap, where it is only as large as it needs to be.
                None => Box::pin(self.first_event(&head, due)).await,
            }
        };
        let came = tokio::select! {
            biased;
            came = come => match (came, limit) {
                (Some(came), _) => Ok(came),
                (None, Some(limit)) if due.is_none_or(|due| limit.at < due) => {
                    Err(Box::new(limit.failure()))
                }
                (None, _) => match wait {
                    Wait::Approval(approval) => self.not_answered(approval, &head),
                    Wait::Event(_) | Wait::For(_) => Err(Box::new(timed_out(wait, &head))),
                },
            },
            () = self.state.is_lost() => Err(Box::new(cut_short())),
        };
        let came = match wait {
            Wait::Approval(approval) => self.decided(came, approval, &head),
            Wait::For(_) | Wait::Event(_) => came,
        };
        self.ended_to_wait(step, began, came.as_ref().err());
        came
    }

    /// The result of an approval that nobody answered in time.
    fn not_answered(&self, approval: &Approval, head: &WaitHead) -> Result<Came, Box<Failure>> {
        let after = format_duration(approval.timeout);
        let message = format!("nobody answered {:?} within {after}", approval.what);
        let status = match approval.approve_on_timeout {
            true => ApprovalStatus::Approved,
            false => ApprovalStatus::TimedOut,
        };
        let answer = self.end_request(&request(head), status, &message);
        match status {
            ApprovalStatus::Approved => Ok((Arc::new(answer.reply()), None)),
            _ => Err(Box::new(Failure::new(code::APPROVAL_TIMEOUT, message))),
        }
    }

    /// The result of an answer, or of a wait for it that was cut short.
    fn decided(
        &self,
        came: Result<Came, Box<Failure>>,
        approval: &Approval,
        head: &WaitHead,
    ) -> Result<Came, Box<Failure>> {
        match came {
            Ok((reply, _)) if reply["status"] == ApprovalStatus::Denied.as_str() => {
                let text = |field: &str| reply[field].as_str().unwrap_or_default().to_owned();
                let (approver, reason) = (text("approver"), text("reason"));
                let message = format!("{approver} denied {:?}: {reason}", approval.what);
                Err(Box::new(Failure::new(code::APPROVAL_DENIED, message)))
            }
            Err(failure) if *failure.code != *code::APPROVAL_TIMEOUT => {
                let why = failure.message.clone();
                self.end_request(&request(head), ApprovalStatus::Cancelled, &why);
                Err(failure)
            }
            came => came,
        }
    }

    /// The first event that comes until `due`, or `None` once it is `end`; one at the very instant of the
    /// end comes in time.
    async fn first_event(&self, head: &WaitHead, due: Option<Duration>) -> Option<Came> {
        let of = head.event.as_ref()?;
        let inbox = &self.orchestrator.process.inbox;
        let from = self.lock().events_from;
        let is_right = |event: &ReceivedEvent| {
            let is_answer = *event.head.kind != *APPROVAL || *event.head.source == *APPROVALS;
            is_answer
                && due.is_none_or(|due| event.at <= due)
                && !self.lock().has_taken(event.number)
        };
        let listener = inbox.listen(of);
        let first = listener.first(from, is_right);
        let left = head.until.map(|end| end.saturating_sub(self.now()));
        let came = match left {
            // After a restart, too.
            Some(Duration::ZERO) => at_this_instant(first).await?,
            Some(left) => Timeout(left).run(first).await.ok()?,
            None => first.await,
        };
        // At once, so that another wait of this run takes another.
        self.lock().take(came.number);
        Some((Arc::clone(&came.data), Some(came.number)))
    }
}

impl RunState {
    /// What a step waits for, and until when.
    ///
    /// # Errors
    ///
    /// `INVALID_REFERENCE` if its subject refers to data that the run does not have, or that is not text.
    pub fn wait_head(
        &self,
        step: usize,
        wait: &Wait,
        deadline: Option<Limit>,
    ) -> Result<WaitHead, Box<Failure>> {
        let event = match wait {
            Wait::For(_) => None,
            Wait::Approval(_) => Some(EventOf {
                kind: APPROVAL.into(),
                subject: Some(self.request_id(step)),
            }),
            Wait::Event(event) => {
                let subject = event.subject.as_ref();
                Some(EventOf {
                    kind: event.event.as_str().into(),
                    subject: subject.map(|subject| self.subject(subject)).transpose()?,
                })
            }
        };
        Ok(WaitHead {
            run: Arc::clone(&self.run),
            step: Arc::clone(&self.plan.steps[step].id),
            until: self.limit(step, deadline).map(|limit| limit.at),
            event: event.map(Box::new),
        })
    }

    fn subject(&self, subject: &str) -> Result<Arc<str>, Box<Failure>> {
        let data = |name: &str| self.data(name);
        match resolve(&Value::String(subject.to_owned()), &data)? {
            Value::String(text) => Ok(text.into()),
            Value::Number(number) => Ok(number.to_string().into()),
            other => {
                let message = format!("{subject} is {other}, and the subject of an event is text");
                Err(Box::new(Failure::new(code::INVALID_REFERENCE, message)))
            }
        }
    }
}

/// The request for approval that a step waits for.
fn request(head: &WaitHead) -> Arc<str> {
    let event = head.event.as_ref();
    event
        .and_then(|event| event.subject.clone())
        .unwrap_or_default()
}

fn cut_short() -> Failure {
    let message = "the run goes no further, so what it waited for does not matter";
    Failure::new(code::CANCELLED, message)
}

fn timed_out(wait: &Wait, head: &WaitHead) -> Failure {
    let after = format_duration(wait.longest().unwrap_or_default());
    let of = head.event.as_ref().map_or_else(String::new, |event| {
        let subject = event.subject.as_deref();
        let of = subject.map(|subject| format!(" of {subject:?}"));
        format!(" {:?}{}", event.kind, of.unwrap_or_default())
    });
    let message = format!("no event{of} came within {after}");
    Failure::new(code::WAIT_TIMEOUT, message)
}
