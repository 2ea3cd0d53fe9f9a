//! The requests for approval of all runs, and their answers.

use std::{sync::Arc, time::Duration};

use super::{
    Inbox, Run,
    approval::{Answer, Approval},
    plan::StepAction,
    state::RunState,
    wait::Wait,
};
use crate::{
    domain::{ApprovalStatus, IndexMap, StepStatus, did_you_mean},
    observability::{ControlEvent, EventHead, EventKind, Timeline},
};

/// The type of the event that is an answer.
pub(crate) const APPROVAL: &str = "approval";
/// The source of such events.
pub(super) const APPROVALS: &str = "approvals";

/// The requests for approval, in the order they were made; they outlive the orchestrator's process.
#[derive(Default)]
pub(super) struct Approvals {
    requests: IndexMap<Arc<str>, Request>,
    disabled: bool,
}

struct Request {
    approval: Approval,
    /// Whether a step has begun to wait for it.
    is_awaited: bool,
    answer: Option<Answer>,
}

/// Why an answer to a request for approval does not count.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// There is no such request.
    #[error("there is no request for approval {id:?}: {hint}")]
    Unknown {
        /// The request that was answered.
        id: String,
        /// Those that there are.
        hint: String,
    },
    /// It has ended.
    #[error("it is {} already, by {approver}: the first answer counts", .status.as_str())]
    Ended {
        /// How it ended.
        status: ApprovalStatus,
        /// Who answered first.
        approver: Arc<str>,
    },
    /// The person may not answer.
    #[error("{approver:?} may not answer it: {}", only(.approvers))]
    NotAnApprover {
        /// Who answered.
        approver: Arc<str>,
        /// Who may.
        approvers: Vec<String>,
    },
    /// A reason is required.
    #[error("an answer needs a reason")]
    NoReason,
}

fn only(approvers: &[String]) -> String {
    let names: Vec<_> = approvers.iter().map(|name| format!("{name:?}")).collect();
    format!("only {} may", names.join(" or "))
}

impl Inbox {
    /// Takes every request as approved from now on.
    pub fn disable_approvals(&self) {
        self.approvals().disabled = true;
    }

    /// The request of a step of a run, the latest if it was asked for several times.
    pub fn request_of(&self, run: &str, step: &str) -> String {
        let first = format!("{run}/{step}");
        let approvals = self.approvals();
        let mut requests = approvals.requests.keys().rev();
        let of_step = requests.find(|id| {
            let number = id.strip_prefix(&*first);
            number.is_some_and(|rest| rest.is_empty() || rest.starts_with('~'))
        });
        of_step.map_or(first, ToString::to_string)
    }

    /// Answers a request, whether or not its step waits for it yet.
    ///
    /// # Errors
    ///
    /// If there is no such request or it has ended, the person may not answer it, or a required reason
    /// is missing. All but the first are recorded.
    pub fn answer(&self, id: &str, answer: Answer, timeline: &Timeline) -> Result<(), AnswerError> {
        let refused = {
            let mut approvals = self.approvals();
            let Some(request) = approvals.requests.get_mut(id) else {
                let hint = did_you_mean(id, approvals.requests.keys().map(|id| &**id));
                return Err(AnswerError::Unknown {
                    id: id.to_owned(),
                    hint,
                });
            };
            match request.refusal(&answer) {
                None => {
                    request.answer = Some(answer.clone());
                    None
                }
                refused => refused,
            }
        };
        let request: Arc<str> = id.into();
        if let Some(error) = refused {
            record(
                timeline,
                ControlEvent::ApprovalRefused {
                    request,
                    approver: answer.approver,
                    reason: error.to_string().into(),
                },
            );
            return Err(error);
        }
        let head = Arc::new(EventHead {
            kind: APPROVAL.into(),
            source: APPROVALS.into(),
            id: Arc::clone(&request),
            subject: Some(Arc::clone(&request)),
        });
        record(timeline, ended(request, &answer));
        self.receive(&head, || answer.reply(), timeline.now());
        Ok(())
    }

    /// Makes a request, unless it was made before.
    fn request_approval(&self, id: &Arc<str>, approval: &Approval) {
        let request = || Request {
            approval: approval.clone(),
            is_awaited: false,
            answer: None,
        };
        let mut approvals = self.approvals();
        approvals
            .requests
            .entry(Arc::clone(id))
            .or_insert_with(request);
    }

