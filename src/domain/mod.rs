//! The words that every other room speaks: a call, its reply or its failure, names, keys, states and durations.

mod breaker_state;
mod call;
mod call_name;
mod duration;
mod failure;
mod hash;
mod health;
mod json;
mod json_form;
mod json_pointer;
mod key;
mod mode;
mod nearest;
mod reference;
mod request_status;
#[cfg_attr(not(feature = "json-schema"), path = "schema_left_out.rs")]
mod schema;
mod status;
mod violation;

pub use breaker_state::BreakerState;
pub use call::{Call, CallHead, Context, Reply};
pub use call_name::{CallName, CallNameError};
pub use duration::{
    DurationError, LONGEST, duration_text, format_duration, offset_text, opt_duration_text,
    parse_duration,
};
pub use failure::{Failure, check_code, code, is_code};
pub use hash::{HashMap, IndexMap, IndexSet};
pub use health::Health;
pub use json::{JsonError, from_json, from_value};
pub use json_form::JsonForm;
pub use json_pointer::{pointer_names, pointer_token, split_pointer};
pub use key::Key;
pub use mode::{Category, FailureMode, Severity};
pub use nearest::{did_you_mean, nearest};
pub use reference::{references, refers, resolve};
pub use request_status::RequestStatus;
pub use schema::{JsonSchema, SchemaFault};
pub use status::{StepStatus, WorkflowStatus};
pub use violation::Violation;
