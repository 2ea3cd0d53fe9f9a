use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use cucumber::step::Context;
use futures::FutureExt as _;
use tokio::runtime::Builder;

use super::{Job, report::Attempt, watchdog::Slot};
use crate::{
    clock::Seed,
    harness::{
        Lookup, Match, Snapshots, Stage, StepDefinition, World,
        events::{Attachment, Status, StepResult},
        logs,
        package::source_place,
        panics::{self, Panicked},
    },
    observability::Timeline,
};

/// When nothing has happened for so long in virtual time, nothing ever will:
/// no duration in a scenario comes near it.
const FOR_EVER: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// Runs a scenario once, on a runtime of its own.
pub(super) fn run(
    job: &Job,
    seed: Seed,
    snapshots: &Arc<Snapshots>,
    lookup: &mut Lookup,
    slot: &Slot,
) -> Attempt {
    let mut play = Play {
        job,
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
                runtime.block_on(play.all(seed, snapshots, lookup));
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
    slot: &'a Slot,
    attempt: Attempt,
    timeline: Option<Timeline>,
    hung: bool,
}

impl Play<'_> {
    async fn all(&mut self, seed: Seed, snapshots: &Arc<Snapshots>, lookup: &mut Lookup) {
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
            snapshots: Some(Arc::clone(snapshots)),
        });
        let timeline = world.timeline().clone();
        self.slot.enter(timeline.clone());
        self.timeline = Some(timeline.clone());
        for (index, step) in pickle.steps.iter().enumerate() {
            self.slot.reach(index);
            let doc_string = step.doc_string.as_ref();
            let media_type = doc_string.and_then(|doc_string| doc_string.media_type.as_deref());
            world.begin_step(step.line, media_type);
            let result = match lookup.find(step) {
                Match::Found {
                    definition,
                    context,
                } => self.step(&mut world, definition, context).await,
                Match::Undefined(message) => StepResult::because(Status::Undefined, message),
                Match::Ambiguous(message) => StepResult::because(Status::Ambiguous, message),
            };
            world.end_step(step.kind);
            let passed = result.status == Status::Passed;
            self.attempt.steps.push(result);
            if !passed {
                break;
            }
            if let Some(Panicked { message, location }) = panics::take() {
                let location = location.unwrap_or_default();
                logs::note(&format!(
                    "a panic that failed no step: {message} ({location})"
                ));
            }
        }
        if self.attempt.all_passed() {
            self.slot.reach(pickle.steps.len());
            if let Err(message) = world.finish() {
                self.attempt
                    .steps
                    .push(StepResult::because(Status::Failed, message));
            }
        }
        if !self.job.options.wall_clock && !self.hung {
            self.attempt.virtual_time = timeline.now();
        }
    }

    async fn step(
        &mut self,
        world: &mut World,
        definition: &StepDefinition,
        context: Context,
    ) -> StepResult {
        let run = AssertUnwindSafe(async { (definition.run)(world, context).await }).catch_unwind();
        let ended = if self.job.options.wall_clock {
            Ok(run.await)
        } else {
            tokio::time::timeout(FOR_EVER, run).await
        };
        match ended {
            Ok(Ok(())) => match world.take_pending() {
                Some(why) => StepResult::because(Status::Pending, why),
                None => StepResult::new(Status::Passed),
            },
            Ok(Err(panic)) => {
                let Panicked { message, location } = panics::caught(&*panic);
                StepResult {
                    location,
                    ..StepResult::because(Status::Failed, message)
                }
            }
            Err(_) => {
                self.hung = true;
                let pickle = &self.job.pickle;
                let step = &pickle.steps[self.attempt.steps.len()];
                let message = format!(
                    "\"{} {}\" never ends: nothing is left that could happen, \
                     however much virtual time passes",
                    step.keyword, step.text
                );
                StepResult {
                    location: definition
                        .location
                        .map(|location| source_place(&location.to_string())),
                    ..StepResult::because(Status::Failed, message)
                }
            }
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
