//! Retries, timeouts, circuit breakers and bulkheads: policies as plain data, state on the scenario's clock.

mod breaker;
mod breaker_policy;
mod breaker_window;
mod bulkhead;
mod jitter;
mod policy;
mod retries;
mod retry;
mod timeout;

pub use breaker::{Breaker, BreakerPermit, BreakerRefusal};
pub use breaker_policy::{BreakerPolicy, WindowKind, WindowSize};
pub use bulkhead::{Bulkhead, BulkheadFull, BulkheadPermit, BulkheadPolicy};
pub use jitter::{Jitter, JitterError};
pub use policy::PolicyError;
pub use retries::{Retrier, Retries, Retrying};
pub use retry::Retry;
pub use timeout::{TimedOut, Timeout};

pub use crate::domain::BreakerState;
