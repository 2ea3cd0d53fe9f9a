use std::{collections::VecDeque, fmt, str::FromStr, sync::Arc};

use super::failures::{FileResult, PATH, refused};
use crate::{
    domain::{CallName, did_you_mean},
    observability::{EventKind, Timeline},
    services::{FaultId, Faults},
};

/// A stage of a change of a file.
///
/// Writing passes all three; deleting a file and setting permissions only pass the commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskStage {
    /// The new content is written to a staging file.
    Staging,
    /// What was written is read back and checked.
    Validation,
    /// The staging file replaces the file.
    Commit,
}

/// Why a text is not a stage.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the stage {name:?} does not exist: {hint}")]
pub struct DiskStageError {
    name: String,
    hint: String,
}

impl DiskStage {
    const ALL: [Self; 3] = [Self::Staging, Self::Validation, Self::Commit];

    fn as_str(self) -> &'static str {
        match self {
            Self::Staging => "staging",
            Self::Validation => "validation",
            Self::Commit => "commit",
        }
    }
}

impl fmt::Display for DiskStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DiskStage {
    type Err = DiskStageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|stage| stage.as_str() == text);
        named.ok_or_else(|| DiskStageError {
            name: text.to_owned(),
            hint: did_you_mean(text, Self::ALL.map(Self::as_str)),
        })
    }
}

/// The scripted faults of the disk, by stage.
#[derive(Debug)]
pub(super) struct DiskFaults {
    faults: Faults,
    timeline: Timeline,
    /// For a number of changes each, in order.
    queue: VecDeque<(u32, DiskFault)>,
    /// For every change, when the queue has no fault for its stage.
    always: Vec<DiskFault>,
}

/// A scripted fault of the disk.
#[derive(Clone, Debug)]
pub(super) struct DiskFault {
    pub stage: DiskStage,
    /// The code that the change fails with.
    pub code: Arc<str>,
    pub fault: FaultId,
}

impl DiskFaults {
    /// A disk without faults.
    pub fn new(faults: Faults, timeline: Timeline) -> Self {
        Self {
            faults,
            timeline,
            queue: VecDeque::new(),
            always: Vec::new(),
        }
    }

    /// Fails a number of changes, after those already scripted; all of them without a number.
    pub fn add(&mut self, fault: DiskFault, times: Option<u32>) {
        match times {
            Some(times) => self.queue.push_back((times, fault)),
            None => {
                self.always.retain(|other| other.stage != fault.stage);
                self.always.push(fault);
            }
        }
    }

    /// Injects the faults of a call's change, stage by stage.
    pub fn fault_injector(&mut self, call: &CallName) -> impl FnMut(DiskStage) -> FileResult<()> {
        move |stage| self.inject_fault(stage, call)
    }

    /// Fails if there is a fault for this stage of a call's change.
    ///
    /// # Errors
    ///
    /// With the code of the fault.
    pub fn inject_fault(&mut self, stage: DiskStage, call: &CallName) -> FileResult<()> {
        let Some(DiskFault { code, fault, .. }) = self.next(stage) else {
            return Ok(());
        };
        let (what, declared_at) = self.faults.hit(fault);
        self.timeline.record(EventKind::FaultInjected {
            call: call.clone(),
            execution: None,
            fault: what,
            declared_at,
        });
        let message = format!("the disk fails at the {stage}");
        Err(refused(&code, PATH, message))
    }

    fn next(&mut self, stage: DiskStage) -> Option<DiskFault> {
        let queued = self
            .queue
            .iter_mut()
            .find(|(_, fault)| fault.stage == stage);
        let fault = match queued {
            Some((left, fault)) => {
                *left = left.saturating_sub(1);
                Some(fault.clone())
            }
            None => self
                .always
                .iter()
                .find(|fault| fault.stage == stage)
                .cloned(),
        };
        self.queue.retain(|(left, _)| *left > 0);
        fault
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn counted_faults_of_a_stage_come_before_its_permanent_one() {
        let faults = Faults::default();
        let timeline = Timeline::new(crate::clock::Clock::start());
        let mut disk = DiskFaults::new(faults.clone(), timeline);
        let add = |disk: &mut DiskFaults, stage: &str, code: &str, times| {
            let fault = DiskFault {
                stage: stage.parse().unwrap(),
                code: code.into(),
                fault: faults.declare(code, "here"),
            };
            disk.add(fault, times);
        };
        add(&mut disk, "staging", "A", None);
        add(&mut disk, "commit", "B", Some(1));
        add(&mut disk, "staging", "C", Some(2));
        let mut codes = |stage, count| -> Vec<Option<String>> {
            (0..count)
                .map(|_| disk.next(stage).map(|fault| fault.code.to_string()))
                .collect()
        };
        let some = |code: &str| Some(code.to_owned());
        assert_eq!(
            codes(DiskStage::Staging, 4),
            [some("C"), some("C"), some("A"), some("A")]
        );
        assert_eq!(codes(DiskStage::Commit, 2), [some("B"), None]);
        assert_eq!(codes(DiskStage::Validation, 1), [None]);
        let error = "comit".parse::<DiskStage>().unwrap_err().to_string();
        assert!(error.ends_with("did you mean \"commit\"?"), "{error}");
    }
}
