use std::sync::Arc;

use futures::future::join_all;
use tokio::task::JoinHandle;

use super::{Runs, World};
use crate::{
    control::{Coordinator, CoordinatorDefinition, Goal, GoalOutcome, PlanStep},
    domain::IndexMap,
    orchestration::RunError,
};

/// The outcome of a goal, or why it has none.
pub type GoalResult = Result<GoalOutcome, RunError>;

/// The coordinator of a scenario, and the outcomes of the last goals.
#[derive(Default)]
pub struct Control {
    coordinator: Option<Arc<Coordinator>>,
    /// The steps of the plans of all goals, unless their words are to suggest some.
    steps: Option<Vec<PlanStep>>,
    /// Steps in place of those that have not completed, for the next resumption.
    mended: IndexMap<usize, PlanStep>,
    started: Option<JoinHandle<GoalResult>>,
    last: Vec<GoalResult>,
}

impl Control {
    /// Has a coordinator pursue the goals, in place of the former one.
    ///
    /// # Errors
    ///
    /// If its definition is not valid.
    pub fn define(&mut self, definition: CoordinatorDefinition, runs: &Runs) -> Result<(), String> {
        let coordinator = runs.coordinator(definition);
        let coordinator = coordinator.map_err(|fault| fault.to_string())?;
        if let Some(former) = &self.coordinator {
            coordinator.continue_numbers_of(former);
        }
        self.coordinator = Some(Arc::new(coordinator));
        Ok(())
    }

    /// Has all plans consist of these steps.
    pub fn plan(&mut self, steps: Vec<PlanStep>) {
        self.steps = Some(steps);
    }

    /// Has the words of goals suggest their plans.
    pub fn plan_from_words(&mut self) {
        self.steps = None;
    }

    /// Replaces a step, counted from 0, when the goal resumes.
    pub fn mend(&mut self, index: usize, step: PlanStep) {
        self.mended.insert(index, step);
    }

    /// The coordinator.
    ///
    /// # Errors
    ///
    /// If none was declared.
    pub fn coordinator(&self) -> Result<Arc<Coordinator>, String> {
        let none = || {
            "no coordinator is declared: begin with `Given the coordinator:`, or with `Given {int} \
             workers`"
                .to_owned()
        };
        self.coordinator.clone().ok_or_else(none)
    }

    /// Pursues goals at once to their ends.
    ///
    /// # Errors
    ///
    /// If there is no coordinator.
    pub async fn pursue(&mut self, goals: Vec<Goal>) -> Result<(), String> {
        let coordinator = self.coordinator()?;
        let pursued = goals.into_iter();
        let pursued = pursued.map(|goal| coordinator.pursue(goal, self.steps.clone()));
        self.last = join_all(pursued).await;
        Ok(())
    }

    /// Pursues a goal in the background.
    ///
    /// # Errors
    ///
    /// If there is no coordinator.
    pub fn start(&mut self, goal: Goal) -> Result<(), String> {
        let coordinator = self.coordinator()?;
        let steps = self.steps.clone();
        let pursued = async move { coordinator.pursue(goal, steps).await };
        self.last.clear();
        self.started = Some(tokio::spawn(pursued));
        Ok(())
    }

    /// Waits until the goal that was started has ended.
    ///
    /// # Errors
    ///
    /// If none was.
    pub async fn wait(&mut self, runs: &mut Runs) -> Result<(), String> {
        if let Some(started) = self.started.take() {
            let result = started.await.map_err(|error| error.to_string())?;
            self.last = vec![result];
            return Ok(());
        }
        if !self.is_pursued() {
            return Err("no goal was started".to_owned());
        }
        runs.wait().await?;
        self.collect(runs)
    }

