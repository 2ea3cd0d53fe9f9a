use std::sync::Arc;

use futures::future::BoxFuture;
use serde::Serialize;

use super::{task::Timestamp, vocabulary::RestartReason};

/// The shutdown of a server.
pub const SHUTDOWN: &str = "shutdown";
/// Its start after that.
pub const RESTART: &str = "restart";

/// A phase of one of them, and the progress that it stands for, in percent.
pub type Phase = (&'static str, &'static str, u8);

pub const MAINTENANCE_MODE: Phase = (SHUTDOWN, "maintenance_mode", 10);
pub const SUSPENDING_TASKS: Phase = (SHUTDOWN, "suspending_tasks", 25);
pub const SERIALIZING_STATE: Phase = (SHUTDOWN, "serializing_state", 50);
pub const CLOSING_CONNECTIONS: Phase = (SHUTDOWN, "closing_connections", 75);
pub const FINALIZING: Phase = (SHUTDOWN, "finalizing", 90);
pub const SHUT_DOWN: Phase = (SHUTDOWN, "complete", 100);

pub const PREPARING: Phase = (RESTART, "preparing", 10);
pub const STARTING_PROCESS: Phase = (RESTART, "starting_process", 25);
pub const LOADING_STATE: Phase = (RESTART, "loading_state", 40);
pub const RESTORING_DATABASE: Phase = (RESTART, "restoring_database", 60);
pub const RESUMING_TASKS: Phase = (RESTART, "resuming_tasks", 80);
pub const ENABLING_CONNECTIONS: Phase = (RESTART, "enabling_connections", 90);
pub const RESTARTED: Phase = (RESTART, "complete", 100);

/// What is to be done before a server shuts down.
#[derive(Clone)]
pub struct Callback {
    pub name: Arc<str>,
    pub run: Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>,
}

/// Whether a server restarts, and how it has restarted before.
#[derive(Debug, Default)]
pub struct Lifecycle {
    /// The phases of the restart that is under way; the server is in maintenance mode.
    pub running: Option<Vec<PhaseReport>>,
    /// The restarts before, oldest first.
    pub history: Vec<RestartRecord>,
    /// What the server began with; nothing before its first call.
    pub loaded: Option<LoadedState>,
}

/// A phase that was reached.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhaseReport {
    pub sequence: &'static str,
    pub phase: &'static str,
    pub progress: u8,
    pub at: Timestamp,
}

/// A restart that has ended.
#[derive(Clone, Debug, Serialize)]
pub struct RestartRecord {
    pub reason: RestartReason,
    pub success: bool,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    pub phases: Vec<PhaseReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

/// What a server began with.
#[derive(Clone, Debug, Serialize)]
pub struct LoadedState {
    /// `snapshot`, `backup`, or `none` for a clean start.
    pub source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The snapshots that were not what was written.
    pub rejected: Vec<RejectedSnapshot>,
    pub message: String,
    pub sessions_restored: usize,
}

/// A snapshot that is not what was written.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RejectedSnapshot {
    pub file: String,
    pub reason: String,
}
