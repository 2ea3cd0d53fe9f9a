//! Retries, timeouts, circuit breakers, bulkheads and budgets: policies as plain data, state on the scenario's clock.

mod breaker;
mod breaker_policy;
mod breaker_window;
mod budget;
mod budget_ceiling;
mod budget_policy;
mod bulkhead;
mod jitter;
mod policy;
mod retries;
mod retry;
mod timeout;

pub(crate) use breaker::Breaker;
#[doc(hidden)]
pub use breaker_policy::BreakerPolicy;
pub(crate) use breaker_policy::{WindowKind, WindowSize};
pub(crate) use budget::Reservation;
#[doc(hidden)]
pub use budget::{Budget, OverBudget, Shortage};
#[doc(hidden)]
pub use budget_ceiling::Usage;
#[doc(hidden)]
pub use budget_policy::{BudgetPolicy, WhenExceeded};
#[doc(hidden)]
pub use bulkhead::BulkheadPolicy;
pub(crate) use bulkhead::{Bulkhead, BulkheadPermit};
pub(crate) use jitter::Jitter;
pub(crate) use policy::PolicyError;
pub(crate) use retries::Retrier;
#[doc(hidden)]
pub use retries::Retries;
pub(crate) use retries::Retrying;
#[doc(hidden)]
pub use retry::Retry;
pub(crate) use timeout::{LAST_TURNS, Timeout};

pub(crate) use crate::domain::BreakerState;
