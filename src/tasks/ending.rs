use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    failures::{DEPENDENCY_CONFLICT, INVALID_TASK_STATE, ToolResult, refused},
    input::{MAX_LINE, check_text},
    server::{Server, Work},
    status::TaskStatus,
    tables::Stored,
    task::{NoteKind, Task, Timestamp},
    vocabulary::ArtifactType,
};

/// How many dependents a refusal names.
const NAMED: usize = 3;

/// The input of `cancel_task`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CancelTask {
    pub task_id: Arc<str>,
    #[serde(default = "no_reason")]
    pub reason: String,
    /// Whether its artifacts are kept, and a record of the cancellation is added.
    #[serde(default = "super::input::yes")]
    pub preserve_work: bool,
}

fn no_reason() -> String {
    "No reason provided".to_owned()
}

/// The reply of `cancel_task`.
#[derive(Clone, Debug, Serialize)]
pub struct Cancellation {
    pub success: bool,
    pub task_id: Arc<str>,
    pub previous_status: TaskStatus,
    pub status: TaskStatus,
    pub reason: String,
    pub work_preserved: bool,
    pub artifact_count: usize,
    /// The tasks that wait for it or are parts of it, which have a note of it now.
    pub dependent_tasks_updated: Vec<Arc<str>>,
    pub cancelled_at: Timestamp,
}

/// The input of `delete_task`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DeleteTask {
    pub task_id: Arc<str>,
    /// Also if others depend on it, or somebody works on it.
    #[serde(default)]
    pub force: bool,
    /// Whether it is kept out of the way.
    #[serde(default = "super::input::yes")]
    pub archive_instead: bool,
}

/// The reply of `delete_task`.
#[derive(Clone, Debug, Serialize)]
pub struct Deletion {
    pub success: bool,
    pub task_id: Arc<str>,
    pub action: &'static str,
    pub force_applied: bool,
    pub archive_mode: bool,
    pub dependent_tasks: Vec<Arc<str>>,
    pub timestamp: Timestamp,
}

impl Server {
    /// Gives a task up.
    ///
    /// # Errors
    ///
    /// `TASK_NOT_FOUND`; `INVALID_TASK_STATE` if it has ended.
    pub fn cancel_task(&self, input: CancelTask) -> ToolResult<Cancellation> {
        check_text("reason", &input.reason, MAX_LINE)?;
        let mut written = Vec::new();
        let mut unwanted = Vec::new();
        let done = self.transact(|work| {
            let mut task = work.tables.get("task_id", &input.task_id)?;
            let previous_status = task.status;
            work.transition(&mut task, TaskStatus::Cancelled, "task_id")?;
            task.note(work.now, NoteKind::Cancelled, input.reason.clone());
            if input.preserve_work {
                let record = format!("cancelled while {previous_status}: {}\n", input.reason);
                let general = ArtifactType::General;
                self.add_artifact(&mut task, general, &record, Vec::new(), work.now)?;
                written.extend(task.artifacts.last().cloned());
            } else {
                unwanted = std::mem::take(&mut task.artifacts);
            }
            work.tables.update(&task)?;
            let mut dependents = affected(work, &task)?;
            for dependent in &mut dependents {
                let text = format!("{} was cancelled: {}", task.task_id, input.reason);
                dependent.note(work.now, NoteKind::DependencyCancelled, text);
                work.tables.update(dependent)?;
            }
            Ok(Cancellation {
                success: true,
                previous_status,
                status: task.status,
                reason: input.reason,
                work_preserved: input.preserve_work,
                artifact_count: task.artifacts.len(),
                dependent_tasks_updated: ids(&dependents),
                cancelled_at: work.now,
                task_id: task.task_id,
            })
        });
        self.remove_artifacts(match done.is_ok() {
            true => &unwanted,
            false => &written,
        })?;
        done
    }

    /// Archives or removes a task.
    ///
    /// # Errors
    ///
    /// `TASK_NOT_FOUND`; unless forced, `DEPENDENCY_CONFLICT` if others depend on it, and `INVALID_TASK_STATE`
    /// if somebody works on it.
    pub fn delete_task(&self, input: &DeleteTask) -> ToolResult<Deletion> {
        let mut unwanted = Vec::new();
        let done = self.transact(|work| {
            let mut task = work.tables.get("task_id", &input.task_id)?;
            let dependents = affected(work, &task)?;
            if !input.force {
                refuse_conflicts(&task, &dependents)?;
            }
            if input.archive_instead {
                if !task.status.is_end() {
                    work.transition(&mut task, TaskStatus::Cancelled, "task_id")?;
                }
                work.transition(&mut task, TaskStatus::Archived, "task_id")?;
                work.tables.update(&task)?;
            } else {
                work.tables.remove(&task.task_id)?;
                unwanted = std::mem::take(&mut task.artifacts);
            }
            Ok(Deletion {
                success: true,
                action: match input.archive_instead {
                    true => "archived",
                    false => "deleted",
                },
                force_applied: input.force && !dependents.is_empty(),
                archive_mode: input.archive_instead,
                dependent_tasks: ids(&dependents),
                timestamp: work.now,
                task_id: task.task_id,
            })
        })?;
        self.remove_artifacts(&unwanted)?;
        Ok(done)
    }
}

/// The tasks that wait for a task or are parts of it, and have not ended.
fn affected(work: &Work<'_>, task: &Task) -> Stored<Vec<Task>> {
    let mut affected = work.tables.dependents(&task.task_id)?;
    for child in work.tables.children(&task.task_id)? {
        let is_known = affected.iter().any(|own| own.task_id == child.task_id);
        if !is_known && !child.status.is_end() {
            affected.push(child);
        }
    }
    Ok(affected)
}

fn refuse_conflicts(task: &Task, dependents: &[Task]) -> ToolResult<()> {
    if !dependents.is_empty() {
        let named: Vec<_> = dependents.iter().take(NAMED).collect();
        let named: Vec<&str> = named.iter().map(|own| &*own.task_id).collect();
        let more = match dependents.len() > NAMED {
            true => ", …",
            false => "",
        };
        let message = format!(
            "{} tasks depend on {}: {}{more}; force it, or end them first",
            dependents.len(),
            task.task_id,
            named.join(", ")
        );
        return Err(refused(DEPENDENCY_CONFLICT, "task_id", message));
    }
    if task.status == TaskStatus::InProgress {
        let message = format!(
            "task {} is in progress; force it, or cancel it first",
            task.task_id
        );
        return Err(refused(INVALID_TASK_STATE, "task_id", message));
    }
    Ok(())
}

fn ids(tasks: &[Task]) -> Vec<Arc<str>> {
    tasks.iter().map(|task| Arc::clone(&task.task_id)).collect()
}
