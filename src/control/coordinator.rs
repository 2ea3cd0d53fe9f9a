use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    definition::{CoordinatorDefinition, ErrorStrategy},
    goal::Goal,
    life::Life,
    outcome::GoalOutcome,
    plan::{GoalPlan, PlanStage, PlanStep},
    planner,
    pursuit::Pursuit,
    router::{Router, Routing},
};
use crate::{
    domain::{
        CallName, Failure, IndexMap, LifecycleStage, Locked, Violation, WorkflowStatus, code,
    },
    observability::{ControlEvent, Decision, Timeline},
    orchestration::{Orchestrator, Outcome, Plan, Run, RunError},
    resilience::OverBudget,
    services::{Client, Registry},
};

/// Brings goals through the stages of their lives: it plans, chooses a worker, has the plan approved and
/// carried out, and says what is left where that fails.
pub struct Coordinator {
    definition: CoordinatorDefinition,
    router: Router,
    registry: Registry,
    timeline: Timeline,
    /// For the budgets of plans, which outlive the orchestrator's process.
    client: Arc<Client>,
    /// The one whose process lives.
    orchestrator: Arc<Locked<Orchestrator>>,
    state: Locked<Goals>,
}

#[derive(Default)]
struct Goals {
    traces: u64,
    /// By the ids of their plans, in the order these were made.
    planned: IndexMap<Arc<str>, Pursuit>,
}

impl Coordinator {
    /// A coordinator whose plans the orchestrator carries out.
    ///
    /// # Errors
    ///
    /// As for [`CoordinatorDefinition::check`].
    pub fn new(
        definition: CoordinatorDefinition,
        orchestrator: Arc<Locked<Orchestrator>>,
        client: &Arc<Client>,
    ) -> Result<Self, Violation> {
        let registry = client.registry().clone();
        definition.check(|name| check(&registry, name).map(drop))?;
        Ok(Self {
            router: Router::new(definition.routing, definition.workers.clone()),
            definition,
            registry,
            timeline: client.timeline().clone(),
            client: Arc::clone(client),
            orchestrator,
            state: Locked::default(),
        })
    }

    /// The id of the plan that was made last.
    pub fn last_plan(&self) -> Option<Arc<str>> {
        self.state.lock().planned.keys().next_back().cloned()
    }

    /// Has a worker take plans or not.
    ///
    /// # Errors
    ///
    /// If there is none of that name.
    pub fn set_available(&self, worker: &str, available: bool) -> Result<(), String> {
        let index = self.definition.worker(worker)?;
        self.router.set_available(index, available);
        Ok(())
    }

    /// Pursues a goal to its end, by the steps that are given or by those that its words suggest.
    ///
    /// # Errors
    ///
    /// If the goal is not valid, or the orchestrator crashes. What fails later is in the outcome.
    pub async fn pursue(
        &self,
        goal: Goal,
        steps: Option<Vec<PlanStep>>,
    ) -> Result<GoalOutcome, RunError> {
        goal.check()
            .map_err(|fault| RunError::Refused(fault.failure(code::VALIDATION_FAILED)))?;
        let began = self.timeline.now();
        let trace = self.trace_of(&goal);
        let data = json!({
            "goal": &goal.goal,
            "workersAvailable": self.router.available(),
            "profile": goal.profile.as_deref().unwrap_or("default"),
        });
        let mut life = Life::begin(self.timeline.clone(), trace, data);
        let (steps, plan) = match self.planned(&goal, steps) {
            Ok(planned) => planned,
            Err(failure) => return Ok(self.not_planned(&goal, life, *failure, began)),
        };
        life.enter(
            LifecycleStage::Plan,
            json!({ "plan": &*plan.id, "steps": plan.steps.len() }),
        );

        let mut pursuit = Pursuit {
            goal,
            steps,
            plan,
            life,
            routing: None,
            partial: None,
            began,
        };
        pursuit.record_plan();
        if let Err(failure) = self.route(&mut pursuit) {
            pursuit.advance(PlanStage::Cancelled);
            let outcome =
                pursuit.ended(LifecycleStage::Failed, None, Some(*failure), &self.timeline);
            self.keep(pursuit);
            return Ok(outcome);
        }
        let run = self.begin(&pursuit)?;
        self.execute(pursuit, run).await
    }

