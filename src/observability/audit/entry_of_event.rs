use std::sync::Arc;

use serde_json::{Map, Value};

use super::{AuditEntry, AuditType};
use crate::{
    clock::Clock,
    domain::{Call, CallHead, HashMap, code, format_duration},
    observability::{ALL_CALLS, BudgetUse, ControlEvent, Decision, Event, EventKind},
};

/// What earlier events tell about later ones.
#[derive(Debug, Default)]
pub struct EntryContext {
    /// The traces of goals, by the runs of their plans.
    goals: HashMap<Arc<str>, Arc<str>>,
    /// The inputs of executions that have not ended, by the number of their call and their own.
    inputs: HashMap<(u64, u32), Arc<Value>>,
}

impl EntryContext {
    /// Learns which goal a run is for.
    pub fn learn(&mut self, planning: &AuditEntry) {
        let (run, trace) = (&planning.target, &planning.trace);
        self.goals.insert(Arc::clone(run), Arc::clone(trace));
    }

    /// The entry that an event makes, if it makes one; its id is not known yet.
    pub fn entry(&mut self, event: &Event) -> Option<AuditEntry> {
        let entry = match &event.kind {
            EventKind::CallStarted {
                execution,
                input,
                number,
                ..
            } => {
                self.inputs.insert((*number, *execution), Arc::clone(input));
                return None;
            }
            EventKind::CallEnded {
                head,
                execution,
                took,
                result,
                reply,
                number,
            } => {
                let mut metadata = metadata(head);
                let mut add = |name: &str, value| metadata.insert(name.to_owned(), value);
                add("execution", (*execution).into());
                add("took", format_duration(*took).into());
                add("result", (**result).into());
                if let Some(input) = self.inputs.remove(&(*number, *execution)) {
                    add("input", Value::clone(&input));
                }
                if let Some(reply) = reply {
                    add("reply", Value::clone(reply));
                }
                let reason = match (&head.context.run, &head.context.step) {
                    (Some(run), Some(step)) => format!("step {step} of {run}"),
                    _ => format!("called by {}", head.caller),
                };
                self.of_call(AuditType::Interaction, head, &reason, metadata)
            }
            EventKind::CallRefused {
                head,
                by,
                code,
                permission,
                ..
            } => {
                let by = serde_json::to_value(by).unwrap_or_default();
                let user = head.context.security.as_ref().map(|context| &*context.user);
                let reason = match permission {
                    Some(permission) => {
                        let user = user.unwrap_or("a call for no user");
                        format!("{user} lacks the permission {permission}")
                    }
                    None if **code == *code::UNAUTHENTICATED => {
                        format!("the caller is not known to {}", head.name.service())
                    }
                    None => format!("refused by the {}", by.as_str().unwrap_or_default()),
                };
                let mut metadata = metadata(head);
                metadata.insert("by".to_owned(), by);
                metadata.insert("code".to_owned(), (**code).into());
                if let Some(permission) = permission {
                    metadata.insert("permission".to_owned(), (**permission).into());
                }
                self.of_call(AuditType::Refusal, head, &reason, metadata)
            }
            EventKind::Control(control) => self.of_control(control)?,
            _ => return None,
        };
        let at = Clock::instant(event.at);
        Some(AuditEntry { at, ..entry })
    }

    fn of_control(&mut self, event: &ControlEvent) -> Option<AuditEntry> {
        let (request, reason) = match event {
            ControlEvent::StageEntered { .. } => return None,
            ControlEvent::PlanCreated(decision) => {
                let entry = of_decision(AuditType::Planning, decision);
                self.learn(&entry);
                return Some(entry);
            }
            ControlEvent::RouteDecided(decision) => {
                return Some(of_decision(AuditType::Routing, decision));
            }
            ControlEvent::ApprovalRequested {
                request, operation, ..
            } => (request, format!("approval is needed for: {operation}")),
            ControlEvent::ApprovalEnded {
                request,
                status,
                approver,
                reason,
            } if reason.is_empty() => (request, format!("{} by {approver}", status.as_str())),
            ControlEvent::ApprovalEnded {
                request, reason, ..
            }
            | ControlEvent::ApprovalRefused {
                request, reason, ..
            } => (request, reason.to_string()),
            ControlEvent::BudgetWarning(budget) | ControlEvent::BudgetExceeded(budget) => {
                let metadata = serde_json::to_value(event).unwrap_or_default();
                return Some(self.of_budget(budget, metadata));
            }
        };
        let mut metadata = serde_json::to_value(event).unwrap_or_default();
        if let Some(fields) = metadata.as_object_mut() {
            fields.retain(|name, _| !matches!(name.as_str(), "request" | "reason"));
        }
        Some(AuditEntry {
            trace: self.trace_of_run(request),
            ..of(AuditType::Approval, request, &reason, metadata)
        })
    }

