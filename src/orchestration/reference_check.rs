//! Whether the references in a workflow's inputs can lead anywhere.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::{
    plan::invalid,
    wait::Wait,
    workflow::{Compensation, Step, SubWorkflow, Workflow},
};
use crate::domain::{Failure, did_you_mean, reference_faults};

/// The name of the run's input in references.
const INPUT: &str = "input";

impl Workflow {
    /// What is wrong with the references in the inputs of its steps and of those that it runs, which
    /// can be found without services: `INVALID_WORKFLOW`, each with its JSON pointer as field.
    ///
    /// A step's input may refer to the run's input and to the steps that it waits for, directly or
    /// not; that of its compensation also to the step itself.
    pub(crate) fn reference_faults(&self) -> Vec<Failure> {
        let mut faults = Vec::new();
        self.find_reference_faults("", &mut faults);
        faults
    }

    /// The types of the events that start its runs or that its steps and those of the workflows that it
    /// runs wait for, each at its JSON pointer.
    pub(crate) fn events(&self) -> Vec<(String, &str)> {
        let mut events = Vec::new();
        if let Some(started_by) = &self.started_by {
            events.push(("/startedBy/event".to_owned(), &*started_by.event));
        }
        for (index, step) in self.steps.iter().enumerate() {
            let at = format!("/steps/{index}");
            if let Some(event) = step.wait.as_ref().and_then(Wait::event) {
                events.push((format!("{at}/wait/event"), &event.event));
            }
            if let Some(SubWorkflow::Defined(workflow)) = &step.workflow {
                let of_child = workflow.events().into_iter();
                let of_steps = of_child.filter(|(pointer, _)| pointer.starts_with("/steps"));
                events.extend(
                    of_steps.map(|(pointer, kind)| (format!("{at}/workflow{pointer}"), kind)),
                );
            }
        }
        events
    }

    fn find_reference_faults(&self, at: &str, faults: &mut Vec<Failure>) {
        let steps = Dependencies::of(&self.steps);
        for (index, step) in self.steps.iter().enumerate() {
            let at = format!("{at}/steps/{index}");
            if let Some(SubWorkflow::Defined(workflow)) = &step.workflow {
                workflow.find_reference_faults(&format!("{at}/workflow"), faults);
            }
            let undo_input = match &step.compensation {
                Some(Compensation::With(call)) => call.input.as_ref(),
                _ => None,
            };
            let subject = step.wait.as_ref().and_then(Wait::event);
            let subject = subject
                .and_then(|event| event.subject.clone())
                .map(Value::String);
            let inputs = [
                (step.input.as_ref(), "input", false),
                (subject.as_ref(), "wait/subject", false),
                (undo_input, "compensation/input", true),
            ];
            for (input, field, is_undo) in inputs {
                let mut known = |name: &str| steps.check(index, name, is_undo);
                let found = input.map(|input| reference_faults(input, &mut known));
                for fault in found.into_iter().flatten() {
                    let fault = fault.within(&format!("{at}/{field}"));
                    faults.push(invalid(&fault.pointer, fault.message));
                }
            }
        }
    }
}

/// Which steps wait for which.
struct Dependencies<'a> {
    steps: &'a [Step],
    indices: HashMap<&'a str, usize>,
}

impl<'a> Dependencies<'a> {
    fn of(steps: &'a [Step]) -> Self {
        let ids = steps.iter().map(|step| step.id.as_str());
        Self {
            steps,
            indices: ids.zip(0..).collect(),
        }
    }

    /// Whether a step's input may refer to data under a name, and why not.
    fn check(&self, step: usize, name: &str, is_undo: bool) -> Result<(), String> {
        let id = &self.steps[step].id;
        let Some(&referred) = self.indices.get(name).filter(|_| name != INPUT) else {
            if name == INPUT {
                return Ok(());
            }
            let ids = self.steps.iter().map(|step| step.id.as_str());
            let usable = ids.filter(|other| other != id);
            let hint = did_you_mean(name, std::iter::once(INPUT).chain(usable));
            return Err(format!("there is no step {name:?}, {hint}"));
        };
        if referred == step {
            return match is_undo {
                true => Ok(()),
                false => Err("it is the step itself".to_owned()),
            };
        }
        match self.waits_for(step, referred) {
            true => Ok(()),
            false => Err(format!(
                "step {id:?} does not wait for step {name:?}, add it to its dependencies"
            )),
        }
    }

    fn waits_for(&self, step: usize, referred: usize) -> bool {
        let mut seen = HashSet::new();
        let mut next = vec![step];
        while let Some(step) = next.pop() {
            let direct = self.direct(step);
            if direct.contains(&referred) {
                return true;
            }
            next.extend(direct.into_iter().filter(|step| seen.insert(*step)));
        }
        false
    }

    /// The steps that one waits for itself, as far as they exist.
    fn direct(&self, step: usize) -> Vec<usize> {
        match &self.steps[step].dependencies {
            None => step.checked_sub(1).into_iter().collect(),
            Some(names) => names
                .iter()
                .filter_map(|name| self.indices.get(name.as_str()).copied())
                .collect(),
        }
    }
}
