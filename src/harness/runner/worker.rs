use std::{
    io,
    sync::{Arc, mpsc::Sender},
    thread,
};

use super::{Job, queue::Queue, report::Case, scenario, watchdog::Slot};
use crate::{
    clock::Seed,
    harness::{Lookup, StepIndex, backstage::Backstage, events::Status, panics},
};

/// What all workers share.
#[derive(Debug)]
pub(super) struct Shop {
    pub jobs: Vec<Job>,
    pub queue: Queue,
    pub index: Arc<StepIndex>,
    pub seed: Seed,
    pub backstage: Backstage,
}

/// Starts a worker.
pub(super) fn spawn(shop: &Arc<Shop>, results: &Sender<Case>) -> io::Result<Arc<Slot>> {
    let slot = Arc::new(Slot::default());
    let (shop, own, results) = (Arc::clone(shop), Arc::clone(&slot), results.clone());
    // Detached: a thread that hangs cannot be joined.
    thread::Builder::new()
        .name("scenarios".to_owned())
        .spawn(move || work(&shop, &own, &results))?;
    Ok(slot)
}

fn work(shop: &Shop, slot: &Slot, results: &Sender<Case>) {
    panics::keep_on_this_thread();
    let mut lookup = Lookup::new(Arc::clone(&shop.index));
    while let Some(index) = shop.queue.take() {
        slot.begin(index);
        if !attempt(shop, &shop.jobs[index], &mut lookup, slot) {
            return;
        }
        let Some(attempts) = slot.finish() else {
            return;
        };
        let case = Case {
            job: index,
            attempts,
        };
        let heard = results.send(case).is_ok();
        shop.queue.done();
        if !heard {
            return;
        }
    }
}

/// Runs a scenario until it does not fail or has no retries left; false if it was taken away.
fn attempt(shop: &Shop, job: &Job, lookup: &mut Lookup, slot: &Slot) -> bool {
    let pickle = &job.pickle;
    let row = pickle.row.map(|row| row.to_string()).unwrap_or_default();
    let seed = shop.seed.part([&*pickle.uri, &pickle.name, &row]);
    for retries_left in (0..=job.retries).rev() {
        if !slot.start() {
            return false;
        }
        let attempt = scenario::run(job, seed, &shop.backstage, lookup, slot);
        let again = attempt.status == Status::Failed && retries_left > 0;
        if !slot.end(attempt) {
            return false;
        }
        if !again {
            break;
        }
        // Virtual time starts anew with every attempt, so there is nothing to wait for in it.
        if job.options.wall_clock {
            thread::sleep(job.retry_after);
        }
    }
    true
}
