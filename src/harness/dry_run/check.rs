use std::sync::Arc;

use cucumber::step::Context;

use super::{
    DryRun, Finding, FixtureName, SnapshotName, StepDefinition, key,
    names::{NamedStep, calls, event_type, inputs, mentions},
    scenery::{SERVICES, scenery},
};
use crate::{
    domain::CallName,
    harness::{
        SnapshotPart, World,
        events::{Status, StepReport},
        pickle::{Pickle, PickleStep, StepKind},
    },
    orchestration::Workflow,
};

/// Givens that write a file: they are only matched.
const WRITE: [&str; 6] = [
    "the audit trail cannot be written",
    "the audit trail is kept in {string}",
    "the event store is kept in a file",
    "the file {string} holds:",
    "the file {string} is corrupted on disk",
    "the journal is kept in a file",
];

/// Whens that declare.
const DECLARE: [&str; 2] = ["the aggregate is loaded:", "the projection is loaded:"];

/// Whens that pass whatever they call: the answer says that there is no such service or operation.
const ANSWERED: [&str; 2] = [
    "a request is sent to {call}",
    "a request is sent to {call} with:",
];

/// How the phrases begin that run the scenario's workflow.
const RUN: [&str; 3] = [
    "the workflow runs",
    "the workflow starts",
    "a process runs the workflow",
];

/// Thens about a snapshot.
const SNAPSHOTS: [(&str, SnapshotPart); 2] = [
    ("the outcome matches the snapshot", SnapshotPart::Outcome),
    ("the timeline matches the snapshot", SnapshotPart::Timeline),
];

/// The check of one scenario, step by step.
pub(in crate::harness) struct ScenarioCheck<'a> {
    dry_run: &'a DryRun,
    pickle: &'a Pickle,
    /// Whether code that is not run may have declared anything: a hook or a step of the user's own, or a When
    /// that declares.
    has_unknown: bool,
    /// Whether there was a When, without which a later Given may be refused.
    has_acted: bool,
    /// Whether a Given has failed, without which later steps would, too.
    is_broken: bool,
    /// Whether calls and events may come from elsewhere: a program, or a step that is not known.
    is_open: bool,
    steps: Vec<NamedStep>,
    /// The workflows that Givens have declared, and on which lines.
    workflows: Vec<DeclaredWorkflow>,
}

struct DeclaredWorkflow {
    line: usize,
    workflow: Arc<Workflow>,
    /// Whether a When runs it.
    is_run: bool,
}

/// What is to be done with a step.
pub(in crate::harness) enum StepCheck {
    /// It declares, so it is run.
    Runs,
    /// It is not run.
    Matched,
    /// It would fail.
    Fails(String),
}

impl<'a> ScenarioCheck<'a> {
    /// A check of a scenario, to which hooks of the user's own may apply.
    pub fn new(dry_run: &'a DryRun, pickle: &'a Pickle, has_hooks: bool) -> Self {
        Self {
            dry_run,
            pickle,
            has_unknown: has_hooks,
            has_acted: false,
            is_broken: false,
            is_open: pickle.has_tag("wall-clock"),
            steps: Vec::with_capacity(pickle.steps.len()),
            workflows: Vec::new(),
        }
    }

    /// Checks the next step.
    pub fn step(
        &mut self,
        world: &mut World,
        step: &PickleStep,
        definition: &StepDefinition,
        context: &Context,
    ) -> StepCheck {
        let Some(expression) = definition.expression() else {
            self.has_unknown = true;
            let used = key(definition);
            self.dry_run.found(|findings| {
                findings.definitions.insert(used);
            });
            return StepCheck::Matched;
        };
        let parameters = definition.parameters(context);
        let named = NamedStep::new(step, expression, parameters);
        let check = match step.kind {
            StepKind::Given if WRITE.contains(&expression) => StepCheck::Matched,
            StepKind::Given => StepCheck::Runs,
            StepKind::When | StepKind::Then => {
                let checked = self
                    .check_calls(world, &named)
                    .and_then(|()| self.check_snapshot(&named))
                    .and_then(|()| self.check_plan(world, &named));
                self.has_acted |= step.kind == StepKind::When;
                match checked {
                    Ok(()) => StepCheck::Matched,
                    Err(_) if self.is_broken => StepCheck::Matched,
                    Err(message) if self.has_unknown => {
                        self.note_not_checked(&named, &message);
                        StepCheck::Matched
                    }
                    Err(message) => StepCheck::Fails(message),
                }
            }
        };
        self.has_unknown |= DECLARE.contains(&expression);
        self.steps.push(named);
        check
    }

