use std::sync::Arc;

use futures::{FutureExt as _, future::join_all};
use tokio::task::JoinHandle;

use super::{Runs, World};
use crate::{
    control::{BegunGoal, Coordinator, CoordinatorDefinition, Goal, GoalOutcome, PlanStep},
    domain::IndexMap,
    orchestration::{CrashPoint, RunError, Workflow},
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
    last: Vec<LastGoal>,
}

struct LastGoal {
    /// Its plan, if one was made.
    plan: Option<Arc<str>>,
    progress: Progress,
}

enum Progress {
    Ended(Box<GoalResult>),
    Running(JoinHandle<GoalResult>),
    /// A later process goes on with it.
    TakenUp(Arc<str>),
}

impl Control {
    /// Has a coordinator pursue the goals, in place of the former one.
    ///
    /// # Errors
    ///
    /// If its definition is not valid.
    pub fn define(
        &mut self,
        definition: CoordinatorDefinition,
        runs: &mut Runs,
    ) -> Result<(), String> {
        let coordinator = runs.coordinator(definition);
        let mut coordinator = coordinator.map_err(|fault| fault.to_string())?;
        if let Some(former) = &self.coordinator {
            coordinator = coordinator.in_place_of(former);
        }
        let coordinator = Arc::new(coordinator);
        runs.set_coordinator(Arc::clone(&coordinator));
        self.coordinator = Some(coordinator);
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

    /// Declares a crash at a step of the plans, or of the workflow if that is where the step is.
    ///
    /// # Errors
    ///
    /// If there is no such step.
    pub fn crash(
        &self,
        point: CrashPoint,
        step: &str,
        occurrence: Option<u32>,
        at: Arc<str>,
        runs: &mut Runs,
    ) -> Result<(), String> {
        let has_step = |workflow: &Workflow| {
            let id = step.split('/').next().unwrap_or(step);
            workflow.steps.iter().any(|own| own.id == id)
        };
        let of_workflow = runs.workflow().ok();
        if self.coordinator.is_none() || of_workflow.as_ref().is_some_and(|it| has_step(it)) {
            return runs.crash(point, step, occurrence, at);
        }
        match (self.workflow()?, of_workflow) {
            (Some(plan), None) => runs.crash_plan(&plan, point, step, occurrence, at),
            (Some(plan), _) if has_step(&plan) => {
                runs.crash_plan(&plan, point, step, occurrence, at)
            }
            (_, Some(_)) => runs.crash(point, step, occurrence, at),
            (None, None) => {
                // What words suggest is not known yet; a crash that never happens fails the scenario.
                runs.crash_any_plan(point, step, occurrence, at);
                Ok(())
            }
        }
    }

    /// The workflow of the plans of all goals, as they are mended, if their steps are given.
    fn workflow(&self) -> Result<Option<Arc<Workflow>>, String> {
        let Some(mut steps) = self.steps.clone() else {
            return Ok(None);
        };
        for (index, step) in &self.mended {
            if let Some(own) = steps.get_mut(*index) {
                own.clone_from(step);
            }
        }
        let workflow = self.coordinator()?.workflow_of(steps);
        workflow.map(Some).map_err(|failure| failure.to_string())
    }

    /// Pursues goals at once to their ends.
    ///
    /// # Errors
    ///
    /// If there is no coordinator.
    pub async fn pursue(&mut self, goals: Vec<Goal>, runs: &mut Runs) -> Result<(), String> {
        let coordinator = self.coordinator()?;
        let mut plans = Vec::new();
        let mut pursued = Vec::new();
        for goal in goals {
            let begun = coordinator.begin(goal, self.steps.clone());
            plans.push(begun.as_ref().ok().and_then(|begun| begun.plan.clone()));
            pursued.push(async { coordinator.outcome(begun?).await });
        }
        if let Some(plan) = plans.iter().flatten().next_back() {
            runs.refer_to(Arc::clone(plan));
        }
        let ended = plans.into_iter().zip(join_all(pursued).await);
        self.last = ended
            .map(|(plan, result)| LastGoal {
                plan,
                progress: Progress::Ended(Box::new(result)),
            })
            .collect();
        Ok(())
    }

    /// Pursues a goal in the background.
    ///
    /// # Errors
    ///
    /// If there is no coordinator.
    pub fn start(&mut self, goal: Goal, runs: &mut Runs) -> Result<(), String> {
        let coordinator = self.coordinator()?;
        let begun = coordinator.begin(goal, self.steps.clone());
        let plan = begun.as_ref().ok().and_then(|begun| begun.plan.clone());
        if let Some(plan) = &plan {
            runs.refer_to(Arc::clone(plan));
        }
        self.drive(coordinator, plan, begun);
        Ok(())
    }

    /// Resumes the last goal in the background, with the steps that were mended.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn resume(&mut self) -> Result<(), String> {
        let coordinator = self.coordinator()?;
        let plan = self.last_plan()?;
        let begun = coordinator.begin_resumption(&plan, std::mem::take(&mut self.mended));
        self.drive(coordinator, Some(plan), begun);
        Ok(())
    }

