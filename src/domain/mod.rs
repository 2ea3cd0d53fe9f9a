//! The types that all other modules share: a call, its reply or failure, names, keys, states and durations.

mod breaker_state;
mod call;
mod call_name;
pub mod code;
mod duration;
mod failure;
mod json;
mod json_form;
mod json_pointer;
mod key;
mod locked;
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
pub use code::{check_code, is_code};
pub use duration::{
    DurationError, MAX_DURATION, duration_text, format_duration, offset_text, opt_duration_text,
    parse_duration, short_duration, shown_duration,
};
pub use failure::Failure;
pub use json::{JsonError, from_json, from_value};
pub use json_form::JsonForm;
pub use json_pointer::{pointer_names, pointer_token, split_pointer};
pub use key::Key;
pub use locked::Locked;
pub use mode::{Category, FailureMode, Severity};
pub use nearest::{did_you_mean, nearest};
pub use reference::{references, refers, resolve};
pub use request_status::RequestStatus;
pub use schema::JsonSchema;
pub use status::{Health, StepStatus, WorkflowStatus};
pub use violation::{SchemaFault, Violation};

use foldhash::fast::FixedState;

/// A hash map whose order is the same on every machine, though it means nothing.
///
/// The keys are ours, so nobody makes them collide; the standard library's hasher, which guards
/// against that, would be a tenth of what a call costs.
pub type HashMap<K, V> = std::collections::HashMap<K, V, FixedState>;

/// A hash map that keeps the order of insertion.
pub type IndexMap<K, V> = indexmap::IndexMap<K, V, FixedState>;

/// A hash set that keeps the order of insertion, so that an index identifies a member.
pub type IndexSet<K> = indexmap::IndexSet<K, FixedState>;
