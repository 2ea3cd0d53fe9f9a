use std::{
    io,
    sync::{Arc, mpsc::Sender},
    thread,
};

use super::{
    queue::Queue,
    results::ScenarioResult,
    scenario::{self, Job},
    watchdog::WorkerSlot,
};
use crate::{
    clock::Seed,
    harness::{Lookup, StepIndex, events::Status, suite_setup::SuiteSetup},
};

/// What all workers share.
#[derive(Debug)]
pub(super) struct WorkerContext {
    pub jobs: Vec<Job>,
    pub queue: Queue,
    pub index: Arc<StepIndex>,
    pub seed: Seed,
    pub setup: SuiteSetup,
}

/// Starts a worker.
pub(super) fn spawn(
    context: &Arc<WorkerContext>,
    results: &Sender<ScenarioResult>,
) -> io::Result<Arc<WorkerSlot>> {
    let slot = Arc::new(WorkerSlot::default());
    let (context, own, results) = (Arc::clone(context), Arc::clone(&slot), results.clone());
    // Detached: a thread that hangs cannot be joined.
    thread::Builder::new()
        .name("scenarios".to_owned())
        .spawn(move || work(&context, &own, &results))?;
    Ok(slot)
}

fn work(context: &WorkerContext, slot: &WorkerSlot, results: &Sender<ScenarioResult>) {
    let mut lookup = Lookup::new(Arc::clone(&context.index));
    while let Some(index) = context.queue.take() {
        slot.begin(index);
        if !run_attempts(context, &context.jobs[index], &mut lookup, slot) {
            return;
        }
        let Some(attempts) = slot.finish() else {
            return;
        };
        let case = ScenarioResult {
            job: index,
            attempts,
        };
        let received = results.send(case).is_ok();
        context.queue.done();
        if !received {
            return;
        }
    }
}

/// Runs a scenario until it does not fail or has no retries left; returns false if it was taken away.
fn run_attempts(
    context: &WorkerContext,
    job: &Job,
    lookup: &mut Lookup,
    slot: &WorkerSlot,
) -> bool {
    let pickle = &job.pickle;
    let row = pickle.row.map(|row| row.to_string()).unwrap_or_default();
    let seed = context.seed.part([&*pickle.uri, &pickle.name, &row]);
    for retries_left in (0..=job.retries).rev() {
        if !slot.start() {
            return false;
        }
        let attempt = scenario::run(job, seed, &context.setup, lookup, slot);
        let retried = attempt.status == Status::Failed && retries_left > 0;
        if !slot.end(attempt) {
            return false;
        }
        if !retried {
            break;
        }
        // Virtual time restarts with every attempt, so only a wait in real time has any use.
        if job.options.wall_clock {
            thread::sleep(job.retry_after);
        }
    }
    true
}
