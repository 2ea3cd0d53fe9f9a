use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::sync::futures::OwnedNotified;

use super::{
    Run,
    step_set::StepSet,
    timers::{Timer, Timers},
};
use crate::{domain::StepStatus, services::Reachability};

/// The steps of a run that failed and are resumed: timers, and signals that services are back.
#[derive(Default)]
pub(super) struct Resumptions {
    timers: Timers,
    returns: Vec<(usize, Pin<Box<OwnedNotified>>)>,
    /// Those whose time has come.
    due: StepSet,
}

impl Resumptions {
    pub fn is_empty(&self) -> bool {
        self.timers.is_empty() && self.due.is_empty()
    }

    /// The steps whose time has come, in order of declaration.
    pub fn due(&self) -> impl Iterator<Item = usize> + '_ {
        self.due.iter()
    }

    /// A step is being resumed.
    pub fn start(&mut self, step: usize) {
        self.due.remove(step);
    }

    /// Adds a step that failed, if it is to be resumed.
    pub fn add(&mut self, run: &Run, step: usize) {
        let service = {
            let state = run.lock();
            let service = state.steps[step].failure.as_ref();
            service.and_then(|failure| failure.service.clone())
        };
        let registry = run.orchestrator.process.client.registry();
        // Made before it is asked whether the service is back, so that nothing is missed.
        let back = service.and_then(|service| registry.next_return(&service));
        match run.resumption(step) {
            None => {}
            Some(NextResumption::Now) => self.due.insert(step),
            Some(NextResumption::At { until, awaits }) => {
                let began = run.now();
                self.timers.add(Timer { until, step, began });
                let back = back.filter(|_| awaits);
                self.returns.extend(back.map(|back| (step, Box::pin(back))));
            }
        }
    }

    /// Whether anything has changed: the time of a step has come, or the run is lost and none is resumed.
    pub fn poll(&mut self, run: &Run, cx: &mut Context<'_>) -> bool {
        if self.is_empty() {
            return false;
        }
        let is_lost = run.lock().is_lost();
        if is_lost {
            *self = Self::default();
            return true;
        }
        let before = self.due.iter().count();
        loop {
            let mut woken = Vec::new();
            while let Poll::Ready(timer) = self.timers.poll_next(&run.timeline().clock(), cx) {
                woken.push(timer.step);
            }
            for (step, back) in &mut self.returns {
                if back.as_mut().poll(cx).is_ready() {
                    woken.push(*step);
                }
            }
            if woken.is_empty() {
                return self.due.iter().count() > before;
            }
            woken.sort_unstable();
            woken.dedup();
            for step in woken {
                self.timers.remove(step);
                self.returns.retain(|(other, _)| *other != step);
                self.add(run, step);
            }
        }
    }
}

/// When a step that failed is resumed.
pub(super) enum NextResumption {
    Now,
    /// Then, or when its service comes back if it awaits that.
    At {
        until: Duration,
        awaits: bool,
    },
}

impl Run {
    fn resumption(&self, step: usize) -> Option<NextResumption> {
        let (next, failure) = {
            let state = self.lock();
            let own = &state.steps[step];
            let resumption = own.resumption.as_ref();
            let resumption = resumption.filter(|_| own.status == StepStatus::Failed)?;
            let awaited = own.failure.clone().filter(|_| resumption.awaits_service);
            (resumption.next?, awaited)
        };
        let reached = failure.map(|failure| self.reachability_of(&failure));
        Some(match reached {
            _ if next <= self.now() => NextResumption::Now,
            None => NextResumption::At {
                until: next,
                awaits: false,
            },
            Some(Reachability::Reachable) => NextResumption::Now,
            Some(Reachability::Away { until }) => NextResumption::At {
                until: until.map_or(next, |until| until.min(next)),
                awaits: true,
            },
        })
    }
}
