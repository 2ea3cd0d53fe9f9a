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

pub use coordinator::Coordinator;
pub use definition::CoordinatorDefinition;
pub use goal::Goal;
pub use outcome::GoalOutcome;
pub use plan::PlanStep;
