use super::{AttemptResult, Ended, ScenarioRun, passed_or_pending};
use crate::{
    clock::Seed,
    harness::{
        Lookup, Match,
        dry_run::{DryRun, ScenarioCheck, StepCheck},
        events::{HookKind, Status, StepReport},
        panics,
    },
};

impl ScenarioRun<'_> {
    /// Runs the Givens, and checks all other steps without running them, to the last step.
    pub(super) async fn check(&mut self, seed: Seed, lookup: &mut Lookup, dry_run: &DryRun) {
        let pickle = &self.job.pickle;
        let mut world = self.world(seed);
        self.add_services(&mut world).await;
        let before = [
            HookKind::BeforeScenario,
            HookKind::BeforeStep,
            HookKind::AfterStep,
        ];
        let mut kinds = before.into_iter();
        let has_hooks = kinds.any(|kind| self.setup.hooks(kind, &pickle.tags).next().is_some());
        let mut check = ScenarioCheck::new(dry_run, pickle, has_hooks);
        for (index, step) in pickle.steps.iter().enumerate() {
            self.slot.reach(index);
            let doc_string = step.doc_string.as_ref();
            let media_type = doc_string.and_then(|doc_string| doc_string.media_type.as_deref());
            world.begin_step(step.line, media_type);
            let result = match lookup.find(step) {
                Match::Found {
                    definition,
                    context,
                } => match check.step(&mut world, step, definition, &context) {
                    StepCheck::Runs => {
                        let code = async { (definition.run)(&mut world, context).await };
                        let result = match self.guard(code).await {
                            Ended::Returned(()) => passed_or_pending(&mut world),
                            Ended::Panicked(panic) => panics::caught(&*panic).into(),
                            Ended::Never => self
                                .never_ends(&format!("\"{} {}\"", step.keyword, step.text), None),
                        };
                        check.ran(&mut world, result)
                    }
                    StepCheck::Matched => StepReport::new(Status::Skipped),
                    StepCheck::Fails(message) => StepReport::because(Status::Failed, message),
                },
                Match::Undefined(message) => StepReport::because(Status::Undefined, message),
                Match::Ambiguous(message) => StepReport::because(Status::Ambiguous, message),
            };
            match result.status {
                // What is not run does not end the scenario.
                Status::Skipped => self.attempt.steps.push(result),
                status => {
                    if status != Status::Passed {
                        check.failed(step.kind);
                    }
                    self.attempt.add_step(result);
                }
            }
        }
        check.end(&mut world);
        if pickle.has_tag("wip") {
            // It may have any problem; what it uses is used all the same.
            self.attempt = AttemptResult::not_run(pickle, Status::Pending);
        }
    }
}