    /// A step has a problem, so that what it would do is not known.
    pub fn failed(&mut self, kind: StepKind) {
        self.is_open = true;
        self.is_broken |= kind == StepKind::Given;
    }

    /// The last step was run: its result, unless that may be due to another step, which was not run or failed.
    pub fn ran(&mut self, world: &mut World, result: StepReport) -> StepReport {
        let Some(named) = self.steps.last() else {
            return result;
        };
        if result.status == Status::Passed {
            if named.declares_workflow()
                && let Ok(workflow) = world.runs().workflow()
            {
                self.workflows.push(DeclaredWorkflow {
                    line: named.line,
                    workflow,
                    is_run: false,
                });
            }
            return result;
        }
        let is_elsewhere = self.is_broken || self.has_unknown || self.has_acted;
        if !is_elsewhere {
            return result;
        }
        if !self.is_broken {
            self.note_not_checked(named, &result.message.unwrap_or_default());
        }
        StepReport::new(Status::Skipped)
    }

    fn check_calls(&self, world: &mut World, named: &NamedStep) -> Result<(), String> {
        let calls = named.parameters.iter().filter(|(ty, _)| *ty == "call");
        for (_, text) in calls {
            let call: CallName = text.parse().map_err(|error| format!("{error}"))?;
            #[cfg(feature = "cqrs")]
            if call.service() == crate::cqrs::EVENT_STORE {
                // Its first use declares it.
                world.cqrs();
            }
            match world.registry().check(&call) {
                Err(error) if ANSWERED.contains(&named.expression) => {
                    let finding = self.at(named.line, format!("{}: {error}", named.shown));
                    self.dry_run.found(|findings| {
                        findings.unknown_calls.insert(finding);
                    });
                }
                checked => checked.map_err(|error| error.to_string())?,
            }
        }
        Ok(())
    }

    fn check_snapshot(&self, named: &NamedStep) -> Result<(), String> {
        let mut snapshots = SNAPSHOTS.into_iter();
        let Some((_, part)) = snapshots.find(|(expression, _)| *expression == named.expression)
        else {
            return Ok(());
        };
        let pickle = self.pickle;
        let name = SnapshotName::new(&pickle.uri, &pickle.name, pickle.row, part);
        let found = self.dry_run.snapshots.find(&name);
        let (path, is_there) = found.map_err(|error| error.to_string())?;
        let finding = self.at(named.line, path);
        self.dry_run.found(|findings| {
            findings.snapshots.insert(name);
            if !is_there {
                findings.new_snapshots.insert(finding);
            }
        });
        Ok(())
    }

    /// Checks the workflow that a step runs, unless the scenario expects that it is refused.
    fn check_plan(&mut self, world: &mut World, named: &NamedStep) -> Result<(), String> {
        let is_refused = |step: &PickleStep| step.text.starts_with("the workflow is refused with");
        if !runs_workflow(named) {
            return Ok(());
        }
        match world.runs().plan()? {
            Err(_) if self.pickle.steps.iter().any(is_refused) => Ok(()),
            Err(refused) => Err(refused.to_string()),
            Ok(_) => {
                // The workflow that was declared last.
                if let Some(declared) = self.workflows.last_mut() {
                    declared.is_run = true;
                }
                Ok(())
            }
        }
    }

    /// Ends the check.
    pub fn end(mut self, world: &mut World) {
        let is_open = |named: &NamedStep| {
            let expression = named.expression;
            // They name services in files.
            ["contract", "communication pattern", "consistency"]
                .iter()
                .any(|naming| expression.contains(naming))
        };
        self.is_open |= self.has_unknown || world.registry().has_own();
        let workflows = world.runs().workflows();
        self.note_fixtures(&workflows);
        if !self.is_open {
            self.note_unpublished(world, &workflows);
        }
        let is_open = self.is_open || self.steps.iter().any(is_open);
        self.note_scenery(&workflows, is_open);
        self.dry_run.found(|findings| {
            let uri = Arc::clone(&self.pickle.uri);
            *findings.checked.entry(uri).or_default() += 1;
        });
    }

