use std::{sync::Arc, time::Duration};

use serde::Serialize;

use super::{
    status::TaskStatus,
    tables::{Stored, Tables},
    task::{Task, Timestamp},
    vocabulary::{DependencyStatus, Priority, Specialist},
};
use crate::domain::Severity;

const HOUR: u64 = 60 * 60;
/// How long a task with parts may rest, where hardly any is done.
const ABANDONED: Duration = Duration::from_secs(168 * HOUR);
/// The share of parts below which it is abandoned, in percent.
const HARDLY_ANY: usize = 10;

const DAY: Duration = Duration::from_secs(24 * HOUR);
/// How many tasks are archived at once, so that years of them hold nobody up.
pub const BATCH: usize = 50;
/// With more artifacts, or about more files, what a task has left is kept twice as long.
const ARTIFACTS: usize = 2;
const FILES: usize = 10;

/// Why a task is stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StaleReason {
    /// The task that it is a part of is gone.
    OrphanedTask,
    /// What it waits for will not be completed.
    DependencyFailure,
    /// It has parts, and hardly any is done.
    AbandonedWorkflow,
    /// Nothing has happened to it for long.
    InactivityTimeout,
}

/// What is to be done about a stale task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StaleAction {
    RemoveOrphanedTask,
    ResolveDependenciesOrArchive,
    ArchiveWorkflow,
    ArchiveStaleTask,
    MonitorAndNotify,
}

/// A task that nobody seems to care for.
#[derive(Clone, Debug, Serialize)]
pub struct StaleTask {
    pub task_id: Arc<str>,
    pub reason: StaleReason,
    pub severity: Severity,
    pub action: StaleAction,
    /// Whole hours since anything happened to it.
    pub inactive_hours: u64,
}

impl StaleAction {
    /// Whether it may be done without asking: never about dependencies or workflows.
    pub fn is_safe(self) -> bool {
        matches!(self, Self::RemoveOrphanedTask | Self::ArchiveStaleTask)
    }
}

impl Specialist {
    /// How long a task of theirs may rest.
    pub fn patience(self) -> Duration {
        let hours = match self {
            Self::Reviewer => 6,
            Self::Documenter => 8,
            Self::Researcher => 12,
            Self::Tester => 16,
            Self::Coder => 48,
            Self::Architect => 72,
            Self::Generic | Self::Analyst | Self::Devops | Self::Coordinator => 24,
        };
        Duration::from_secs(hours * HOUR)
    }
}

/// What is wrong with a task that has not ended, if anything.
pub fn staleness(tables: &Tables<'_>, task: &Task, now: Timestamp) -> Stored<Option<StaleTask>> {
    use StaleAction as A;
    use StaleReason as R;
    let rested = (now.0 - task.updated_at.0).to_std().unwrap_or_default();
    let patience = task.specialist_type.patience();
    let orphaned = match &task.parent_task_id {
        Some(parent) => tables.find(parent)?.is_none(),
        None => false,
    };
    let found = if orphaned {
        Some((R::OrphanedTask, Severity::Critical, A::RemoveOrphanedTask))
    } else if rested * 2 > patience * 3 && waits_in_vain(tables, task)? {
        let action = A::ResolveDependenciesOrArchive;
        Some((R::DependencyFailure, Severity::Critical, action))
    } else if rested > ABANDONED && is_hardly_begun(&tables.children(&task.task_id)?) {
        Some((R::AbandonedWorkflow, Severity::High, A::ArchiveWorkflow))
    } else if rested > patience * 2 {
        Some((R::InactivityTimeout, Severity::High, A::ArchiveStaleTask))
    } else if rested > patience {
        Some((R::InactivityTimeout, Severity::Medium, A::MonitorAndNotify))
    } else {
        None
    };
    Ok(found.map(|(reason, severity, action)| StaleTask {
        task_id: Arc::clone(&task.task_id),
        reason,
        severity,
        action,
        inactive_hours: rested.as_secs() / HOUR,
    }))
}

fn waits_in_vain(tables: &Tables<'_>, task: &Task) -> Stored<bool> {
    let dependencies = tables.dependencies(&task.task_id)?;
    Ok(dependencies
        .iter()
        .any(|own| own.status == DependencyStatus::Failed))
}

fn is_hardly_begun(parts: &[Task]) -> bool {
    let done = parts.iter().filter(|part| part.is_completed()).count();
    !parts.is_empty() && done * 100 < parts.len() * HARDLY_ANY
}

/// Whether a task ended so long ago that it is archived.
pub fn is_over(task: &Task, now: Timestamp) -> bool {
    let days = match task.status {
        TaskStatus::Completed => 90,
        TaskStatus::Failed => 60,
        TaskStatus::Cancelled => 14,
        _ => return false,
    };
    let is_critical = task.status == TaskStatus::Failed && task.priority == Priority::Critical;
    let files = task.artifacts.iter().map(|own| own.file_paths.len());
    let left_much = task.artifacts.len() > ARTIFACTS || files.sum::<usize>() > FILES;
    let kept = DAY * days * if is_critical || left_much { 2 } else { 1 };
    (now.0 - task.updated_at.0).to_std().unwrap_or_default() > kept
}
