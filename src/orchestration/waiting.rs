//! Steps that wait.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::task::yield_now;

use super::{
    Run, RunError,
    approval::Approval,
    approvals::{APPROVAL, APPROVALS},
    inbox::ReceivedEvent,
    open_waits::{EventWaiting, OpenWaits},
    progress::Ended,
    state::RunState,
    timers::Timer,
    wait::Wait,
};
use crate::{
    domain::{ApprovalStatus, Failure, code, format_duration, resolve},
    observability::{EventKind, EventOf, WaitHead},
    services::Limit,
};

/// What came, and the number of the event if it was one.
type Came = (Arc<Value>, Option<u64>);

impl Run {
    /// Begins to wait.
    ///
    /// # Errors
    ///
    /// If what is waited for refers to data that the run does not have.
    pub(super) fn begin_wait(
        &self,
        step: usize,
        wait: &Wait,
        waits: &mut OpenWaits,
    ) -> Result<(), Box<Failure>> {
        let (began, deadline) = (self.now(), self.deadline());
        let head = self.lock().wait_head(step, wait, deadline)?;
        let head = Arc::new(head);
        let until = head.until.unwrap_or(began);
        self.timeline().record(EventKind::WaitStarted {
            head: Arc::clone(&head),
        });
        let answer = match wait {
            Wait::Approval(approval) => self.ask(&request(&head), approval, until),
            Wait::Event(_) | Wait::For(_) => None,
        };
        let process = &self.orchestrator.process;
        match &head.event {
            None => waits.add_timer(Timer { until, step, began }),
            Some(of) => {
                process.inbox.subscribe(of, Arc::clone(&self.state) as _);
                let answered = answer.map(|answer| Arc::new(answer.reply()));
                waits.add_event(EventWaiting::new(step, began, head, answered));
            }
        }
        process.waiting.notify_waiters();
        Ok(())
    }

    /// The first wait that ends: because what it waits for comes, or the time for it is over, or the run is
    /// lost.
    pub(super) fn poll_waits(
        &self,
        waits: &mut OpenWaits,
        cx: &mut Context<'_>,
    ) -> Poll<(usize, Result<Came, Box<Failure>>)> {
        if waits.is_empty() {
            return Poll::Pending;
        }
        if self.state.has_event_come() {
            let events = waits.events().iter_mut();
            events.for_each(|wait| wait.is_checked = false);
        }
        loop {
            if let Some((place, came)) = self.first_event(waits) {
                let wait = waits.take_event(place);
                return Poll::Ready((wait.step(), self.event_wait_ended(&wait, Ok(came))));
            }
            let is_lost = self.lock().is_lost();
            if is_lost && !waits.events().is_empty() {
                let wait = waits.take_event(0);
                return Poll::Ready((wait.step(), self.event_wait_ended(&wait, Err(cut_short()))));
            }
            let cut_off = is_lost.then(|| waits.take_timer()).flatten();
            if let Some(timer) = cut_off {
                return Poll::Ready((timer.step, self.timer_ended(timer, Err(cut_short()))));
            }
            if let Poll::Ready(timer) = waits.poll_timers(&self.timeline().clock(), cx) {
                match self.end_of_time(timer.step) {
                    Ok(end) => {
                        let end = end.map_or_else(|| Ok((Arc::new(json!({})), None)), Err);
                        return Poll::Ready((timer.step, self.timer_ended(timer, end)));
                    }
                    Err(until) => waits.add_timer(Timer { until, ..timer }),
                }
                continue;
            }
            let Some(place) = waits.timed_out() else {
                break;
            };
            match self.end_of_time(waits.events()[place].step()) {
                Ok(failure) => {
                    let wait = waits.take_event(place);
                    let end = failure.map_or_else(|| self.nothing_came(&wait), Err);
                    return Poll::Ready((wait.step(), self.event_wait_ended(&wait, end)));
                }
                Err(until) => waits.prolong(place, until),
            }
        }
        if waits.turn() {
            // Wakes this task again when all others have had their turn.
            let _ = pin!(yield_now()).poll(cx);
        }
        Poll::Pending
    }

