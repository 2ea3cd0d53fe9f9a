//! Runs scenarios on all cores and reports them in a fixed order, whichever finishes first.

mod interrupt;
mod queue;
mod real_time;
mod reporters;
mod results;
mod scenario;
mod summary;
mod watchdog;
mod worker;

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::{Duration, Instant},
};

pub use self::summary::Summary;
pub(super) use self::{interrupt::Interrupt, scenario::Job};
use self::{
    queue::Queue,
    reporters::Reporters,
    results::{AttemptResult, ScenarioResult},
    watchdog::{ScenarioInProgress, WorkerSlot},
    worker::WorkerContext,
};
use super::{
    Options, StepIndex,
    events::{RunEvent, Status, StepReport, View},
    logs,
    suite_setup::SuiteSetup,
};
use crate::{clock::Seed, domain::format_duration};

/// How long scenarios that still run may take to end once the run is over.
const GRACE: Duration = Duration::from_secs(1);

/// Runs all jobs and reports them to the views in the jobs' order.
///
/// # Errors
///
/// If no thread can be started.
pub(super) fn run(
    jobs: Vec<Job>,
    index: Arc<StepIndex>,
    setup: SuiteSetup,
    options: &Options,
    interrupt: &Interrupt,
    views: &mut [Box<dyn View>],
) -> io::Result<Summary> {
    logs::install();
    let started = Instant::now();
    let mut reporters = Reporters::new(views);
    reporters.report(&RunEvent::TestRunStarted {
        scenarios: jobs.len(),
        seed: options.seed,
        dry_run: options.dry_run,
    });
    let waiting = || (0..jobs.len()).filter(|job| !jobs[*job].options.wip);
    let (serial, parallel): (VecDeque<_>, _) = waiting().partition(|job| jobs[*job].options.serial);
    let workers = options.concurrency.get().min(waiting().count());
    let (sender, results) = channel();
    let context = Arc::new(WorkerContext {
        queue: Queue::new(serial, parallel),
        jobs,
        index,
        seed: Seed(options.seed),
        setup,
    });
    let mut run = RunInProgress {
        options,
        interrupt,
        slots: (0..workers)
            .map(|_| worker::spawn(&context, &sender))
            .collect::<Result<_, _>>()?,
        context,
        sender,
        results: BTreeMap::new(),
        next: 0,
        checked: started,
    };
    run.drive(&mut reporters, &results)?;
    let lists = run
        .context
        .setup
        .dry_run
        .as_ref()
        .map(|dry_run| dry_run.lists());
    for (heading, findings) in lists.into_iter().flatten() {
        reporters.report(&RunEvent::FindingsListed { heading, findings });
    }
    reporters.report(&RunEvent::TestRunFinished {
        real_time: started.elapsed(),
    });
    Ok(Summary {
        interrupted_by: interrupt.signal(),
        ..reporters.summary
    })
}

/// A run in progress, as the main thread sees it.
struct RunInProgress<'a> {
    options: &'a Options,
    interrupt: &'a Interrupt,
    context: Arc<WorkerContext>,
    slots: Vec<Arc<WorkerSlot>>,
    sender: Sender<ScenarioResult>,
    /// Results that cannot be reported yet, by job.
    results: BTreeMap<usize, ScenarioResult>,
    /// The job to be reported next.
    next: usize,
    checked: Instant,
}

