use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    failures::{INVALID_TASK_STATE, ToolResult, refused},
    status::TaskStatus,
    vocabulary::{
        ArtifactType, Complexity, DependencyStatus, DependencyType, Priority, Specialist, TaskType,
    },
};
use crate::clock;

/// When something happened, or is to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(#[serde(with = "clock::timestamp")] pub DateTime<Utc>);

/// A task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    pub task_id: Arc<str>,
    pub title: String,
    pub description: String,
    pub status: TaskStatus,
    pub task_type: TaskType,
    pub complexity: Complexity,
    pub specialist_type: Specialist,
    #[serde(default)]
    pub priority: Priority,
    /// What a worker must be capable of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// The worker who has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<Arc<str>>,
    /// The task that this is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_task_id: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_effort: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_date: Option<Timestamp>,
    /// Whatever whoever planned it has to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validation_criteria: Vec<Criterion>,
    /// The session in which it was planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Arc<str>>,
    /// The folder of its artifacts, within the server's; empty for that itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub working_directory: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// Kept when the task is archived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// What was done, by the last completion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
    /// What happened around it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
}

/// What must hold for a task to be complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criterion {
    pub criterion: String,
    pub met: bool,
}

/// A file that a task has left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    pub id: Arc<str>,
    /// Counted from 1 for each task.
    pub number: u64,
    #[serde(rename = "type")]
    pub artifact_type: ArtifactType,
    /// Within the server's directory.
    pub path: String,
    /// In bytes.
    pub size: u64,
    /// The files that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub file_paths: Vec<String>,
    pub created_at: Timestamp,
}

/// What happened around a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    pub at: Timestamp,
    pub kind: NoteKind,
    pub text: String,
}

/// The kinds of notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// It was cancelled.
    Cancelled,
    /// What it depends on, or is a part of, was cancelled.
    DependencyCancelled,
    /// Whoever had it is lost.
    WorkerLost,
    /// It could not be done.
    Failed,
}

/// What a task depends on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dependency {
    pub task_id: Arc<str>,
    #[serde(rename = "type")]
    pub dependency_type: DependencyType,
    pub status: DependencyStatus,
}

impl Task {
    /// Gives it a status; `field` is at fault if that is not possible.
    ///
    /// # Errors
    ///
    /// `INVALID_TASK_STATE` if the table of transitions does not have it.
    pub fn transition_to(
        &mut self,
        next: TaskStatus,
        field: &str,
        now: Timestamp,
    ) -> ToolResult<()> {
        if !self.status.can_become(next) {
            return Err(self.wrong_status(field, &format!("become {next}")));
        }
        self.status = next;
        self.updated_at = now;
        match next {
            TaskStatus::InProgress => {
                self.started_at.get_or_insert(now);
            }
            TaskStatus::Completed => self.completed_at = Some(now),
            _ => {}
        }
        Ok(())
    }

    /// Notes what happened around it.
    pub fn note(&mut self, at: Timestamp, kind: NoteKind, text: String) {
        self.notes.push(Note { at, kind, text });
    }

    /// Its status does not allow something.
    pub fn wrong_status(&self, field: &str, what: &str) -> Box<crate::domain::Failure> {
        let (id, status) = (&self.task_id, self.status);
        let next = TaskStatus::ALL.into_iter();
        let next: Vec<_> = next
            .filter(|next| status.can_become(*next))
            .map(TaskStatus::as_str)
            .collect();
        let possible = match next.is_empty() {
            true => "nothing more".to_owned(),
            false => next.join(", "),
        };
        let message = format!("task {id} is {status} and cannot {what}; it can become {possible}");
        refused(INVALID_TASK_STATE, field, message)
    }

    /// The criteria that nobody has checked off yet.
    pub fn unmet(&self) -> Vec<&str> {
        let unmet = self.validation_criteria.iter().filter(|own| !own.met);
        unmet.map(|own| own.criterion.as_str()).collect()
    }

    /// Whether it was completed, also if it is archived by now.
    pub fn is_completed(&self) -> bool {
        self.completed_at.is_some()
    }
}