    /// Resumes a goal that failed, with other steps in place of some that have not completed.
    ///
    /// # Errors
    ///
    /// If there is no such goal, trying again does not help it, a step has completed, or the
    /// orchestrator crashes.
    pub async fn resume(
        &self,
        plan: &str,
        mended: &IndexMap<usize, PlanStep>,
    ) -> Result<GoalOutcome, RunError> {
        let found = self.state.lock().planned.get(plan).cloned();
        let mut pursuit = found.ok_or_else(|| refused("there is no such plan"))?;
        let is_recoverable = pursuit.partial.as_ref().is_some_and(|it| it.recoverable);
        if pursuit.life.stage() != LifecycleStage::Failed || !is_recoverable {
            let stage = pursuit.life.stage().as_str();
            return Err(refused(&format!(
                "the goal is {stage}, and trying again does not help it"
            )));
        }
        for (index, step) in mended {
            let steps = pursuit.steps.len();
            let own = pursuit.steps.get_mut(*index).ok_or_else(|| {
                refused(&format!(
                    "the plan has {steps} steps, and so no step {}",
                    index + 1
                ))
            })?;
            *own = step.clone();
        }
        pursuit.began = self.timeline.now();
        let id = Arc::clone(&pursuit.plan.id);
        pursuit.plan = GoalPlan::new(id, &pursuit.steps, |name| check(&self.registry, name))
            .map_err(|fault| RunError::Refused(fault.failure(code::VALIDATION_FAILED)))?;
        let is_there = |routing: &Routing| self.router.is_available(routing.index);
        match pursuit.routing.clone().filter(is_there) {
            Some(_) => pursuit.advance(PlanStage::Routed),
            None => self.choose(&mut pursuit).map_err(RunError::Refused)?,
        }
        let orchestrator = self.orchestrator_of(&pursuit);
        let run = match mended.is_empty() {
            true => orchestrator.resume(&pursuit.plan.id)?,
            false => {
                orchestrator.resume_mended(&pursuit.plan.id, &self.workflow(&pursuit.plan)?)?
            }
        };
        self.execute(pursuit, run).await
    }

    /// Asks the goal with a plan to stop.
    ///
    /// # Errors
    ///
    /// If its plan is not being carried out.
    pub fn cancel(&self, plan: &str) -> Result<(), RunError> {
        let orchestrator = self.orchestrator.lock().clone();
        orchestrator.cancel(plan).map(drop)
    }

    /// Whether a plan is being carried out.
    pub fn is_at_work(&self) -> bool {
        let state = self.state.lock();
        let mut pursuits = state.planned.values();
        pursuits.any(|pursuit| pursuit.life.stage() == LifecycleStage::Execute)
    }

    /// What became of a goal whose plan a later process carried out; `None` if it is not one of ours.
    pub fn recovered(&self, outcome: &Outcome) -> Option<GoalOutcome> {
        let pursuit = self.state.lock().planned.get(&outcome.run).cloned()?;
        let is_open = pursuit.life.stage() == LifecycleStage::Execute;
        is_open.then(|| self.finish(pursuit, outcome))
    }

    fn trace_of(&self, goal: &Goal) -> Arc<str> {
        if let Some(trace) = &goal.trace {
            return trace.as_str().into();
        }
        let mut state = self.state.lock();
        state.traces += 1;
        format!("trace-{}", state.traces).into()
    }

    /// A plan of the steps that are given, or of those that the goal's words suggest: their calls exist,
    /// and the budgets suffice for them.
    fn planned(
        &self,
        goal: &Goal,
        steps: Option<Vec<PlanStep>>,
    ) -> Result<(Vec<PlanStep>, GoalPlan), Box<Failure>> {
        let id: Arc<str> = format!("plan-{}", self.state.lock().planned.len() + 1).into();
        if let Some(policy) = &self.definition.budget {
            self.client.set_budget_of_run(&id, policy.clone());
        }
        let budgets = self.client.budgets_of_run(&id);
        let over = |shortage: OverBudget| {
            Box::new(Failure::new(code::BUDGET_EXHAUSTED, shortage.to_string()))
        };
        let steps = match steps {
            Some(steps) => steps,
            None => planner::plan(goal, &self.registry, &budgets).map_err(over)?,
        };
        let plan = GoalPlan::new(id, &steps, |name| check(&self.registry, name))
            .map_err(|fault| fault.failure(code::VALIDATION_FAILED))?;
        plan.workflow(&self.definition)?;
        planner::check(&plan.calls(), &self.registry, &budgets).map_err(over)?;
        Ok((steps, plan))
    }

    /// The outcome of a goal for which there is no plan.
    fn not_planned(
        &self,
        goal: &Goal,
        mut life: Life,
        failure: Failure,
        began: Duration,
    ) -> GoalOutcome {
        life.enter(LifecycleStage::Failed, json!({ "error": &*failure.code }));
        GoalOutcome {
            goal: goal.goal.clone(),
            trace: Arc::clone(life.trace()),
            stage: life.stage(),
            plan: None,
            worker: None,
            output: None,
            partial: None,
            error: Some(failure),
            took: self.timeline.now().saturating_sub(began),
        }
    }