    fn drive(
        &mut self,
        coordinator: Arc<Coordinator>,
        plan: Option<Arc<str>>,
        begun: Result<BegunGoal, RunError>,
    ) {
        let pursued = async move { coordinator.outcome(begun?).await };
        self.last = vec![LastGoal {
            plan,
            progress: Progress::Running(tokio::spawn(pursued)),
        }];
    }

    /// Waits until the last goals have ended.
    ///
    /// # Errors
    ///
    /// If none was started.
    pub async fn wait(&mut self, runs: &mut Runs) -> Result<(), String> {
        let is_open = |goal: &LastGoal| !matches!(goal.progress, Progress::Ended(_));
        if !self.last.iter().any(is_open) {
            return Err("no goal was started".to_owned());
        }
        for goal in &mut self.last {
            goal.end().await?;
        }
        let is_taken_up = |goal: &LastGoal| matches!(goal.progress, Progress::TakenUp(_));
        if self.last.iter().any(is_taken_up) {
            runs.wait().await?;
        }
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
    /// If the task of one failed.
    pub async fn lose(&mut self, runs: &Runs) -> Result<(), String> {
        for goal in &mut self.last {
            if let Progress::Running(_) = goal.progress {
                runs.kill();
                // Awaited, since it holds the journal until then.
                goal.end().await?;
            }
        }
        Ok(())
    }

    /// Notes that a later process goes on with the goals that a crash cut off.
    pub fn take_up(&mut self) {
        for goal in &mut self.last {
            if let (Some(plan), Progress::Ended(result)) = (&goal.plan, &goal.progress)
                && matches!(**result, Err(RunError::Crashed))
            {
                goal.progress = Progress::TakenUp(Arc::clone(plan));
            }
        }
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
    pub fn results(&mut self, runs: &Runs) -> Result<Vec<&GoalResult>, String> {
        if self.last.is_empty() {
            return Err("no goal was pursued".to_owned());
        }
        for goal in &mut self.last {
            let ended = match &mut goal.progress {
                Progress::Ended(_) => continue,
                Progress::Running(task) => match task.now_or_never() {
                    Some(ended) => Some(ended.map_err(|error| error.to_string())?),
                    None => None,
                },
                Progress::TakenUp(plan) => {
                    let coordinator = self.coordinator.as_ref();
                    let ended = coordinator.and_then(|it| it.ended(plan)).map(Ok);
                    ended.or_else(|| (!runs.is_alive()).then_some(Err(RunError::Crashed)))
                }
            };
            if let Some(result) = ended {
                goal.progress = Progress::Ended(Box::new(result));
            }
        }
        let results = self.last.iter().map(|goal| match &goal.progress {
            Progress::Ended(result) => Ok(&**result),
            _ => Err(
                "the goal is still pursued: let time pass, or wait until the goal ends".to_owned(),
            ),
        });
        results.collect()
    }

    /// The outcome of the last goal.
    ///
    /// # Errors
    ///
    /// As for [`results`](Self::results), and if it was refused or the orchestrator crashed.
    pub fn outcome(&mut self, runs: &Runs) -> Result<&GoalOutcome, String> {
        let results = self.results(runs)?;
        match results.into_iter().next_back() {
            Some(Ok(outcome)) => Ok(outcome),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("no goal was pursued".to_owned()),
        }
    }
}

impl LastGoal {
    /// Waits until the task that pursues it has ended, if one does.
    async fn end(&mut self) -> Result<(), String> {
        if let Progress::Running(task) = &mut self.progress {
            let result = task.await.map_err(|error| error.to_string())?;
            self.progress = Progress::Ended(Box::new(result));
        }
        Ok(())
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

#[cfg(test)]
mod tests;
