use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    definition::CoordinatorDefinition,
    goal::Goal,
    life::Life,
    outcome::GoalOutcome,
    plan::{GoalPlan, PlanStage, PlanStep},
    planner,
    pursuit::Pursuit,
    router::{Router, Routing, WorkerAtWork},
};
use crate::{
    domain::{CallName, Failure, IndexMap, LifecycleStage, Locked, Violation, code},
    observability::{ControlEvent, Decision, Timeline},
    orchestration::{Orchestrator, Plan, Run, RunError, Workflow},
    resilience::OverBudget,
    services::{Client, Registry},
};

/// Brings goals through the stages of their lives: it plans, chooses a worker, has the plan approved and
/// carried out, and says what is left where that fails.
pub struct Coordinator {
    definition: Arc<CoordinatorDefinition>,
    pub(super) router: Arc<Router>,
    /// Of the first process; its registry, timeline and budgets outlive it.
    client: Arc<Client>,
    /// The one whose process lives.
    orchestrator: Arc<Locked<Orchestrator>>,
    /// Outlives the process, as the journal does.
    state: Arc<Locked<Goals>>,
}

#[derive(Default)]
struct Goals {
    /// How many goals were accepted.
    goals: u64,
    /// How many traces were named.
    traces: u64,
    /// How many plans were made.
    plans: u64,
    /// By the ids of their plans, in the order these were made.
    planned: IndexMap<Arc<str>, Arc<Locked<Pursuit>>>,
}

/// A goal whose pursuit has begun; it makes progress only while its outcome is awaited.
pub struct BegunGoal {
    /// The id of its plan, if one was made.
    pub plan: Option<Arc<str>>,
    pub(super) progress: Progress,
}

