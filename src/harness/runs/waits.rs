//! What runs wait for, in messages.

use std::{sync::Arc, time::Duration};

use super::Runs;
use crate::{
    domain::{MAX_DURATION, did_you_mean, format_duration},
    observability::{EventKind, Timeline, WaitHead},
    orchestration::APPROVAL,
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
    for kind in waits.iter().filter_map(|wait| wait.kind.as_ref()) {
        text += &if published.contains(kind) {
            format!("; of those {kind:?} that were published, none is left for it")
        } else {
            let hint = did_you_mean(kind, published.iter().map(|kind| &**kind));
            format!("; no {kind:?} was published: {hint}")
        };
    }
    text
}

/// What a step waits for, as a part of a message.
fn described(wait: &WaitHead) -> String {
    let mut text = format!("step {:?} waits", wait.step);
    if wait.kind.as_deref() == Some(APPROVAL) {
        text += " for the approval";
    } else if let Some(kind) = &wait.kind {
        text += &format!(" for the event {kind:?}");
    }
    if let Some(subject) = &wait.subject {
        text += &format!(" of {subject:?}");
    }
    if let Some(until) = wait.until {
        text += &format!(" until {}", format_duration(until));
    }
    text
}