    fn note_fixtures(&self, workflows: &[Arc<Workflow>]) {
        let steps = self.steps.iter().filter_map(|named| {
            let name = named.first().to_owned();
            Some(match named.expression {
                SERVICES => FixtureName::File("services", name),
                // Also one that cannot be loaded.
                "the workflow {string}" => FixtureName::Item("workflows", name),
                "the contract {string}" => FixtureName::File("contracts", name),
                "the system {string}" if !named.has_doc_string() => {
                    FixtureName::File("systems", name)
                }
                "the communication pattern {string}" => {
                    FixtureName::Item("communicationPatterns", name)
                }
                "the consistency scenario {string}" => {
                    FixtureName::Item("consistencyScenarios", name)
                }
                _ => return None,
            })
        });
        let workflows = workflows.iter();
        let workflows =
            workflows.map(|workflow| FixtureName::Item("workflows", workflow.id.clone()));
        self.dry_run
            .found(|findings| findings.fixtures.extend(steps.chain(workflows)));
    }

    fn note_unpublished(&self, world: &mut World, workflows: &[Arc<Workflow>]) {
        let inputs = inputs(workflows);
        let mut published: Vec<String> = self.steps.iter().flat_map(NamedStep::published).collect();
        published.extend(inputs.iter().filter_map(|input| event_type(input)));
        if published.iter().any(|kind| kind.contains("${")) {
            return;
        }
        #[cfg(feature = "cqrs")]
        if self.steps.iter().any(|named| {
            named.expression == "the aggregate:"
                || named.expression.contains("keeps configurations")
        }) {
            let of_aggregates = world.cqrs().commands().event_types();
            published.extend(of_aggregates.into_iter().flatten());
        }
        published.sort();
        published.dedup();
        let steps = self.steps.iter().filter(|named| named.may_publish());
        let mut texts: Vec<String> = steps.map(|named| named.text.clone()).collect();
        texts.extend(inputs.iter().map(ToString::to_string));
        texts.extend(published.iter().cloned());
        // A workflow of the background may be another than the one that a scenario runs.
        let runs_one = self.steps.iter().any(runs_workflow);
        let waits = |declared: &&DeclaredWorkflow| {
            declared.is_run || !runs_one && declared.workflow.started_by.is_some()
        };
        for declared in self.workflows.iter().filter(waits) {
            for awaited in world.runs().awaited(&declared.workflow) {
                if texts.iter().any(|text| mentions(text, &awaited.kind)) {
                    continue;
                }
                let text = awaited.none_published(published.iter().map(String::as_str));
                let finding = self.at(declared.line, text);
                self.dry_run.found(|findings| {
                    findings.unpublished.insert(finding);
                });
            }
        }
    }

    fn note_scenery(&self, workflows: &[Arc<Workflow>], is_open: bool) {
        let calls: Vec<String> = workflows
            .iter()
            .flat_map(|workflow| calls(workflow))
            .collect();
        for (index, is_used) in scenery(&self.steps, &calls, &self.dry_run.fixtures) {
            let named = &self.steps[index];
            let finding = self.at(named.line, named.shown.clone());
            self.dry_run.found(|findings| {
                *findings.scenery.entry(finding).or_default() |= is_used || is_open;
            });
        }
    }

    fn note_not_checked(&self, named: &NamedStep, message: &str) {
        let why = message.lines().next().unwrap_or_default();
        let finding = self.at(named.line, format!("{}: {why}", named.shown));
        self.dry_run.found(|findings| {
            findings.not_checked.insert(finding);
        });
    }

    fn at(&self, line: usize, text: String) -> Finding {
        Finding {
            uri: Arc::clone(&self.pickle.uri),
            line,
            text,
        }
    }
}

fn runs_workflow(step: &NamedStep) -> bool {
    let mut beginnings = RUN.into_iter();
    step.kind == StepKind::When
        && beginnings.any(|beginning| step.expression.starts_with(beginning))
}

#[cfg(test)]
#[cfg(all(feature = "cqrs", feature = "sqlite"))]
mod tests {
    use super::*;

    #[test]
    fn phrases_that_are_treated_apart_are_of_the_vocabulary() {
        let known = StepDefinition::collected();
        let known = known.iter().filter_map(StepDefinition::expression);
        let known: Vec<_> = known.collect();
        let apart = WRITE.into_iter().chain(DECLARE).chain(ANSWERED);
        for phrase in apart.chain(SNAPSHOTS.map(|(phrase, _)| phrase)) {
            assert!(known.contains(&phrase), "{phrase}");
        }
        for beginning in RUN {
            assert!(known.iter().any(|phrase| phrase.starts_with(beginning)));
        }
    }
}