    fn of_budget(&self, budget: &BudgetUse, metadata: Value) -> AuditEntry {
        let BudgetUse { used, limit, .. } = budget;
        let shown = |value: &Value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        };
        let reason = format!("{} of {} used", shown(used), shown(limit));
        let trace = match &*budget.scope {
            ALL_CALLS => Call::SCENARIO.into(),
            run => self.trace_of_run(run),
        };
        AuditEntry {
            trace,
            ..of(AuditType::Budget, &budget.ceiling.into(), &reason, metadata)
        }
    }

    fn of_call(
        &self,
        kind: AuditType,
        head: &CallHead,
        reason: &str,
        metadata: Map<String, Value>,
    ) -> AuditEntry {
        let target = head.name.as_str().into();
        AuditEntry {
            trace: self.trace_of_call(head),
            ..of(kind, &target, reason, metadata.into())
        }
    }

    fn trace_of_call(&self, head: &CallHead) -> Arc<str> {
        let context = &head.context;
        let goal = context.run.as_ref().and_then(|run| self.goal(run));
        let traceparent = context.traceparent.as_ref();
        let trace = || traceparent.and_then(|parent| Some(parent.split('-').nth(1)?.into()));
        let run = || context.run.as_ref().map(|run| root(run).into());
        goal.cloned()
            .or_else(trace)
            .or_else(run)
            .unwrap_or_else(|| Call::SCENARIO.into())
    }

    /// The trace of a run, or of a request for approval, whose id begins with its run's.
    fn trace_of_run(&self, run: &str) -> Arc<str> {
        let goal = self.goal(run).cloned();
        goal.unwrap_or_else(|| root(run).into())
    }

    fn goal(&self, run: &str) -> Option<&Arc<str>> {
        self.goals.get(root(run))
    }
}

/// The run that a run is nested in: child runs are called `<run>/<step>`.
fn root(run: &str) -> &str {
    run.split('/').next().unwrap_or(run)
}

fn of_decision(kind: AuditType, decision: &Decision) -> AuditEntry {
    let metadata = Arc::clone(&decision.metadata);
    AuditEntry {
        trace: Arc::clone(&decision.trace),
        reason: Arc::clone(&decision.reason),
        alternatives: decision.alternatives.clone(),
        confidence: Some(decision.confidence),
        metadata,
        ..of(kind, &decision.target, "", Value::Null)
    }
}

fn of(kind: AuditType, target: &Arc<str>, reason: &str, metadata: Value) -> AuditEntry {
    AuditEntry {
        id: 0,
        at: crate::clock::EPOCH,
        trace: "".into(),
        kind,
        target: Arc::clone(target),
        reason: reason.into(),
        alternatives: Vec::new(),
        confidence: None,
        metadata: metadata.into(),
    }
}

/// Who makes a call, and as part of what.
fn metadata(head: &CallHead) -> Map<String, Value> {
    let security = head.context.security.as_deref();
    let parts = [
        ("caller", Some(&head.caller)),
        ("run", head.context.run.as_ref()),
        ("step", head.context.step.as_ref()),
        ("user", security.map(|context| &context.user)),
        (
            "session",
            security.and_then(|context| context.session.as_ref()),
        ),
    ];
    let known = parts
        .into_iter()
        .filter_map(|(name, part)| Some((name.to_owned(), (**part?).into())));
    known.collect()
}