    /// The first event that somebody waits for and that is there.
    fn first_event(&self, waits: &mut OpenWaits) -> Option<(usize, Came)> {
        let inbox = &self.orchestrator.process.inbox;
        let unchecked = waits.events().iter_mut().enumerate();
        for (place, wait) in unchecked.filter(|(_, wait)| !wait.is_checked) {
            if let Some(answer) = wait.answered.take() {
                return Some((place, (answer, None)));
            }
            let mut state = self.lock();
            let due = state.steps[wait.step()].due;
            // One at the very instant of the end is in time.
            let is_right = |event: &ReceivedEvent| {
                let is_answer = *event.head.kind != *APPROVAL || *event.head.source == *APPROVALS;
                is_answer
                    && due.is_none_or(|due| event.at <= due)
                    && !state.taken.contains(&event.number)
            };
            let of = wait.head.event.as_ref()?;
            if let Some(event) = inbox.find(of, state.events_from, is_right) {
                // At once, so that another wait of this run takes another.
                state.taken.insert(event.number);
                return Some((place, (Arc::clone(&event.data), Some(event.number))));
            }
            wait.is_checked = true;
        }
        None
    }

    /// What the end of a wait's time means: nothing, or the failure of the run's deadline or a limit of its
    /// parent.
    ///
    /// # Errors
    ///
    /// When it ends instead, since the deadline no longer counts once the run is past its pivot.
    fn end_of_time(&self, step: usize) -> Result<Option<Box<Failure>>, Duration> {
        let (now, deadline) = (self.now(), self.deadline());
        let state = self.lock();
        let due = state.steps[step].due;
        match state.limit(step, deadline) {
            Some(limit) if now < limit.at => Err(limit.at),
            Some(limit) if due.is_none_or(|due| limit.at < due) => {
                Ok(Some(Box::new(limit.failure())))
            }
            _ => Ok(None),
        }
    }

    fn timer_ended(
        &self,
        timer: Timer,
        end: Result<Came, Box<Failure>>,
    ) -> Result<Came, Box<Failure>> {
        self.wait_ended(timer.step, timer.began, end.as_ref().err().map(Box::as_ref));
        end
    }

    fn event_wait_ended(
        &self,
        wait: &EventWaiting,
        end: Result<Came, Box<Failure>>,
    ) -> Result<Came, Box<Failure>> {
        self.stop_listening(wait);
        let end = match self.plan.steps[wait.step()].wait() {
            Some(Wait::Approval(approval)) => self.decided(end, approval, &wait.head),
            _ => end,
        };
        self.wait_ended(wait.step(), wait.began, end.as_ref().err().map(Box::as_ref));
        end
    }

    /// The end of a wait for an event that did not come in time.
    fn nothing_came(&self, wait: &EventWaiting) -> Result<Came, Box<Failure>> {
        match self.plan.steps[wait.step()].wait() {
            Some(Wait::Approval(approval)) => self.not_answered(approval, &wait.head),
            own => Err(Box::new(timed_out(own, &wait.head))),
        }
    }

    pub(super) fn stop_listening(&self, wait: &EventWaiting) {
        if let Some(of) = &wait.head.event {
            let inbox = &self.orchestrator.process.inbox;
            inbox.unsubscribe(of, &*self.state);
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

    fn wait_ended(&self, step: usize, began: Duration, failure: Option<&Failure>) {
        self.timeline().record(EventKind::WaitEnded {
            head: self.step_head(step),
            took: self.now().saturating_sub(began),
            result: failure.map_or_else(|| "ok".into(), |failure| Arc::clone(&failure.code)),
        });
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
                    kind: Arc::clone(&event.event),
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

fn cut_short() -> Box<Failure> {
    let message = "the run goes no further, so what it waited for does not matter";
    Box::new(Failure::new(code::CANCELLED, message))
}

fn timed_out(wait: Option<&Wait>, head: &WaitHead) -> Failure {
    let after = format_duration(wait.and_then(Wait::longest).unwrap_or_default());
    let of = head.event.as_ref().map_or_else(String::new, |event| {
        let subject = event.subject.as_deref();
        let of = subject.map(|subject| format!(" of {subject:?}"));
        format!(" {:?}{}", event.kind, of.unwrap_or_default())
    });
    let message = format!("no event{of} came within {after}");
    Failure::new(code::WAIT_TIMEOUT, message)
}
