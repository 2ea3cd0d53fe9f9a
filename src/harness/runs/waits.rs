//! What runs wait for, in messages.

use std::{sync::Arc, time::Duration};

use super::Runs;
use crate::{
    domain::{MAX_DURATION, did_you_mean, format_duration},
    observability::{EventKind, EventOf, Timeline, WaitHead},
    orchestration::{APPROVAL, SubWorkflow, Wait, Workflow},
};

impl Runs {
    /// Waits until one of the last runs waits for an event without end and nothing else happens; returns
    /// what it waits for.
    pub(super) fn is_stuck(&self) -> impl Future<Output = String> + use<> {
        // Longer than anything in a scenario that still comes.
        const NOTHING_ELSE_COMES: Duration = MAX_DURATION;
        let waiting = (!self.inbox.is_empty()).then(|| {
            let runs = self.last.iter().filter_map(|run| run.id.clone());
            let timeline = self.client.timeline().clone();
            (self.orchestrator(), runs.collect::<Vec<_>>(), timeline)
        });
        async move {
            if let Some((orchestrator, runs, timeline)) = waiting {
                tokio::time::sleep(NOTHING_ELSE_COMES).await;
                let paused = runs.iter().filter_map(|run| orchestrator.paused(run).ok()?);
                let for_ever =
                    |waits: &Vec<WaitHead>| waits.iter().all(|wait| wait.until.is_none());
                if let Some(waits) = paused.into_iter().find(for_ever) {
                    return waits_for_ever(&waits, &timeline);
                }
            }
            std::future::pending().await
        }
    }

    pub(super) fn still_running(&self, id: Option<&str>) -> String {
        let waits = id.and_then(|id| self.orchestrator().paused(id).ok()?);
        let waits: Vec<_> = waits.iter().flatten().map(described).collect();
        let waits = match waits.is_empty() {
            true => String::new(),
            false => format!("; {}", waits.join(", and ")),
        };
        format!(
            "the workflow is still running ({}{waits}): let time pass, or wait until it ends",
            id.unwrap_or("no id")
        )
    }
}

fn waits_for_ever(waits: &[WaitHead], timeline: &Timeline) -> String {
    let mut published = timeline.read(|events| {
        let kinds = events.iter().filter_map(|event| match &event.kind {
            EventKind::EventPublished { head } => Some(Arc::clone(&head.kind)),
            _ => None,
        });
        kinds.collect::<Vec<_>>()
    });
    published.sort_unstable();
    published.dedup();
    let described: Vec<_> = waits.iter().map(described).collect();
    let mut text = format!("the workflow waits for ever: {}", described.join(", and "));
    let events = waits.iter().filter_map(|wait| wait.event.as_ref());
    for kind in events.map(|event| &event.kind) {
        text += &if published.contains(kind) {
            format!("; of those {kind:?} that were published, none is left for it")
        } else {
            let published = published.iter().map(|kind| &**kind);
            format!("; {}", none_published(kind, "was", published))
        };
    }
    text
}

fn none_published<'a>(
    kind: &str,
    verb: &str,
    published: impl IntoIterator<Item = &'a str>,
) -> String {
    let hint = did_you_mean(kind, published);
    format!("no {kind:?} {verb} published: {hint}")
}

/// An event that a workflow starts with, or that a step waits for.
pub(crate) struct AwaitedEvent {
    pub kind: String,
    /// What awaits it, and where in its definition.
    text: String,
}

impl AwaitedEvent {
    /// The message that it is not among the types that are published.
    pub fn none_published<'a>(&self, published: impl IntoIterator<Item = &'a str>) -> String {
        let hint = none_published(&self.kind, "is", published);
        format!("{}; {hint}", self.text)
    }
}

impl Runs {
    /// The event that a workflow starts with, and those that its steps and the steps of the workflows that it
    /// runs wait for.
    pub(crate) fn awaited(&self, workflow: &Workflow) -> Vec<AwaitedEvent> {
        let mut found = Vec::new();
        if let Some(started_by) = &workflow.started_by {
            let (id, kind) = (&workflow.id, &started_by.event);
            found.push(AwaitedEvent {
                kind: kind.clone(),
                text: format!(
                    "the workflow {id:?} starts with the event {kind:?} (at /startedBy/event)"
                ),
            });
        }
        self.find_awaited(workflow, "", &mut Vec::new(), &mut found);
        found
    }

    fn find_awaited(
        &self,
        workflow: &Workflow,
        at: &str,
        named: &mut Vec<String>,
        found: &mut Vec<AwaitedEvent>,
    ) {
        for (index, step) in workflow.steps.iter().enumerate() {
            let at = format!("{at}/steps/{index}");
            if let Some(wait) = step.wait.as_ref().and_then(Wait::event) {
                let head = WaitHead {
                    run: "".into(),
                    step: step.id.as_str().into(),
                    until: None,
                    event: Some(Box::new(EventOf {
                        kind: Arc::clone(&wait.event),
                        subject: wait.subject.as_deref().map(Arc::from),
                    })),
                };
                let longest = wait.timeout.map_or_else(String::new, |timeout| {
                    format!(" for {} at most", format_duration(timeout))
                });
                found.push(AwaitedEvent {
                    kind: wait.event.to_string(),
                    text: format!(
                        "the workflow {:?}: {}{longest} (at {at}/wait/event)",
                        workflow.id,
                        described(&head)
                    ),
                });
            }
            match &step.workflow {
                Some(SubWorkflow::Defined(child)) => {
                    self.find_awaited(child, &format!("{at}/workflow"), named, found);
                }
                Some(SubWorkflow::Named(id)) if !named.contains(id) => {
                    named.push(id.clone());
                    if let Ok(child) = self.declared.find(id) {
                        self.find_awaited(&child, "", named, found);
                    }
                }
                Some(SubWorkflow::Named(_)) | None => {}
            }
        }
    }
}

/// What a step waits for, as a part of a message.
fn described(wait: &WaitHead) -> String {
    let mut text = format!("step {:?} waits", wait.step);
    if let Some(event) = &wait.event {
        text += &match &*event.kind {
            APPROVAL => " for the approval".to_owned(),
            kind => format!(" for the event {kind:?}"),
        };
        let subject = event.subject.as_ref();
        text += &subject.map_or_else(String::new, |subject| format!(" of {subject:?}"));
    }
    if let Some(until) = wait.until {
        text += &format!(" until {}", format_duration(until));
    }
    text
}
