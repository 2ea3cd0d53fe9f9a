//! The types that all other modules share: a call, its reply or failure, names, keys, states and durations.

mod approval_status;
mod breaker_state;
mod call;
mod call_name;
pub mod code;
mod containers;
mod cost;
mod duration;
mod failure;
mod failure_mode;
mod health;
mod json;
mod json_digest;
mod json_form;
mod json_pointer;
mod key;
mod lifecycle_stage;
mod nearest;
mod reference;
mod request_status;
#[cfg_attr(not(feature = "json-schema"), path = "schema_left_out.rs")]
mod schema;
mod security;
mod sources;
mod status;
mod violation;

pub use approval_status::ApprovalStatus;
pub(crate) use breaker_state::BreakerState;
pub(crate) use call::CallHead;
pub use call::{Call, Context, Reply};
pub use call_name::{CallName, CallNameError};
pub(crate) use code::check_code;
#[cfg(feature = "messaging")]
pub(crate) use containers::IndexSet;
pub(crate) use containers::{HashMap, IndexMap, Locked};
#[doc(hidden)]
pub use cost::Cost;
pub(crate) use duration::{
    DurationError, MAX_DURATION, duration_text, format_duration, offset_text, opt_duration_text,
    opt_offset_text, parse_duration, short_duration, shown_duration,
};
pub use failure::Failure;
pub use failure_mode::{Category, FailureMode, Severity};
pub use health::Health;
#[doc(hidden)]
pub use json::from_value;
pub(crate) use json::{JsonError, from_json};
#[cfg(any(feature = "cqrs", feature = "tasks"))]
pub(crate) use json_digest::json_digest;
pub(crate) use json_digest::json_sha_256;
pub(crate) use json_form::JsonForm;
pub(crate) use json_pointer::{pointer_names, pointer_token, split_pointer};
pub use key::{Key, KeyOrigin, KeySubject};
pub use lifecycle_stage::LifecycleStage;
pub(crate) use nearest::{did_you_mean, nearest, typo_of};
pub(crate) use reference::{reference_faults, refers, resolve};
pub(crate) use request_status::RequestStatus;
pub(crate) use schema::JsonSchema;
#[cfg(feature = "control")]
pub(crate) use security::names;
pub use security::{Credential, SecurityContext};
pub(crate) use security::{check_name, check_role};
pub(crate) use sources::with_sources;
pub use status::{StepStatus, WorkflowStatus};
pub(crate) use violation::{SchemaFault, Violation};