    /// Resumes the last goal in the background, with the steps that were mended.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn resume(&mut self) -> Result<(), String> {
        let coordinator = self.coordinator()?;
        let plan = self.last_plan()?;
        let mended = std::mem::take(&mut self.mended);
        let resumed = async move { coordinator.resume(&plan, mended).await };
        self.last.clear();
        self.started = Some(tokio::spawn(resumed));
        Ok(())
    }

    /// Asks the last goal to stop.
    ///
    /// # Errors
    ///
    /// If its plan is not being carried out.
    pub fn cancel(&mut self) -> Result<(), String> {
        let plan = self.last_plan()?;
        let cancelled = self.coordinator()?.cancel(&plan);
        cancelled.map_err(|error| error.to_string())
    }

    /// Loses the process, and what pursues a goal in it.
    ///
    /// # Errors
    ///
    /// If its task failed.
    pub async fn lose(&mut self, runs: &Runs) -> Result<(), String> {
        let Some(started) = self.started.take() else {
            return Ok(());
        };
        runs.kill();
        // Awaited, since it holds the journal until then.
        let result = started.await.map_err(|error| error.to_string())?;
        self.last = vec![result];
        Ok(())
    }

    /// Takes up the goals whose plans a later process carries out.
    ///
    /// # Errors
    ///
    /// If the task of one failed.
    pub fn take_up(&mut self, runs: &mut Runs) -> Result<(), String> {
        if self.is_pursued() {
            // What pursued it was lost with the process.
            self.last.clear();
            self.collect(runs)?;
        }
        Ok(())
    }

    /// Whether a plan is being carried out.
    fn is_pursued(&self) -> bool {
        let coordinator = self.coordinator.as_ref();
        coordinator.is_some_and(|coordinator| coordinator.is_at_work())
    }

    /// Collects the outcomes of goals whose plans a later process has carried out.
    fn collect(&mut self, runs: &mut Runs) -> Result<(), String> {
        let coordinator = self.coordinator()?;
        let ended = runs.ended()?.into_iter();
        let recovered = ended.filter_map(|outcome| coordinator.recovered(outcome));
        self.last.extend(recovered.map(Ok));
        Ok(())
    }

    fn last_plan(&self) -> Result<Arc<str>, String> {
        let plan = self.coordinator()?.last_plan();
        plan.ok_or_else(|| "no goal was pursued, or none has a plan".to_owned())
    }

    /// The outcomes of the last goals, or why they have none.
    ///
    /// # Errors
    ///
    /// If none was pursued, or one is still being pursued.
    pub async fn results(&mut self, runs: &mut Runs) -> Result<&[GoalResult], String> {
        match &self.started {
            Some(started) if started.is_finished() => self.wait(runs).await?,
            Some(_) => {}
            None if self.is_pursued() => self.collect(runs)?,
            None => {}
        }
        if self.started.is_some() || (self.is_pursued() && self.last.is_empty()) {
            return Err(
                "the goal is still pursued: let time pass, or wait until the goal ends".to_owned(),
            );
        }
        match self.last.is_empty() {
            true => Err("no goal was pursued".to_owned()),
            false => Ok(&self.last),
        }
    }

    /// The outcome of the last goal.
    ///
    /// # Errors
    ///
    /// As for [`results`](Self::results), and if it was refused or the orchestrator crashed.
    pub async fn outcome(&mut self, runs: &mut Runs) -> Result<&GoalOutcome, String> {
        let results = self.results(runs).await?;
        match results.last() {
            Some(Ok(outcome)) => Ok(outcome),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("no goal was pursued".to_owned()),
        }
    }
}

impl World {
    /// The coordinator and its goals, with the runs that carry out its plans.
    pub(crate) fn control(&mut self) -> (&mut Control, &mut Runs) {
        // Both are parts, so neither is borrowed while the other is made.
        let control = self.parts.take::<Control>().unwrap_or_default();
        let runs = self.parts.take::<Runs>();
        let runs = match runs {
            Some(runs) => runs,
            None => {
                let fixtures = self.fixtures();
                Box::new(self.cast().runs().with_fixtures(fixtures))
            }
        };
        self.parts.put_both(control, runs)
    }
}
