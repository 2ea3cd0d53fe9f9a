//! The control plane: plans for goals, who carries them out, approval, and what is left when one fails.

mod coordinator;
mod definition;
mod goal;
mod life;
mod outcome;
mod partial;
mod plan;
mod planner;
mod pursuit;
mod router;

pub(crate) use coordinator::Coordinator;
pub(crate) use definition::CoordinatorDefinition;
pub(crate) use goal::Goal;
pub(crate) use outcome::GoalOutcome;
pub(crate) use plan::PlanStep;