    /// Chooses who carries out a plan, which becomes routed.
    fn route(&self, pursuit: &mut Pursuit) -> Result<(), Box<Failure>> {
        self.choose(pursuit)?;
        let routing = pursuit.routing.as_ref();
        let data = json!({ "worker": routing.map(|it| &*it.worker) });
        pursuit.life.enter(LifecycleStage::Route, data);
        Ok(())
    }

    fn choose(&self, pursuit: &mut Pursuit) -> Result<(), Box<Failure>> {
        let routing = self
            .router
            .route(&pursuit.goal)
            .map_err(|error| Box::new(Failure::new(code::WORKER_UNAVAILABLE, error.to_string())))?;
        pursuit.advance(PlanStage::Routed);
        pursuit.life.decide(
            ControlEvent::RouteDecided,
            Decision {
                trace: Arc::clone(pursuit.life.trace()),
                target: Arc::clone(&routing.worker),
                reason: routing.reason.as_str().into(),
                alternatives: routing.alternatives.clone(),
                confidence: routing.confidence,
                metadata: Arc::new(routing.metadata.clone()),
            },
        );
        pursuit.routing = Some(routing);
        Ok(())
    }

    fn workflow(&self, plan: &GoalPlan) -> Result<Arc<Plan>, RunError> {
        let workflow = plan.workflow(&self.definition).map_err(RunError::Refused)?;
        // Its calls were checked when it was planned; one that is gone since then fails like any other.
        let plan = Plan::from_journal(Arc::new(workflow)).map_err(|why| refused(&why))?;
        Ok(Arc::new(plan))
    }

    fn begin(&self, pursuit: &Pursuit) -> Result<Run, RunError> {
        let plan = self.workflow(&pursuit.plan)?;
        let input = Value::Object(pursuit.goal.input.clone());
        let orchestrator = self.orchestrator_of(pursuit);
        orchestrator.begin(&plan, Arc::new(input), Some(&pursuit.plan.id))
    }

    /// The orchestrator, which calls as the worker.
    fn orchestrator_of(&self, pursuit: &Pursuit) -> Orchestrator {
        let orchestrator = self.orchestrator.lock().clone();
        match &pursuit.routing {
            Some(routing) => orchestrator.as_caller(&routing.worker),
            None => orchestrator,
        }
    }

    async fn execute(&self, mut pursuit: Pursuit, mut run: Run) -> Result<GoalOutcome, RunError> {
        pursuit.advance(PlanStage::Executing);
        let mut repeats = match self.definition.on_error {
            ErrorStrategy::Retry => self.definition.stage_retries.unwrap_or(1),
            _ => 0,
        };
        let _at_work = AtWork::begin(&self.router, pursuit.routing.as_ref());
        loop {
            let data = json!({ "plan": &*pursuit.plan.id, "run": &**run.id() });
            pursuit.life.enter(LifecycleStage::Execute, data);
            self.keep(pursuit.clone());
            let outcome = run.outcome().await?;
            let may_help = outcome.error.as_ref().is_some_and(|it| it.retryable);
            let is_over = outcome.status != WorkflowStatus::Interrupted || !may_help;
            if is_over || repeats == 0 {
                return Ok(self.finish(pursuit, &outcome));
            }
            repeats -= 1;
            run = self.orchestrator_of(&pursuit).resume(&pursuit.plan.id)?;
        }
    }

    fn finish(&self, mut pursuit: Pursuit, outcome: &Outcome) -> GoalOutcome {
        let goal = pursuit.finish(outcome, &self.timeline);
        self.keep(pursuit);
        goal
    }

    fn keep(&self, pursuit: Pursuit) {
        let id = Arc::clone(&pursuit.plan.id);
        self.state.lock().planned.insert(id, pursuit);
    }
}

/// A worker that carries out a plan, until this is dropped.
struct AtWork<'a>(&'a Router, Option<usize>);

impl<'a> AtWork<'a> {
    fn begin(router: &'a Router, routing: Option<&Routing>) -> Self {
        let index = routing.map(|routing| routing.index);
        if let Some(index) = index {
            router.began(index);
        }
        Self(router, index)
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        if let Some(index) = self.1 {
            self.0.ended(index);
        }
    }
}

fn check(registry: &Registry, name: &str) -> Result<CallName, String> {
    let call: CallName = name.parse().map_err(|error| format!("{error}"))?;
    registry
        .check(&call)
        .map_err(|unknown| unknown.to_string())?;
    Ok(call)
}

fn refused(why: &str) -> RunError {
    RunError::Refused(Box::new(Failure::new(code::VALIDATION_FAILED, why)))
}
