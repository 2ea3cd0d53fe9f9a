use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use cucumber::step::Context;
use tokio::runtime::Builder;

use super::{
    Job,
    guard::{Ended, FOR_EVER, guarded},
    report::Attempt,
    watchdog::Slot,
};
use crate::{
    clock::Seed,
    harness::{
        Hook, Lookup, Match, Stage, StepDefinition, World,
        backstage::Backstage,
        events::{Attachment, HookKind, Status, StepResult},
        logs,
        package::source_place,
        panics::{self, Panicked},
    },
    observability::Timeline,
};

/// Runs a scenario once, on a runtime of its own.
pub(super) fn run(
    job: &Job,
    seed: Seed,
    backstage: &Backstage,
    lookup: &mut Lookup,
    slot: &Slot,
) -> Attempt {
    let mut play = Play {
        job,
        backstage,
        slot,
        attempt: Attempt::with_capacity(job.pickle.steps.len()),
        timeline: None,
        hung: false,
    };
    logs::begin();
    panics::take();
    let mut builder = Builder::new_current_thread();
    if job.options.wall_clock {
        builder.enable_all();
    } else {
        builder.enable_time().start_paused(true);
    }
    match builder.build() {
        Ok(runtime) => {
            // Steps are caught one by one; this is for the world's own making and end.
            let ended = std::panic::catch_unwind(AssertUnwindSafe(|| {
                runtime.block_on(play.all(seed, lookup));
                // Threads that steps have left blocked are not waited for.
                runtime.shutdown_background();
            }));
            if let Err(panic) = ended {
                play.attempt.fail(panics::caught(&*panic));
            }
        }
        Err(error) => play.attempt.fail(Panicked {
            message: format!("no runtime for the scenario: {error}"),
            location: None,
        }),
    }
    play.end()
}

struct Play<'a> {
    job: &'a Job,
    backstage: &'a Backstage,
    slot: &'a Slot,
    attempt: Attempt,
    timeline: Option<Timeline>,
    hung: bool,
}

impl Play<'_> {
    async fn all(&mut self, seed: Seed, lookup: &mut Lookup) {
        let pickle = &self.job.pickle;
        let mut world = World::new(Stage {
            uri: Arc::clone(&pickle.uri),
            scenario: pickle.name.clone(),
            row: pickle.row,
            seed,
            line: pickle.line,
            media_type: None,
            allow_unused: self.job.options.allow_unused,
            wall_clock: self.job.options.wall_clock,
            fixtures: self.backstage.fixtures.clone(),
            snapshots: Some(Arc::clone(&self.backstage.snapshots)),
        });
        let timeline = world.timeline().clone();
        self.slot.enter(timeline.clone());
        self.timeline = Some(timeline.clone());

        self.services(&mut world).await;
        self.hooks_before(&mut world, HookKind::BeforeScenario)
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
                } => self.step(&mut world, definition, context).await,
                Match::Undefined(message) => self
                    .attempt
                    .add_step(StepResult::because(Status::Undefined, message)),
                Match::Ambiguous(message) => self
                    .attempt
                    .add_step(StepResult::because(Status::Ambiguous, message)),
            }
        }
        self.attempt.settle(pickle.steps.len());
        self.slot.reach(pickle.steps.len());
        if self.attempt.passes()
            && let Err(message) = world.finish()
        {
            self.attempt
                .add_step(StepResult::because(Status::Failed, message));
        }
        world.begin_step(pickle.line, None);
        self.hooks_after(&mut world, HookKind::AfterScenario).await;
        if !self.job.options.wall_clock && !self.hung {
            self.attempt.virtual_time = timeline.now();
        }
    }

    /// Runs a step and the hooks around it.
    async fn step(&mut self, world: &mut World, definition: &StepDefinition, context: Context) {
        let step = &self.job.pickle.steps[self.attempt.steps.len()];
        self.hooks_before(world, HookKind::BeforeStep).await;
        if self.attempt.passes() {
            world.restart_step();
            let code = async { (definition.run)(world, context).await };
            let result = match guarded(self.job.options.wall_clock, code).await {
                Ended::Returned(()) => passed_or_pending(world),
                Ended::Panicked(panic) => panics::caught(&*panic).into(),
                Ended::Never => self.never_ends(
                    &format!("\"{} {}\"", step.keyword, step.text),
                    definition
                        .location
                        .map(|location| source_place(&location.to_string())),
                ),
            };
            world.end_step(step.kind);
            self.attempt.add_step(result);
        } else {
            self.attempt.add_step(StepResult::new(Status::Skipped));
        }
        self.hooks_after(world, HookKind::AfterStep).await;
        self.note_other_panic();
    }

    async fn services(&mut self, world: &mut World) {
        for maker in &self.backstage.services {
            let result = self.hook(maker, world, Status::Passed).await;
            if result.status != Status::Passed {
                return self.attempt.add_hook(maker.info(), result);
            }
        }
    }

    /// Runs hooks until one does not pass.
    async fn hooks_before(&mut self, world: &mut World, kind: HookKind) {
        for hook in self.backstage.hooks(kind, &self.job.pickle.tags) {
            if !self.attempt.passes() {
                break;
            }
            let result = self.hook(hook, world, Status::Passed).await;
            self.attempt.add_hook(hook.info(), result);
        }
    }

    /// Runs all hooks, each with what the step or the scenario has come to so far.
    async fn hooks_after(&mut self, world: &mut World, kind: HookKind) {
        let of_step = self.attempt.steps.last().map(|step| step.status);
        for hook in self.backstage.hooks(kind, &self.job.pickle.tags) {
            let status = match kind {
                HookKind::AfterStep => of_step.unwrap_or(Status::Skipped),
                _ => self.attempt.status,
            };
            let result = self.hook(hook, world, status).await;
            self.attempt.add_hook(hook.info(), result);
        }
    }

    async fn hook(&mut self, hook: &Hook, world: &mut World, status: Status) -> StepResult {
        let info = hook.info();
        let location = || Some(info.location.clone());
        self.slot.enter_hook(info, &self.attempt);
        let result = match guarded(self.job.options.wall_clock, hook.run(world, status)).await {
            Ended::Returned(Ok(())) => passed_or_pending(world),
            Ended::Returned(Err(error)) => StepResult {
                location: location(),
                ..StepResult::because(Status::Failed, error.to_string())
            },
            Ended::Panicked(panic) => panics::caught(&*panic).into(),
            Ended::Never => self.never_ends(&format!("the hook {info}"), location()),
        };
        self.slot.leave_hook();
        self.note_other_panic();
        result
    }

    fn never_ends(&mut self, what: &str, location: Option<String>) -> StepResult {
        self.hung = true;
        let message = format!(
            "{what} never ends: nothing is left that could happen, \
             however much virtual time passes"
        );
        StepResult {
            location,
            ..StepResult::because(Status::Failed, message)
        }
    }

    /// Logs a panic that was caught elsewhere than here.
    fn note_other_panic(&self) {
        if let Some(Panicked { message, location }) = panics::take() {
            let location = location.unwrap_or_default();
            logs::note(&format!(
                "a panic that failed no step: {message} ({location})"
            ));
        }
    }

    fn end(mut self) -> Attempt {
        if let Some(timeline) = &self.timeline {
            let mut events = timeline.take();
            if self.hung {
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
        self.attempt.settle(self.job.pickle.steps.len());
        self.attempt
    }
}

fn passed_or_pending(world: &mut World) -> StepResult {
    match world.take_pending() {
        Some(why) => StepResult::because(Status::Pending, why),
        None => StepResult::new(Status::Passed),
    }
}
