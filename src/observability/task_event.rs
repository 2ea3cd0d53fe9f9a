use std::sync::Arc;

use serde::Serialize;

use super::redaction::redact_text;

/// What a server of tasks does, on the timeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(
    tag = "event",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub enum TaskEvent {
    /// A task got another status, or its first.
    TaskChanged {
        task: Arc<str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<&'static str>,
        status: &'static str,
    },
    /// A worker has a task.
    TaskAssigned {
        task: Arc<str>,
        worker: Arc<str>,
        reason: String,
    },
    /// A worker is gone; somebody else can have its task.
    WorkerLost {
        task: Arc<str>,
        worker: Arc<str>,
        message: String,
    },
    /// What a worker has done could not be noted.
    WorkNotRecorded { task: Arc<str>, message: String },
    /// An id or a path of an input would have led out of the server's directory.
    PathRefused {
        client: Arc<str>,
        tool: Arc<str>,
        field: Arc<str>,
        message: String,
    },
    /// The server shuts down or starts again.
    ServerPhase {
        sequence: &'static str,
        phase: &'static str,
        /// In percent.
        progress: u8,
    },
    /// What was to be done before the server shuts down was not done.
    ShutdownCallbackFailed { callback: Arc<str>, message: String },
    /// A client's connection is lost, restored or given up.
    ConnectionChanged {
        client: Arc<str>,
        status: &'static str,
    },
    /// A request of a client whose connection is lost is kept for later.
    RequestBuffered {
        client: Arc<str>,
        tool: Arc<str>,
        position: usize,
    },
    /// Such a request was handled.
    RequestReplayed {
        client: Arc<str>,
        tool: Arc<str>,
        /// `ok`, or the failure's code.
        result: Arc<str>,
    },
    /// A snapshot of the server's state is not what was written.
    SnapshotRejected { file: Arc<str>, message: String },
}

impl TaskEvent {
    /// Replaces the secrets in its texts.
    pub fn redact(&mut self) {
        match self {
            Self::TaskChanged { .. }
            | Self::ServerPhase { .. }
            | Self::ConnectionChanged { .. }
            | Self::RequestBuffered { .. }
            | Self::RequestReplayed { .. } => {}
            Self::TaskAssigned {
                reason: message, ..
            }
            | Self::PathRefused { message, .. }
            | Self::WorkerLost { message, .. }
            | Self::WorkNotRecorded { message, .. }
            | Self::ShutdownCallbackFailed { message, .. }
            | Self::SnapshotRejected { message, .. } => {
                if let Some(shown) = redact_text(message) {
                    *message = shown;
                }
            }
        }
    }
}
