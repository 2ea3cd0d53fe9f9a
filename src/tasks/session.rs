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

/// A session as tools show it.
#[derive(Clone, Debug, Serialize)]
pub struct SessionView {
    pub session_id: Arc<str>,
    /// `active` while a client works in it, else `inactive`; `corrupted` if its file is not what was written.
    pub status: &'static str,
    pub health: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_activity: Option<Timestamp>,
    /// The tasks that were planned in it.
    pub task_count: usize,
    pub open_task_count: usize,
    pub completed_task_count: usize,
}

impl SessionView {
    /// One whose file is not what was written.
    pub fn corrupted(session_id: Arc<str>) -> Self {
        Self {
            session_id,
            status: "corrupted",
            health: "degraded",
            working_directory: None,
            created_at: None,
            last_activity: None,
            task_count: 0,
            open_task_count: 0,
            completed_task_count: 0,
        }
    }

    /// Whether its work is done.
    pub fn is_completed(&self) -> bool {
        self.task_count > 0 && self.open_task_count == 0
    }

    /// Whether nobody works in it and nothing was planned in it.
    pub fn is_orphaned(&self) -> bool {
        self.status != "active" && self.task_count == 0
    }
}