    /// Ends a request that nobody has answered.
    fn end_request(&self, id: &Arc<str>, answer: &Answer, timeline: &Timeline) {
        let mut approvals = self.approvals();
        let open = approvals.requests.get_mut(id);
        let Some(request) = open.filter(|request| request.answer.is_none()) else {
            return;
        };
        request.answer = Some(answer.clone());
        drop(approvals);
        record(timeline, ended(Arc::clone(id), answer));
    }
}

impl Request {
    fn status(&self) -> ApprovalStatus {
        self.answer
            .as_ref()
            .map_or(ApprovalStatus::Pending, |answer| answer.status)
    }

    /// Why an answer does not count.
    fn refusal(&self, answer: &Answer) -> Option<AnswerError> {
        let approvers = &self.approval.approvers;
        if let Some(first) = &self.answer
            && !self.status().can_become(answer.status)
        {
            return Some(AnswerError::Ended {
                status: first.status,
                approver: Arc::clone(&first.approver),
            });
        }
        if !approvers.is_empty() && !approvers.iter().any(|name| **name == *answer.approver) {
            return Some(AnswerError::NotAnApprover {
                approver: Arc::clone(&answer.approver),
                approvers: approvers.clone(),
            });
        }
        let is_missing = self.approval.require_reason && answer.reason.trim().is_empty();
        is_missing.then_some(AnswerError::NoReason)
    }
}

impl Run {
    /// Asks for the approval that a step waits for, if that has not been done; returns the answer if
    /// none is needed.
    pub(super) fn ask(
        &self,
        request: &Arc<str>,
        approval: &Approval,
        until: Duration,
    ) -> Option<Answer> {
        let inbox = &self.orchestrator.process.inbox;
        inbox.request_approval(request, approval);
        let is_new = {
            let mut approvals = inbox.approvals();
            let asked = approvals.requests.get_mut(request);
            asked.is_some_and(|asked| !std::mem::replace(&mut asked.is_awaited, true))
        };
        if is_new {
            record(
                self.timeline(),
                ControlEvent::ApprovalRequested {
                    request: Arc::clone(request),
                    operation: approval.what.as_str().into(),
                    risk: approval.risk,
                    until,
                },
            );
        }
        let is_disabled = inbox.approvals().disabled;
        is_disabled.then(|| {
            self.end_request(
                request,
                ApprovalStatus::Approved,
                "approvals are disabled in this scenario",
            )
        })
    }

    /// Ends a request that nobody has answered.
    pub(super) fn end_request(
        &self,
        request: &Arc<str>,
        status: ApprovalStatus,
        reason: &str,
    ) -> Answer {
        let answer = Answer::of_system(status, reason);
        let inbox = &self.orchestrator.process.inbox;
        inbox.end_request(request, &answer, self.timeline());
        answer
    }

    /// Makes the requests of all steps that have yet to run, so that they can be answered before.
    pub(super) fn request_approvals(&self) {
        let state = self.lock();
        for (index, (step, planned)) in state.steps.iter().zip(&self.plan.steps).enumerate() {
            if let StepAction::Wait(Wait::Approval(approval)) = &planned.action
                && matches!(step.status, StepStatus::Pending | StepStatus::Running)
            {
                let inbox = &self.orchestrator.process.inbox;
                inbox.request_approval(&state.request_id(index), approval);
            }
        }
    }
}

impl RunState {
    /// The id of the request of a step that waits for approval; a new one each time the step runs again.
    pub fn request_id(&self, step: usize) -> Arc<str> {
        let (run, id) = (&self.run, &self.plan.steps[step].id);
        match self.steps[step].child_count {
            0 => format!("{run}/{id}").into(),
            repeated => format!("{run}/{id}~{}", repeated + 1).into(),
        }
    }
}

fn ended(request: Arc<str>, answer: &Answer) -> ControlEvent {
    ControlEvent::ApprovalEnded {
        request,
        status: answer.status,
        approver: Arc::clone(&answer.approver),
        reason: Arc::clone(&answer.reason),
    }
}

fn record(timeline: &Timeline, event: ControlEvent) {
    timeline.record(EventKind::Control(Box::new(event)));
}
