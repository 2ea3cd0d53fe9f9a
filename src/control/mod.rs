//! The control plane: plans for goals, who carries them out, approval, and what is left when one fails.

mod coordinator;
mod definition;
mod execution;
mod goal;
mod life;
mod outcome;
mod partial;
mod plan;
mod planner;
mod pursuit;
mod resumption;
mod router;
#[cfg(test)]
mod tests;

pub use coordinator::{BegunGoal, Coordinator};
pub use definition::CoordinatorDefinition;
pub use goal::Goal;
pub use outcome::GoalOutcome;
pub use plan::PlanStep;
#[cfg(feature = "tasks")]
pub(crate) use router::{Router, Routing, RoutingStrategy, Worker};
