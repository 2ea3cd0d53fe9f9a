mod dry_run;

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use cucumber::step::Context;
use futures::FutureExt as _;
use tokio::runtime::Builder;

use super::{real_time, results::AttemptResult, watchdog::WorkerSlot};
use crate::{
    clock::{REAL_TIME_HINT, Seed},
    domain::with_sources,
    harness::{
        Hook, Lookup, Match, ScenarioContext, StepDefinition, TagOptions, World,
        events::{Attachment, HookKind, Status, StepReport},
        logs,
        panics::{self, LastPanic, Panicked, source_location},
        pickle::{Pickle, StepKind},
        suite_setup::SuiteSetup,
    },
    observability::{Event, Timeline},
};

/// A scenario to run.
#[derive(Clone, Debug)]
pub(in crate::harness) struct Job {
    pub pickle: Arc<Pickle>,
    pub options: TagOptions,
    pub retries: u32,
    pub retry_after: Duration,
}

/// A scenario idle for this long in virtual time is deadlocked: no duration in a scenario comes near
/// it.
const FOR_EVER: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// How the code of a step or a hook ended.
enum Ended<T> {
    Returned(T),
    Panicked(Box<dyn Any + Send>),
    /// It waits for something that can no longer happen.
    Never,
}

/// Runs a scenario once, or checks it in a dry run, on its own runtime.
pub(super) fn run(
    job: &Job,
    seed: Seed,
    setup: &SuiteSetup,
    lookup: &mut Lookup,
    slot: &WorkerSlot,
) -> AttemptResult {
    let mut run = ScenarioRun {
        job,
        setup,
        slot,
        attempt: AttemptResult::with_capacity(job.pickle.steps.len()),
        timeline: None,
        events: Vec::new(),
        hung: false,
    };
    if let Some(why) = job.pickle.proves_nothing {
        run.attempt.skip_rest(job.pickle.steps.len());
        run.attempt
            .add_step(StepReport::because(Status::Failed, why));
        return run.attempt;
    }
    logs::begin();
    // A task of `spawn_blocking` runs on another thread, perhaps for longer than its scenario.
    let last_panic = LastPanic::default();
    panics::keep_on_this_thread(last_panic.clone());
    let mut builder = Builder::new_current_thread();
    builder.on_thread_start(move || panics::keep_on_this_thread(last_panic.clone()));
    if job.options.wall_clock && setup.dry_run.is_none() {
        builder.enable_all();
    } else {
        builder.enable_time().start_paused(true);
        real_time::measure(&mut builder);
    }
    match builder.build() {
        Ok(runtime) => {
            // Steps are caught one by one; this catches what the world's creation and end do.
            let ended = std::panic::catch_unwind(AssertUnwindSafe(|| {
                match &setup.dry_run {
                    None => runtime.block_on(run.run(seed, lookup)),
                    Some(dry_run) => runtime.block_on(run.check(seed, lookup, dry_run)),
                }
                // Threads that steps have left blocked are not waited for.
                runtime.shutdown_background();
            }));
            if let Err(panic) = ended {
                run.attempt.fail(panics::caught(&*panic));
            }
        }
        Err(error) => run.attempt.fail(Panicked {
            message: format!("no runtime for the scenario: {error}"),
            location: None,
        }),
    }
    run.end()
}

struct ScenarioRun<'a> {
    job: &'a Job,
    setup: &'a SuiteSetup,
    slot: &'a WorkerSlot,
    attempt: AttemptResult,
    timeline: Option<Timeline>,
    /// What the timeline held at the end.
    events: Vec<Event>,
    hung: bool,
}

