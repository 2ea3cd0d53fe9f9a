//! Goals whose process is lost at each write to the journal.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::json;

use super::*;
use crate::{
    clock::{Clock, virtually},
    domain::{IndexMap, LifecycleStage, Locked},
    observability::{EventKind, Timeline},
    orchestration::{
        Crashes, Journal, JournalEntry, JournalError, MemoryJournal, Orchestrator, RunError,
    },
    services::{Client, Effects, Faults, MockService, Registry, Response},
};

/// A journal in memory whose process is lost at a write, before or after it.
struct LosingJournal {
    journal: MemoryJournal,
    writes: AtomicUsize,
    lost_at: usize,
    is_written: bool,
    orchestrator: Arc<Locked<Orchestrator>>,
}

impl LosingJournal {
    fn write(
        &self,
        run: &str,
        write: impl FnOnce() -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let is_lost = self.writes.fetch_add(1, Ordering::Relaxed) == self.lost_at;
        if is_lost {
            self.orchestrator.lock().kill();
        }
        match is_lost && !self.is_written {
            true => Err(JournalError::Unknown(run.to_owned())),
            false => write(),
        }
    }
}

impl Journal for LosingJournal {
    fn begin(&self, run: &Arc<str>, started: JournalEntry) -> Result<(), JournalError> {
        self.write(run, || self.journal.begin(run, started))
    }

    fn append(&self, run: &Arc<str>, entry: &JournalEntry) -> Result<(), JournalError> {
        self.write(run, || self.journal.append(run, entry))
    }

    fn read(&self, run: &str) -> Result<Option<Vec<JournalEntry>>, JournalError> {
        self.journal.read(run)
    }

    fn unfinished(&self) -> Result<Vec<Arc<str>>, JournalError> {
        self.journal.unfinished()
    }
}

/// A coordinator of one worker, whose service `A` fails once at its operation `second`.
struct Setup {
    timeline: Timeline,
    coordinator: Coordinator,
    journal: Arc<LosingJournal>,
    renew: Box<dyn Fn() -> Orchestrator>,
    orchestrator: Arc<Locked<Orchestrator>>,
}

impl Setup {
    fn new(lost_at: usize, is_written: bool) -> Self {
        let timeline = Timeline::new(Clock::start());
        let registry = Registry::default();
        registry.add(MockService::bare("A", Effects::new(timeline.clone())));
        let faults = Faults::default();
        let scripted = registry.script("A", |script, _| {
            let fault = faults.declare("fails", "here");
            script.times(
                "second",
                1,
                Response::Error("CONNECTION_RESET".into()),
                fault,
            );
        });
        scripted.unwrap();
        let client = Arc::new(Client::new(registry, faults.clone(), timeline.clone()));
        let orchestrator_on = {
            let client = Arc::clone(&client);
            move |journal: Arc<dyn Journal>| {
                Orchestrator::new(Arc::clone(&client), journal, Crashes::new(faults.clone()))
            }
        };
        let unused = orchestrator_on(Arc::new(MemoryJournal::default()));
        let orchestrator = Arc::new(Locked::new(unused));
        let journal = Arc::new(LosingJournal {
            journal: MemoryJournal::default(),
            writes: AtomicUsize::new(0),
            lost_at,
            is_written,
            orchestrator: Arc::clone(&orchestrator),
        });
        let renew = {
            let journal = Arc::clone(&journal);
            Box::new(move || orchestrator_on(Arc::clone(&journal) as Arc<dyn Journal>))
        };
        *orchestrator.lock() = renew();
        let definition = json!({
            "workers": [{ "id": "w1" }], "onError": "retry",
            "approval": { "plan": true, "timeout": "1s", "approveOnTimeout": true },
        });
        let definition = serde_json::from_value(definition).unwrap();
        let coordinator = Coordinator::new(definition, Arc::clone(&orchestrator), &client);
        Self {
            timeline,
            coordinator: coordinator.unwrap(),
            journal,
            renew,
            orchestrator,
        }
    }

