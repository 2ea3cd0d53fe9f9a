use std::sync::Arc;

use crate::{
    domain::Locked,
    orchestration::{Orchestrator, Plan, RunError, Workflow},
};

/// What runs workflows for a service of configurations.
#[derive(Clone)]
pub struct WorkflowEngine {
    /// The orchestrator, another after a restart.
    pub orchestrator: Arc<Locked<Orchestrator>>,
    /// Finds a workflow by its id.
    pub find: Arc<FindWorkflow>,
    /// Plans a workflow.
    pub plan: Arc<PlanWorkflow>,
}

type FindWorkflow = dyn Fn(&str) -> Result<Arc<Workflow>, String> + Send + Sync;
type PlanWorkflow = dyn Fn(&Arc<Workflow>) -> Result<Arc<Plan>, RunError> + Send + Sync;
