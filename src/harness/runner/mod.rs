//! Runs scenarios on all cores and tells of them in one order, whatever finished first.

mod audience;
mod guard;
mod interrupt;
mod queue;
mod report;
mod scenario;
mod watchdog;
mod worker;

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    num::NonZeroUsize,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::{Duration, Instant},
};

pub use self::interrupt::Interrupt;
use self::{
    audience::Audience,
    queue::Queue,
    report::{Attempt, Case},
    watchdog::{Run, Slot},
    worker::Shop,
};
use super::{
    StepIndex, TagOptions,
    backstage::Backstage,
    events::{RunEvent, Status, StepResult, View},
    logs,
    pickle::Pickle,
};
use crate::{clock::Seed, domain::format_duration};

/// Exit status of an interrupted run: 128 and the number of the signal, as shells have it.
pub const EXIT_INTERRUPTED: u8 = 130;

/// How long scenarios that still run may take to end once the run is over.
const GRACE: Duration = Duration::from_secs(1);

/// A scenario to run.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub pickle: Arc<Pickle>,
    pub options: TagOptions,
    pub retries: u32,
    pub retry_after: Duration,
}

/// How to run scenarios.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub concurrency: NonZeroUsize,
    pub fail_fast: bool,
    pub seed: u64,
    pub scenario_timeout: Duration,
    pub interrupt: Interrupt,
}

/// What a run came to.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Summary {
    /// Scenarios that passed.
    pub passed: usize,
    /// Scenarios that failed.
    pub failed: usize,
    /// Scenarios that were not run, because one before them failed.
    pub skipped: usize,
    /// Scenarios that are not finished yet, by their authors' own word.
    pub pending: usize,
    /// Scenarios with a step that nobody defined.
    pub undefined: usize,
    /// Scenarios with a step that was defined more than once.
    pub ambiguous: usize,
    /// Whether any scenario fails the run; `@wip` ones do not.
    pub failed_run: bool,
    /// Whether the run was stopped early from outside.
    pub interrupted: bool,
    /// What views could not write.
    pub view_errors: Vec<io::Error>,
}

impl Summary {
    /// 0 all passed, 1 a scenario failed, 2 a report could not be written, 130 interrupted.
    pub fn exit_status(&self) -> u8 {
        if self.interrupted {
            EXIT_INTERRUPTED
        } else if self.failed_run {
            1
        } else if !self.view_errors.is_empty() {
            2
        } else {
            0
        }
    }

    fn count(&mut self, status: Status) {
        *match status {
            Status::Passed => &mut self.passed,
            Status::Failed => &mut self.failed,
            Status::Skipped => &mut self.skipped,
            Status::Pending => &mut self.pending,
            Status::Undefined => &mut self.undefined,
            Status::Ambiguous => &mut self.ambiguous,
        } += 1;
    }
}

/// Runs all jobs and tells the views of them in the jobs' order.
///
/// # Errors
///
/// If no thread can be started.
pub(super) fn run(
    jobs: Vec<Job>,
    index: Arc<StepIndex>,
    backstage: Backstage,
    settings: &Settings,
    views: &mut [Box<dyn View>],
) -> io::Result<Summary> {
    logs::install();
    let started = Instant::now();
    let mut audience = Audience::new(views);
    audience.tell(&RunEvent::TestRunStarted {
        scenarios: jobs.len(),
        seed: settings.seed,
    });
    let waiting = || (0..jobs.len()).filter(|job| !jobs[*job].options.wip);
    let (serial, parallel): (VecDeque<_>, _) = waiting().partition(|job| jobs[*job].options.serial);
    let workers = settings.concurrency.get().min(waiting().count());
    let (sender, results) = channel();
    let shop = Arc::new(Shop {
        queue: Queue::new(serial, parallel),
        jobs,
        index,
        seed: Seed(settings.seed),
        backstage,
    });
    let mut run = Running {
        settings,
        slots: (0..workers)
            .map(|_| worker::spawn(&shop, &sender))
            .collect::<Result<_, _>>()?,
        shop,
        sender,
        cases: BTreeMap::new(),
        next: 0,
        checked: started,
    };
    run.drive(&mut audience, &results)?;
    let mut summary = {
        audience.tell(&RunEvent::TestRunFinished {
            real_time: started.elapsed(),
        });
        audience.summary
    };
    summary.interrupted = settings.interrupt.is_raised();
    Ok(summary)
}

/// A run under way, as the main thread sees it.
struct Running<'a> {
    settings: &'a Settings,
    shop: Arc<Shop>,
    slots: Vec<Arc<Slot>>,
    sender: Sender<Case>,
    /// What has ended but cannot be told of yet.
    cases: BTreeMap<usize, Case>,
    /// The job to be told of next.
    next: usize,
    checked: Instant,
}

