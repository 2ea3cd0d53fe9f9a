use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures::{
    FutureExt as _, StreamExt as _,
    future::{BoxFuture, ready},
    stream::FuturesUnordered,
};
use serde_json::Value;

use super::{
    CrashPoint, JournalEntry, Run, RunError, open_waits::OpenWaits, plan::StepAction,
    resumptions::Resumptions,
};
use crate::{
    domain::{Failure, Reply, StepStatus, resolve},
    observability::EventKind,
    services::CallResult,
};

/// How a step ended, and the number of the event that it waited for.
pub(super) type Ended = (CallResult, Option<u64>);

/// A step, and its result.
type Step = (usize, Result<Ended, RunError>);

/// The steps of a run that are running; it ends when none is and none is ready, or one fails.
///
/// It makes its parts when they are needed, so that a run that only waits needs little memory.
pub(super) struct Progress<'a> {
    run: &'a Run,
    running: Option<FuturesUnordered<BoxFuture<'a, Step>>>,
    waits: OpenWaits,
    /// Only where a step failed and is resumed.
    resumptions: Option<Box<Resumptions>>,
    /// How many run, without those that wait: they use no service.
    at_work: usize,
}

impl<'a> Progress<'a> {
    /// Starts the steps that are due.
    pub fn start(run: &'a Run, due: Vec<usize>) -> Result<Self, RunError> {
        let mut progress = Self {
            run,
            running: None,
            waits: OpenWaits::default(),
            resumptions: None,
            at_work: 0,
        };
        due.into_iter()
            .try_for_each(|step| progress.start_step(step))?;
        if run.plan.degrades() {
            let kept = run.lock().kept();
            kept.into_iter().for_each(|step| progress.resume(step));
        }
        Ok(progress)
    }

    fn start_ready(&mut self) -> Result<(), RunError> {
        let mut ready: Vec<usize> = self.run.lock().ready().collect();
        if let Some(resumptions) = &self.resumptions {
            ready.extend(resumptions.due());
            ready.sort_unstable();
        }
        for step in ready {
            if !self.run.works(step) || self.at_work < self.run.plan.workflow.max_parallel {
                if let Some(resumptions) = &mut self.resumptions {
                    resumptions.start(step);
                }
                self.start_step(step)?;
            }
        }
        Ok(())
    }

    /// Has a step that failed resumed when its time comes, if it does.
    fn resume(&mut self, step: usize) {
        let resumptions = self.resumptions.get_or_insert_default();
        resumptions.add(self.run, step);
    }

    /// Whether a step is due to be resumed, or none is any more.
    fn has_resumption(&mut self, cx: &mut Context<'_>) -> bool {
        let resumptions = self.resumptions.as_mut();
        resumptions.is_some_and(|resumptions| resumptions.poll(self.run, cx))
    }

    /// All steps that have ended.
    fn ended(&mut self, cx: &mut Context<'_>) -> Vec<Step> {
        let mut ended = Vec::new();
        while let Poll::Ready((step, result)) = self.run.poll_waits(&mut self.waits, cx) {
            match result {
                Ok((reply, event)) => ended.push((step, Ok((Ok(Reply::new(reply)), event)))),
                Err(failure) => self.push(self.run.recovered(step, failure)),
            }
        }
        while let Some(running) = &mut self.running
            && let Poll::Ready(Some(one)) = running.poll_next_unpin(cx)
        {
            ended.push(one);
        }
        ended
    }

    fn push(&mut self, step: BoxFuture<'a, Step>) {
        self.running.get_or_insert_default().push(step);
    }

    /// Journals a step's start, and makes its call, begins its child run or begins to wait.
    fn start_step(&mut self, step: usize) -> Result<(), RunError> {
        let run = self.run;
        self.at_work += usize::from(run.works(step));
        let planned = &run.plan.steps[step];
        run.crash_if_declared(CrashPoint::Before, step)?;
        let (was, input) = {
            let status = run.lock().steps[step].status;
            (status, run.input_of(step))
        };
        let was_cut_off = was == StepStatus::Running;
        let child_run = match &planned.action {
            StepAction::Call { .. } | StepAction::Wait(_) => None,
            StepAction::Workflow(plan) => Some(run.next_child_id(step, plan, was_cut_off)?),
        };
        run.commit(&JournalEntry::StepStarted {
            step,
            child_run,
            due: run.due(step),
            at: run.now(),
        })?;
        run.timeline().record(EventKind::StepStarted {
            run: Arc::clone(&run.id),
            step: Arc::clone(&planned.id),
            status: StepStatus::Running,
        });
        let called =
            move |result: Result<CallResult, RunError>| (step, result.map(|result| (result, None)));
        // Each of its own size.
        let work: BoxFuture<'_, Step> = match (&planned.action, input) {
            (StepAction::Wait(wait), Ok(_)) => match run.begin_wait(step, wait, &mut self.waits) {
                Ok(()) => return Ok(()),
                Err(failure) => run.recovered(step, failure),
            },
            (StepAction::Call { call, policy }, input) => {
                Box::pin(run.call(step, call, policy, input).map(called))
            }
            (StepAction::Workflow(plan), Ok(input)) => {
                Box::pin(run.run_child(step, plan, input).map(called))
            }
            (StepAction::Workflow(_) | StepAction::Wait(_), Err(failure)) => {
                Box::pin(ready(called(Ok(Err(failure)))))
            }
        };
        self.push(work);
        Ok(())
    }
}

impl Future for Progress<'_> {
    type Output = Result<(), RunError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), RunError>> {
        loop {
            self.start_ready()?;
            let is_idle = self.running.as_ref().is_none_or(FuturesUnordered::is_empty);
            let is_done = self.resumptions.as_ref().is_none_or(|it| it.is_empty());
            if is_idle && is_done && self.waits.is_empty() {
                return Poll::Ready(Ok(()));
            }
            // All that end at the same instant are recorded together, in order
            // of declaration, before anything new starts.
            let mut ended = self.ended(cx);
            let is_resumed = self.has_resumption(cx);
            if ended.is_empty() && !is_resumed {
                return Poll::Pending;
            }
            ended.sort_by_key(|(step, _)| *step);
            for (step, result) in ended {
                self.at_work -= usize::from(self.run.works(step));
                let (result, event) = result?;
                self.run.finish(step, result, event)?;
                if self.run.plan.degrades() {
                    self.resume(step);
                }
            }
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        for wait in self.waits.events() {
            self.run.stop_listening(wait);
        }
    }
}

impl Run {
    /// Whether a step does something, so that it counts among those that run in parallel.
    fn works(&self, step: usize) -> bool {
        self.plan.steps[step].wait().is_none()
    }

    /// A step's input, its references replaced.
    pub(super) fn input_of(&self, step: usize) -> Result<Arc<Value>, Box<Failure>> {
        let planned = &self.plan.steps[step];
        if !planned.refers {
            return Ok(Arc::clone(&planned.input));
        }
        let state = self.lock();
        let data = |name: &str| state.data(name);
        resolve(&planned.input, &data).map(Arc::new)
    }
}