impl RunInProgress<'_> {
    fn drive(
        &mut self,
        reporters: &mut Reporters<'_>,
        results: &Receiver<ScenarioResult>,
    ) -> io::Result<()> {
        let tick = (self.options.scenario_timeout / 8)
            .clamp(Duration::from_millis(1), Duration::from_millis(100));
        loop {
            if self.report(reporters) {
                self.context.queue.close();
                self.context.queue.wait_until_idle(GRACE);
                return Ok(());
            }
            match results.recv_timeout(tick) {
                Ok(result) => self.keep(result),
                // Our own sender keeps the channel open.
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            if self.checked.elapsed() >= tick {
                self.checked = Instant::now();
                reporters.tick();
                self.abandon_overdue()?;
                if self.interrupt.signal().is_some() {
                    self.stop(reporters, results);
                    return Ok(());
                }
            }
        }
    }

    /// Reports everything that is due; returns whether that was the last.
    fn report(&mut self, reporters: &mut Reporters<'_>) -> bool {
        let from = self.next;
        while let Some(job) = self.context.jobs.get(self.next) {
            if job.options.wip {
                reporters.report_not_run(job, Status::Pending);
            } else if let Some(result) = self.results.remove(&self.next) {
                if reporters.report_scenario(job, result) && self.options.fail_fast {
                    for job in &self.context.jobs[self.next + 1..] {
                        reporters.report_not_run(job, Status::Skipped);
                    }
                    return true;
                }
            } else {
                break;
            }
            self.next += 1;
        }
        if from < self.next {
            self.context.queue.shown(self.next);
        }
        self.next == self.context.jobs.len()
    }

    fn keep(&mut self, result: ScenarioResult) {
        let pickle = &self.context.jobs[result.job].pickle;
        if self.options.fail_fast && result.status().fails_run(pickle) {
            self.context.queue.stop_after(result.job);
        }
        self.results.insert(result.job, result);
    }

    /// Fails the scenarios that take too long, and replaces their workers.
    fn abandon_overdue(&mut self) -> io::Result<()> {
        let limit = self.options.scenario_timeout;
        for index in 0..self.slots.len() {
            let Some(run) = self.slots[index].take_overdue(limit) else {
                continue;
            };
            let message = format!(
                "no progress in {} of real time (--scenario-timeout), abandoned in {}",
                format_duration(limit),
                self.step_name(&run),
            );
            self.abandon(run, Status::Failed, message);
            self.slots[index] = worker::spawn(&self.context, &self.sender)?;
        }
        Ok(())
    }

    /// Ends the run early and reports what has run.
    fn stop(&mut self, reporters: &mut Reporters<'_>, results: &Receiver<ScenarioResult>) {
        self.context.queue.close();
        if !self.context.queue.wait_until_idle(GRACE) {
            for index in 0..self.slots.len() {
                if let Some(run) = self.slots[index].take_now() {
                    let message = format!("interrupted in {}", self.step_name(&run));
                    self.abandon(run, Status::Skipped, message);
                }
            }
        }
        while let Ok(result) = results.recv_timeout(Duration::from_millis(1)) {
            self.keep(result);
        }
        for (job, result) in std::mem::take(&mut self.results) {
            reporters.report_scenario(&self.context.jobs[job], result);
        }
    }

    fn abandon(&mut self, run: ScenarioInProgress, status: Status, message: String) {
        let job = &self.context.jobs[run.job];
        let result = StepReport::because(status, message);
        let mut attempt = match run.hook {
            None => {
                let mut attempt = AttemptResult::at_step(run.step);
                attempt.add_step(result);
                attempt
            }
            Some((hook, mut attempt)) => {
                let location = Some(hook.location.clone());
                attempt.add_hook(&hook, StepReport { location, ..result });
                attempt
            }
        };
        attempt.skip_rest(job.pickle.steps.len());
        if let Some(timeline) = &run.timeline {
            attempt.attach_tail(timeline);
        }
        if job.options.wall_clock {
            attempt.virtual_time = Duration::ZERO;
        }
        let mut attempts = run.attempts;
        attempts.push(attempt);
        self.context.queue.done();
        self.keep(ScenarioResult {
            job: run.job,
            attempts,
        });
    }

    fn step_name(&self, run: &ScenarioInProgress) -> String {
        if let Some((hook, _)) = &run.hook {
            return format!("the hook {hook}");
        }
        match self.context.jobs[run.job].pickle.steps.get(run.step) {
            Some(step) => format!("\"{} {}\" (line {})", step.keyword, step.text, step.line),
            None => "the end of the scenario".to_owned(),
        }
    }
}
