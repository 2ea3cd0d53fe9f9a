use std::time::Duration;

use super::{
    status::TaskStatus,
    task::{Task, Timestamp},
    vocabulary::Priority,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How many tasks are archived at once, so that years of them hold nobody up.
pub const BATCH: usize = 50;
/// With more artifacts, or about more files, what a task has left is kept twice as long.
const ARTIFACTS: usize = 2;
const FILES: usize = 10;

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