    /// Pursues a goal, which a new process takes up if the first is lost.
    async fn pursue(&self) -> Option<GoalOutcome> {
        let steps = ["A.first", "A.second", "A.third"].map(|call| PlanStep {
            call: call.parse().unwrap(),
            input: json!({}),
        });
        let begun = self
            .coordinator
            .begin(Goal::new("Do it"), Some(steps.to_vec()));
        let begun = begun.unwrap();
        let plan = begun.plan.clone().unwrap();
        match self.coordinator.outcome(begun).await {
            // Nothing ends in a process that is lost.
            Ok(_) => assert!(self.orchestrator.lock().is_alive()),
            Err(RunError::Crashed | RunError::Journal(_)) => {
                assert_eq!(self.coordinator.ended(&plan), None);
                *self.orchestrator.lock() = (self.renew)();
                for plan in self.coordinator.open() {
                    self.coordinator.take_up(&plan).await.unwrap();
                }
            }
            Err(error) => panic!("{error}"),
        }
        self.coordinator.ended(&plan)
    }

    fn stages(&self) -> Vec<LifecycleStage> {
        self.timeline.read(|events| {
            let stages = events.iter().filter_map(|event| match &event.kind {
                EventKind::Control(event) => match &**event {
                    crate::observability::ControlEvent::StageEntered { stage, .. } => Some(*stage),
                    _ => None,
                },
                _ => None,
            });
            stages.collect()
        })
    }

    fn effects(&self) -> usize {
        self.timeline.read(|events| {
            let is_effect = |event: &&crate::observability::Event| {
                matches!(event.kind, EventKind::Effect { .. })
            };
            events.iter().filter(is_effect).count()
        })
    }
}

#[test]
fn goal_whose_process_is_lost_at_any_write_to_the_journal_goes_on_and_completes() {
    use LifecycleStage::*;
    let pursue = |lost_at, is_written| {
        virtually(async {
            let setup = Setup::new(lost_at, is_written);
            let outcome = setup.pursue().await.unwrap();
            let at = format!("write {lost_at}, {is_written}");
            assert_eq!(outcome.stage, Complete, "{at}: {:?}", outcome.error);
            assert_eq!(&*outcome.trace, "trace-1");
            let mut stages = setup.stages();
            let count = stages.len();
            stages.dedup();
            let expected = [Initialize, Plan, Route, Execute, Aggregate, Complete];
            assert_eq!(stages, expected, "{at}");
            // Not repeated where the one failure was lost with the process.
            assert!((0..=1).contains(&(count - expected.len())), "{at}");
            assert_eq!(setup.effects(), 3, "{at}");
            setup.journal.writes.load(Ordering::Relaxed)
        })
    };
    let writes = pursue(usize::MAX, false);
    // The start and two ends, a resumption, a start and an end of each of four steps and of a repetition.
    assert_eq!(writes, 14);
    for lost_at in 0..writes {
        for is_written in [false, true] {
            pursue(lost_at, is_written);
        }
    }
}

#[test]
fn goal_that_has_ended_is_neither_cancelled_nor_taken_up() {
    virtually(async {
        let setup = Setup::new(usize::MAX, false);
        setup.pursue().await.unwrap();
        let expected = "the plan \"plan-1\" is not being carried out";
        let refused = setup.coordinator.cancel("plan-1").unwrap_err().to_string();
        assert!(refused.contains(expected), "{refused}");
        let refused = setup.coordinator.take_up("plan-1").await.unwrap_err();
        assert!(refused.to_string().contains(expected), "{refused}");
        let resumed = setup
            .coordinator
            .begin_resumption(&"plan-1".into(), IndexMap::default());
        let refused = resumed.err().unwrap().to_string();
        assert!(
            refused.contains("the goal is complete, and resuming it cannot help"),
            "{refused}"
        );
    });
}