pub(super) enum Progress {
    Ended(Box<Result<GoalOutcome, RunError>>),
    Executing {
        pursuit: Arc<Locked<Pursuit>>,
        run: Box<Run>,
        worker: WorkerAtWork,
    },
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
        let router = Router::new(definition.routing, definition.workers.clone());
        Ok(Self {
            router: Arc::new(router),
            definition: Arc::new(definition),
            client: Arc::clone(client),
            orchestrator,
            state: Arc::default(),
        })
    }

    /// Goes on with the goals of a former coordinator. Each is pursued by the definition that it was
    /// planned by, but by the workers of this one.
    #[must_use]
    pub fn in_place_of(self, former: &Self) -> Self {
        let state = Arc::clone(&former.state);
        Self { state, ..self }
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
        let begun = self.begin(goal, steps)?;
        self.outcome(begun).await
    }

    /// Begins to pursue a goal: plans it, chooses a worker and begins its run.
    ///
    /// # Errors
    ///
    /// If the goal is not valid, or the orchestrator's process is dead.
    pub fn begin(&self, goal: Goal, steps: Option<Vec<PlanStep>>) -> Result<BegunGoal, RunError> {
        goal.check()
            .and_then(|()| {
                let security = goal.security();
                security.map_or(Ok(()), |it| self.client.authorisation().check(&it))
            })
            .map_err(|fault| RunError::Refused(fault.failure(code::VALIDATION_FAILED)))?;
        self.orchestrator().ensure_alive()?;
        let mut life = self.begin_life(&goal);
        let (plan, workflow) = match self.planned(&goal, steps) {
            Ok(planned) => planned,
            Err(failure) => {
                life.enter(LifecycleStage::Failed, json!({ "error": &*failure.code }));
                let outcome = GoalOutcome {
                    error: Some(*failure),
                    ..GoalOutcome::new(&goal, &life)
                };
                return Ok(BegunGoal::ended(None, Ok(outcome)));
            }
        };
        let id = Arc::clone(&plan.id);
        life.enter(
            LifecycleStage::Plan,
            json!({ "plan": &*id, "steps": plan.steps.len() }),
        );
        let mut pursuit = Pursuit::new(goal, plan, workflow, life, Arc::clone(&self.definition));
        pursuit.record_plan();
        let worker = self.route(&mut pursuit);
        let pursuit = Arc::new(Locked::new(pursuit));
        let planned = Arc::clone(&pursuit);
        self.state.lock().planned.insert(Arc::clone(&id), planned);
        let run = worker.and_then(|worker| Ok((self.start(&pursuit)?, worker)));
        Ok(match run {
            Ok((run, worker)) => BegunGoal::executing(id, pursuit, run, worker),
            Err(RunError::Refused(failure)) => {
                let mut pursuit = pursuit.lock();
                pursuit.advance(PlanStage::Cancelled);
                BegunGoal::ended(Some(id), Ok(pursuit.fail(*failure)))
            }
            Err(error) => BegunGoal::ended(Some(id), Err(error)),
        })
    }

    /// The workflow that would carry out a plan of steps.
    ///
    /// # Errors
    ///
    /// If the plan is not valid.
    pub fn workflow_of(&self, steps: Vec<PlanStep>) -> Result<Arc<Workflow>, Box<Failure>> {
        let plan = GoalPlan::new("plan".into(), steps, self.client.registry())
            .map_err(|fault| fault.failure(code::VALIDATION_FAILED))?;
        let workflow = plan.workflow(&self.definition)?;
        Ok(Arc::clone(workflow.workflow()))
    }

    fn begin_life(&self, goal: &Goal) -> Life {
        let data = goal.context(self.router.available());
        let (number, trace) = {
            let mut state = self.state.lock();
            state.goals += 1;
            let trace = match &goal.trace {
                Some(trace) => trace.as_str().into(),
                None => {
                    state.traces += 1;
                    format!("trace-{}", state.traces).into()
                }
            };
            (state.goals, trace)
        };
        Life::begin(self.timeline().clone(), number, trace, data)
    }

    /// A plan of the steps that are given, or of those that the goal's words suggest, and the workflow that
    /// carries it out: the calls exist, and the budgets suffice for them.
    fn planned(
        &self,
        goal: &Goal,
        steps: Option<Vec<PlanStep>>,
    ) -> Result<(GoalPlan, Arc<Plan>), Box<Failure>> {
        let id: Arc<str> = format!("plan-{}", self.state.lock().plans + 1).into();
        let budget = goal.budget.as_ref().or(self.definition.budget.as_ref());
        // A goal that was refused may have had this plan's id, and a budget of its own.
        self.client.set_budget_of_run(&id, budget.cloned());
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

    /// Chooses who carries out a plan, which becomes routed.
    fn route(&self, pursuit: &mut Pursuit) -> Result<WorkerAtWork, RunError> {
        let routing = self.choose(pursuit).map_err(RunError::Refused)?;
        pursuit.advance(PlanStage::Routed);
        pursuit.routing = Some(routing);
        Ok(WorkerAtWork::begin(&self.router, pursuit.routing.as_ref()))
    }

    /// Chooses a worker for a goal, and enters the stage of that.
    pub(super) fn choose(&self, pursuit: &mut Pursuit) -> Result<Routing, Box<Failure>> {
        let routing = self
            .router
            .route(&pursuit.goal)
            .map_err(|error| Box::new(Failure::new(code::WORKER_UNAVAILABLE, error.to_string())))?;
        pursuit.life.decide(
            ControlEvent::RouteDecided,
            Decision {
                goal: pursuit.life.goal(),
                trace: Arc::clone(pursuit.life.trace()),
                target: Arc::clone(&routing.worker),
                reason: routing.reason.as_str().into(),
                alternatives: routing.alternatives.clone(),
                confidence: routing.confidence,
                metadata: Arc::new(routing.metadata.clone()),
            },
        );
        let data = json!({ "worker": &*routing.worker });
        pursuit.life.enter(LifecycleStage::Route, data);
        Ok(routing)
    }

    /// Begins the run of a plan that is routed.
    pub(super) fn start(&self, pursuit: &Locked<Pursuit>) -> Result<Run, RunError> {
        let mut pursuit = pursuit.lock();
        let input = Arc::new(Value::Object(pursuit.goal.input.clone()));
        let orchestrator = self.orchestrator_of(&pursuit);
        let run = orchestrator.begin(&pursuit.workflow, input, Some(&pursuit.plan.id))?;
        pursuit.execute();
        Ok(run)
    }

    /// A goal by the id of its plan.
    pub(super) fn pursuit(&self, plan: &str) -> Option<Arc<Locked<Pursuit>>> {
        self.state.lock().planned.get(plan).cloned()
    }

    /// The orchestrator, which calls as the goal's worker.
    pub(super) fn orchestrator_of(&self, pursuit: &Pursuit) -> Orchestrator {
        let security = pursuit.goal.security().map(Arc::new);
        let orchestrator = self.orchestrator().on_behalf_of(security);
        match &pursuit.routing {
            Some(routing) => orchestrator.as_caller(&routing.worker),
            None => orchestrator,
        }
    }

    pub(super) fn orchestrator(&self) -> Orchestrator {
        self.orchestrator.lock().clone()
    }

    pub(super) fn registry(&self) -> &Registry {
        self.client.registry()
    }

    fn timeline(&self) -> &Timeline {
        self.client.timeline()
    }

    /// The plans that have yet to be carried out to their ends, in the order they were made.
    pub fn open(&self) -> Vec<Arc<str>> {
        let state = self.state.lock();
        let open = state.planned.iter();
        open.filter(|(_, pursuit)| pursuit.lock().is_open())
            .map(|(id, _)| Arc::clone(id))
            .collect()
    }
}

impl BegunGoal {
    pub(super) fn ended(plan: Option<Arc<str>>, result: Result<GoalOutcome, RunError>) -> Self {
        Self {
            plan,
            progress: Progress::Ended(Box::new(result)),
        }
    }

    pub(super) fn executing(
        plan: Arc<str>,
        pursuit: Arc<Locked<Pursuit>>,
        run: Run,
        worker: WorkerAtWork,
    ) -> Self {
        Self {
            plan: Some(plan),
            progress: Progress::Executing {
                pursuit,
                run: Box::new(run),
                worker,
            },
        }
    }
}

fn check(registry: &Registry, name: &str) -> Result<(), String> {
    let call: CallName = name.parse().map_err(|error| format!("{error}"))?;
    let checked = registry.check(&call);
    checked.map_err(|unknown| unknown.to_string())
}
