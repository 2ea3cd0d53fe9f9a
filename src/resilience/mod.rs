//! How calls are guarded: policies as plain data, their state on the scenario's clock.

mod breaker;
mod breaker_policy;
mod breaker_window;
mod bulkhead;
mod jitter;
mod policy;
mod policy_error;
mod retrier;
mod retries;
mod retry;
mod timeout;

pub use breaker::{Breaker, BreakerPermit, BreakerRefusal};
pub use breaker_policy::{BreakerPolicy, WindowKind, WindowSize};
pub use bulkhead::{Bulkhead, BulkheadFull, BulkheadPermit, BulkheadPolicy};
pub use jitter::{Jitter, JitterError};
pub use policy_error::{PolicyError, UnknownPreset};
pub use retrier::Retrier;
pub use retries::{Retries, Retrying};
pub use retry::Retry;
pub use timeout::{TimedOut, Timeout};

pub use crate::domain::BreakerState;