impl Running<'_> {
    fn drive(&mut self, audience: &mut Audience<'_>, results: &Receiver<Case>) -> io::Result<()> {
        let tick = (self.settings.scenario_timeout / 8)
            .clamp(Duration::from_millis(1), Duration::from_millis(100));
        loop {
            if self.tell(audience) {
                self.shop.queue.close();
                self.shop.queue.wait_until_idle(GRACE);
                return Ok(());
            }
            match results.recv_timeout(tick) {
                Ok(case) => self.keep(case),
                // The sender of our own keeps the channel open.
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            if self.checked.elapsed() >= tick {
                self.checked = Instant::now();
                audience.tick();
                self.give_up_overdue()?;
                if self.settings.interrupt.is_raised() {
                    self.stop(audience, results);
                    return Ok(());
                }
            }
        }
    }

    /// Tells of everything that is due; whether that was the last.
    fn tell(&mut self, audience: &mut Audience<'_>) -> bool {
        let from = self.next;
        while let Some(job) = self.shop.jobs.get(self.next) {
            if job.options.wip {
                audience.tell_unrun(job, Status::Pending);
            } else if let Some(case) = self.cases.remove(&self.next) {
                if audience.tell_case(job, case) && self.settings.fail_fast {
                    for job in &self.shop.jobs[self.next + 1..] {
                        audience.tell_unrun(job, Status::Skipped);
                    }
                    return true;
                }
            } else {
                break;
            }
            self.next += 1;
        }
        if from < self.next {
            self.shop.queue.shown(self.next);
        }
        self.next == self.shop.jobs.len()
    }

    fn keep(&mut self, case: Case) {
        let pickle = &self.shop.jobs[case.job].pickle;
        if self.settings.fail_fast && case.status().fails_run(pickle) {
            self.shop.queue.stop_after(case.job);
        }
        self.cases.insert(case.job, case);
    }

    /// Fails the scenarios that take too long, and puts new workers in the place of theirs.
    fn give_up_overdue(&mut self) -> io::Result<()> {
        let limit = self.settings.scenario_timeout;
        for place in 0..self.slots.len() {
            let Some(run) = self.slots[place].take_overdue(limit) else {
                continue;
            };
            let message = format!(
                "no progress in {} of real time (--scenario-timeout), given up in {}",
                format_duration(limit),
                self.step_name(&run),
            );
            self.give_up(run, Status::Failed, message);
            self.slots[place] = worker::spawn(&self.shop, &self.sender)?;
        }
        Ok(())
    }

    /// Ends the run early: what has run is told of.
    fn stop(&mut self, audience: &mut Audience<'_>, results: &Receiver<Case>) {
        self.shop.queue.close();
        if !self.shop.queue.wait_until_idle(GRACE) {
            for place in 0..self.slots.len() {
                if let Some(run) = self.slots[place].take_now() {
                    let message = format!("interrupted in {}", self.step_name(&run));
                    self.give_up(run, Status::Skipped, message);
                }
            }
        }
        while let Ok(case) = results.recv_timeout(Duration::from_millis(1)) {
            self.keep(case);
        }
        for (job, case) in std::mem::take(&mut self.cases) {
            audience.tell_case(&self.shop.jobs[job], case);
        }
    }

    fn give_up(&mut self, run: Run, status: Status, message: String) {
        let job = &self.shop.jobs[run.job];
        let result = StepResult::because(status, message);
        let mut attempt = match run.hook {
            None => {
                let mut attempt = Attempt::at_step(run.step);
                attempt.add_step(result);
                attempt
            }
            Some((hook, mut attempt)) => {
                let location = Some(hook.location.clone());
                attempt.add_hook(&hook, StepResult { location, ..result });
                attempt
            }
        };
        attempt.settle(job.pickle.steps.len());
        if let Some(timeline) = &run.timeline {
            attempt.attach_tail(timeline);
        }
        if job.options.wall_clock {
            attempt.virtual_time = Duration::ZERO;
        }
        let mut attempts = run.attempts;
        attempts.push(attempt);
        self.shop.queue.done();
        self.keep(Case {
            job: run.job,
            attempts,
        });
    }

    fn step_name(&self, run: &Run) -> String {
        if let Some((hook, _)) = &run.hook {
            return format!("the hook {hook}");
        }
        match self.shop.jobs[run.job].pickle.steps.get(run.step) {
            Some(step) => format!("\"{} {}\" (line {})", step.keyword, step.text, step.line),
            None => "the end of the scenario".to_owned(),
        }
    }
}
