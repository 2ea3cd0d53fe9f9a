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
    /// Of the first process; its registry, timeline and budgets outlive it.
    client: Arc<Client>,
    /// The one whose process lives.
    orchestrator: Arc<Locked<Orchestrator>>,
    state: Locked<Goals>,
}

#[derive(Default)]
struct Goals {
    /// How many traces were named.
    traces: u64,
    /// How many plans were made, those of former coordinators included.
    plans: u64,
    /// By the ids of their plans, in the order these were made.
    planned: IndexMap<Arc<str>, Arc<Locked<Pursuit>>>,
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
        definition.check(|name| check(client.registry(), name))?;
        Ok(Self {
            router: Router::new(definition.routing, definition.workers.clone()),
            definition,
            client: Arc::clone(client),
            orchestrator,
            state: Locked::default(),
        })
    }

    /// Numbers plans and traces after those of a former coordinator.
    pub fn continue_numbers_of(&self, former: &Self) {
        let former = former.state.lock();
        let mut state = self.state.lock();
        (state.traces, state.plans) = (former.traces, former.plans);
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
        let began = self.timeline().now();
        let trace = self.trace_of(&goal);
        let data = goal.context(self.router.available());
        let mut life = Life::begin(self.timeline().clone(), trace, data);
        let (plan, workflow) = match self.planned(&goal, steps) {
            Ok(planned) => planned,
            Err(failure) => return Ok(self.not_planned(&goal, life, *failure, began)),
        };
        let id = Arc::clone(&plan.id);
        life.enter(
            LifecycleStage::Plan,
            json!({ "plan": &*id, "steps": plan.steps.len() }),
        );
        let mut pursuit = Pursuit {
            goal,
            plan,
            life,
            routing: None,
            partial: None,
            began,
        };
        pursuit.record_plan();
        let routed = self.route(&mut pursuit);
        let pursuit = Arc::new(Locked::new(pursuit));
        let planned = Arc::clone(&pursuit);
        self.state.lock().planned.insert(Arc::clone(&id), planned);
        if let Err(failure) = routed {
            let mut pursuit = pursuit.lock();
            pursuit.advance(PlanStage::Cancelled);
            return Ok(pursuit.ended(
                LifecycleStage::Failed,
                None,
                Some(*failure),
                self.timeline(),
            ));
        }
        let (orchestrator, input) = {
            let pursuit = pursuit.lock();
            let input = Value::Object(pursuit.goal.input.clone());
            (self.orchestrator_of(&pursuit), Arc::new(input))
        };
        let run = orchestrator.begin(&workflow, input, Some(&id))?;
        self.execute(&pursuit, &id, run).await
    }

    /// Resumes a goal that failed, with other steps in place of some that have not completed.
    ///
    /// # Errors
    ///
    /// If the plan does not exist, resuming cannot help, a step has completed, or the orchestrator
    /// crashes.
    pub async fn resume(
        &self,
        id: &Arc<str>,
        mended: IndexMap<usize, PlanStep>,
    ) -> Result<GoalOutcome, RunError> {
        let found = self.state.lock().planned.get(id).cloned();
        let pursuit = found.ok_or_else(|| refused(format!("the plan {id:?} does not exist")))?;
        let run = {
            let pursuit = &mut *pursuit.lock();
            let is_recoverable = pursuit.partial.as_ref().is_some_and(|it| it.recoverable);
            if pursuit.life.stage() != LifecycleStage::Failed || !is_recoverable {
                let stage = pursuit.life.stage().as_str();
                let message = format!("the goal is {stage}, and resuming it cannot help");
                return Err(refused(message));
            }
            let is_mended = !mended.is_empty();
            let plan = self.mended(&pursuit.plan, mended)?;
            let workflow = plan.workflow(&self.definition).map_err(RunError::Refused)?;
            let is_available = |routing: &Routing| self.router.is_available(routing.index);
            let former = pursuit.routing.clone().filter(is_available);
            let routing = match former {
                Some(routing) => routing,
                None => self.choose(pursuit).map_err(RunError::Refused)?,
            };
            let orchestrator = self.orchestrator().as_caller(&routing.worker);
            let run = match is_mended {
                true => orchestrator.resume_mended(id, &workflow)?,
                false => orchestrator.resume(id)?,
            };
            pursuit.began = self.timeline().now();
            pursuit.plan = plan;
            pursuit.advance(PlanStage::Routed);
            pursuit.routing = Some(routing);
            run
        };
        self.execute(&pursuit, id, run).await
    }

    /// A plan with other steps in place of some.
    fn mended(
        &self,
        plan: &GoalPlan,
        mended: IndexMap<usize, PlanStep>,
    ) -> Result<GoalPlan, RunError> {
        let mut steps = plan.steps.clone();
        let count = steps.len();
        for (index, step) in mended {
            let own = steps.get_mut(index).ok_or_else(|| {
                let number = index + 1;
                refused(format!(
                    "the plan has {count} steps, so it has no step {number}"
                ))
            })?;
            *own = step;
        }
        GoalPlan::new(Arc::clone(&plan.id), steps, self.client.registry())
            .map_err(|fault| RunError::Refused(fault.failure(code::VALIDATION_FAILED)))
    }

    /// Asks the goal with a plan to stop.
    ///
    /// # Errors
    ///
    /// If its plan is not being carried out.
    pub fn cancel(&self, plan: &str) -> Result<(), RunError> {
        self.orchestrator().cancel(plan).map(drop)
    }

    /// Whether a plan is being carried out.
    pub fn is_at_work(&self) -> bool {
        let state = self.state.lock();
        let mut pursuits = state.planned.values();
        pursuits.any(|pursuit| pursuit.lock().life.stage() == LifecycleStage::Execute)
    }

    /// The outcome of a goal whose plan a later process carried out; `None` if it is not one of ours.
    pub fn recovered(&self, outcome: &Outcome) -> Option<GoalOutcome> {
        let pursuit = self.state.lock().planned.get(&outcome.run).cloned()?;
        let mut pursuit = pursuit.lock();
        let is_open = pursuit.life.stage() == LifecycleStage::Execute;
        is_open.then(|| pursuit.finish(outcome, self.timeline()))
    }

    fn trace_of(&self, goal: &Goal) -> Arc<str> {
        if let Some(trace) = &goal.trace {
            return trace.as_str().into();
        }
        let mut state = self.state.lock();
        state.traces += 1;
        format!("trace-{}", state.traces).into()
    }

    /// A plan of the steps that are given, or of those that the goal's words suggest, and the workflow that
    /// carries it out: the calls exist, and the budgets suffice for them.
    fn planned(
        &self,
        goal: &Goal,
        steps: Option<Vec<PlanStep>>,
    ) -> Result<(GoalPlan, Arc<Plan>), Box<Failure>> {
        let id: Arc<str> = format!("plan-{}", self.state.lock().plans + 1).into();
        if let Some(policy) = &self.definition.budget {
            self.client.set_budget_of_run(&id, policy.clone());
        }
        let registry = self.client.registry();
        let budgets = self.client.budgets_of_run(&id);
        let over = |shortage: OverBudget| {
            Box::new(Failure::new(code::BUDGET_EXHAUSTED, shortage.to_string()))
        };
        let steps = match steps {
            Some(steps) => steps,
            None => planner::plan(goal, registry, &budgets).map_err(over)?,
        };
        let plan = GoalPlan::new(id, steps, registry)
            .map_err(|fault| fault.failure(code::VALIDATION_FAILED))?;
        let workflow = plan.workflow(&self.definition)?;
        planner::check(&plan.calls(), registry, &budgets).map_err(over)?;
        self.state.lock().plans += 1;
        Ok((plan, workflow))
    }

    /// The outcome of a goal that has no plan.
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
            took: self.timeline().now().saturating_sub(began),
        }
    }

    /// Chooses who carries out a plan, which becomes routed.
    fn route(&self, pursuit: &mut Pursuit) -> Result<(), Box<Failure>> {
        let routing = self.choose(pursuit)?;
        pursuit.advance(PlanStage::Routed);
        let data = json!({ "worker": &*routing.worker });
        pursuit.life.enter(LifecycleStage::Route, data);
        pursuit.routing = Some(routing);
        Ok(())
    }

    fn choose(&self, pursuit: &Pursuit) -> Result<Routing, Box<Failure>> {
        let routing = self
            .router
            .route(&pursuit.goal)
            .map_err(|error| Box::new(Failure::new(code::WORKER_UNAVAILABLE, error.to_string())))?;
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
        Ok(routing)
    }

    /// The orchestrator, which calls as the worker.
    fn orchestrator_of(&self, pursuit: &Pursuit) -> Orchestrator {
        match &pursuit.routing {
            Some(routing) => self.orchestrator().as_caller(&routing.worker),
            None => self.orchestrator(),
        }
    }

    fn orchestrator(&self) -> Orchestrator {
        self.orchestrator.lock().clone()
    }

    fn timeline(&self) -> &Timeline {
        self.client.timeline()
    }

    async fn execute(
        &self,
        pursuit: &Locked<Pursuit>,
        id: &Arc<str>,
        mut run: Run,
    ) -> Result<GoalOutcome, RunError> {
        pursuit.lock().advance(PlanStage::Executing);
        let mut repeats = match self.definition.on_error {
            ErrorStrategy::Retry => self.definition.stage_retries.unwrap_or(1),
            _ => 0,
        };
        let _at_work = AtWork::begin(&self.router, pursuit.lock().routing.as_ref());
        loop {
            let data = json!({ "plan": &**id });
            pursuit.lock().life.enter(LifecycleStage::Execute, data);
            let outcome = run.outcome().await?;
            let may_help = outcome.error.as_ref().is_some_and(|it| it.retryable);
            let is_over = outcome.status != WorkflowStatus::Interrupted || !may_help;
            if is_over || repeats == 0 {
                return Ok(pursuit.lock().finish(&outcome, self.timeline()));
            }
            repeats -= 1;
            let orchestrator = self.orchestrator_of(&pursuit.lock());
            run = orchestrator.resume(id)?;
        }
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

fn check(registry: &Registry, name: &str) -> Result<(), String> {
    let call: CallName = name.parse().map_err(|error| format!("{error}"))?;
    let checked = registry.check(&call);
    checked.map_err(|unknown| unknown.to_string())
}

fn refused(why: String) -> RunError {
    RunError::Refused(Box::new(Failure::new(code::VALIDATION_FAILED, why)))
}