impl ScenarioRun<'_> {
    async fn run(&mut self, seed: Seed, lookup: &mut Lookup) {
        let pickle = &self.job.pickle;
        let mut world = self.world(seed);
        let timeline = world.timeline().clone();
        self.slot.enter(timeline.clone());
        self.timeline = Some(timeline.clone());

        self.add_services(&mut world).await;
        self.run_hooks_before(&mut world, HookKind::BeforeScenario)
            .await;
        for (index, step) in pickle.steps.iter().enumerate() {
            if !self.attempt.passes() {
                break;
            }
            self.slot.reach(index);
            let doc_string = step.doc_string.as_ref();
            let media_type = doc_string.and_then(|doc_string| doc_string.media_type.as_deref());
            world.begin_step(step.line, media_type);
            match lookup.find(step) {
                Match::Found {
                    definition,
                    context,
                } => self.run_step(&mut world, definition, context).await,
                Match::Undefined(message) => self
                    .attempt
                    .add_step(StepReport::because(Status::Undefined, message)),
                Match::Ambiguous(message) => self
                    .attempt
                    .add_step(StepReport::because(Status::Ambiguous, message)),
            }
        }
        self.attempt.skip_rest(pickle.steps.len());
        self.slot.reach(pickle.steps.len());
        // A task that the last step has spawned may not have started yet.
        tokio::task::yield_now().await;
        if self.attempt.passes()
            && let Some(panic) = in_task()
        {
            self.attempt.add_step(panic);
        }
        if self.attempt.passes()
            && let Err(message) = world.finish()
        {
            self.attempt
                .add_step(StepReport::because(Status::Failed, message));
        }
        if !self.attempt.passes() {
            world.log_systems();
        }
        world.begin_step(pickle.line, None);
        self.run_hooks_after(&mut world, HookKind::AfterScenario)
            .await;
        if !self.job.options.wall_clock && !self.hung {
            self.attempt.virtual_time = timeline.now();
        }
        if !self.hung {
            // What ends with the scenario is not part of it.
            self.events = timeline.take();
        }
    }

    fn world(&self, seed: Seed) -> World {
        let pickle = &self.job.pickle;
        World::new(ScenarioContext {
            uri: Arc::clone(&pickle.uri),
            name: pickle.name.clone(),
            row: pickle.row,
            seed,
            line: pickle.line,
            media_type: None,
            allow_unused: self.job.options.allow_unused,
            wall_clock: self.job.options.wall_clock,
            fixtures: self.setup.fixtures.clone(),
            snapshots: Some(Arc::clone(&self.setup.snapshots)),
        })
    }

    /// Runs a step and the hooks around it.
    async fn run_step(&mut self, world: &mut World, definition: &StepDefinition, context: Context) {
        let step = &self.job.pickle.steps[self.attempt.steps.len()];
        self.run_hooks_before(world, HookKind::BeforeStep).await;
        if self.attempt.passes() {
            world.restart_step();
            let what = || format!("\"{} {}\"", step.keyword, step.text);
            // Only what waits is ended by it.
            let alarm = match step.kind {
                StepKind::When => world.alarm(),
                _ => None,
            };
            let code = until(alarm, async { (definition.run)(world, context).await });
            let ended = self.guard(code).await;
            if real_time::has_blocked() && (!definition.is_builtin() || world.registry().has_own())
            {
                self.warn_of_blocked(&format!("{} (line {})", what(), step.line));
            }
            let result = match ended {
                Ended::Returned(None) => in_task().unwrap_or_else(|| passed_or_pending(world)),
                Ended::Returned(Some(why)) => StepReport::because(Status::Failed, why),
                Ended::Panicked(panic) => panics::caught(&*panic).into(),
                Ended::Never => self.never_ends(
                    &what(),
                    definition
                        .location
                        .map(|location| source_location(&location.to_string())),
                ),
            };
            world.end_step(step.kind);
            let result = self.explained(result);
            self.attempt.add_step(result);
        } else {
            self.attempt.add_step(StepReport::new(Status::Skipped));
        }
        self.run_hooks_after(world, HookKind::AfterStep).await;
        self.note_other_panic();
    }

    async fn add_services(&mut self, world: &mut World) {
        for maker in &self.setup.services {
            let result = self.run_hook(maker, world, Status::Passed).await;
            if result.status != Status::Passed {
                return self.attempt.add_hook(maker.info(), result);
            }
        }
    }

    /// Runs hooks until one does not pass.
    async fn run_hooks_before(&mut self, world: &mut World, kind: HookKind) {
        for hook in self.setup.hooks(kind, &self.job.pickle.tags) {
            if !self.attempt.passes() {
                break;
            }
            let result = self.run_hook(hook, world, Status::Passed).await;
            self.attempt.add_hook(hook.info(), result);
        }
    }

    /// Runs all hooks, each with the status of the step or the scenario so far.
    async fn run_hooks_after(&mut self, world: &mut World, kind: HookKind) {
        let of_step = self.attempt.steps.last().map(|step| step.status);
        for hook in self.setup.hooks(kind, &self.job.pickle.tags) {
            let status = match kind {
                HookKind::AfterStep => of_step.unwrap_or(Status::Skipped),
                _ => self.attempt.status,
            };
            let result = self.run_hook(hook, world, status).await;
            self.attempt.add_hook(hook.info(), result);
        }
    }

    async fn run_hook(&mut self, hook: &Hook, world: &mut World, status: Status) -> StepReport {
        let info = hook.info();
        let location = || Some(info.location.clone());
        self.slot.enter_hook(info, &self.attempt);
        let ended = self.guard(hook.run(world, status)).await;
        if real_time::has_blocked() {
            self.warn_of_blocked(&format!("the hook {info}"));
        }
        let result = match ended {
            Ended::Returned(Ok(())) => in_task().unwrap_or_else(|| passed_or_pending(world)),
            Ended::Returned(Err(error)) => StepReport {
                location: location(),
                ..StepReport::because(Status::Failed, with_sources(&*error))
            },
            Ended::Panicked(panic) => panics::caught(&*panic).into(),
            Ended::Never => self.never_ends(&format!("the hook {info}"), location()),
        };
        self.slot.leave_hook();
        self.note_other_panic();
        self.explained(result)
    }

    /// Runs the code of a step or a hook, and catches panics and deadlocks.
    async fn guard<T>(&self, code: impl Future<Output = T>) -> Ended<T> {
        real_time::begin();
        let code = AssertUnwindSafe(code).catch_unwind();
        let ended = if self.job.options.wall_clock {
            Ok(code.await)
        } else {
            tokio::time::timeout(FOR_EVER, code).await
        };
        match ended {
            Ok(Ok(returned)) => Ended::Returned(returned),
            Ok(Err(panic)) => Ended::Panicked(panic),
            Err(_) => Ended::Never,
        }
    }

    fn never_ends(&mut self, what: &str, location: Option<String>) -> StepReport {
        self.hung = true;
        let message = format!(
            "{what} never ends: nothing is left that could happen, \
             however much virtual time passes; {REAL_TIME_HINT}"
        );
        StepReport {
            location,
            ..StepReport::because(Status::Failed, message)
        }
    }

    /// In real time, what blocks takes the time that it takes.
    fn warn_of_blocked(&mut self, what: &str) {
        if !self.job.options.wall_clock {
            let warning = Attachment::Warning(real_time::blocked(what));
            self.attempt.attachments.push(warning);
        }
    }

    /// A failure that virtual time may be the reason of says so.
    fn explained(&self, mut report: StepReport) -> StepReport {
        if !self.job.options.wall_clock
            && let Some(message) = &mut report.message
            && let Some(hint) = real_time::hint(message)
        {
            message.push('\n');
            message.push_str(&hint);
        }
        report
    }

    /// Logs a panic that was caught somewhere else.
    fn note_other_panic(&self) {
        if let Some(Panicked { message, location }) = panics::take() {
            let location = location.unwrap_or_default();
            logs::note(&format!(
                "a panic that failed no step: {message} ({location})"
            ));
        }
    }

    fn end(mut self) -> AttemptResult {
        if let Some(timeline) = &self.timeline {
            let mut events = std::mem::take(&mut self.events);
            if self.hung {
                events = timeline.take();
                events.retain(|event| event.at < FOR_EVER);
                self.attempt.virtual_time = events.last().map_or(Duration::ZERO, |event| event.at);
            }
            if !events.is_empty() {
                let events = Attachment::Timeline(Arc::new(events));
                self.attempt.attachments.push(events);
            }
        }
        if let Some(log) = logs::take() {
            self.attempt.attachments.push(Attachment::Log(log));
        }
        self.attempt.skip_rest(self.job.pickle.steps.len());
        self.attempt
    }
}

/// Runs the code of a step until an alarm says that a program under test has ended although nothing asked
/// for that, which fails the step.
async fn until(
    alarm: Option<impl Future<Output = String>>,
    code: impl Future<Output = ()>,
) -> Option<String> {
    let Some(alarm) = alarm else {
        code.await;
        return None;
    };
    tokio::select! {
        biased;
        () = code => None,
        end = alarm => Some(end),
    }
}

/// The failure of a step or a hook during which a task panicked.
fn in_task() -> Option<StepReport> {
    panics::take().map(|panicked| {
        let message = format!("a task panicked: {}", panicked.message);
        Panicked {
            message,
            ..panicked
        }
        .into()
    })
}

fn passed_or_pending(world: &mut World) -> StepReport {
    match world.take_pending() {
        Some(why) => StepReport::because(Status::Pending, why),
        None => StepReport::new(Status::Passed),
    }
}
