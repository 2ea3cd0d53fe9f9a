use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::task::Timestamp;

/// A client's work in a folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// `session_`, eight hexadecimal digits and the seconds since 1970.
    pub session_id: Arc<str>,
    /// Within the server's directory; empty for that itself.
    pub working_directory: String,
    /// Who began it.
    pub client: Arc<str>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last resumed.
    pub resumed_at: Option<Timestamp>,
}
