use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    artifacts::MAX_ARTIFACT,
    failures::{ARTIFACT_NOT_FOUND, ToolResult, refused},
    input::{List, MAX_LINE, check_id, check_text},
    server::Server,
    status::TaskStatus,
    task::{Artifact, Criterion, Timestamp},
    vocabulary::{ArtifactType, NextAction, Specialist},
};
use crate::{
    domain::{code, did_you_mean},
    services::FilePath,
};

/// The input of `execute_task`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ExecuteTask {
    pub task_id: Arc<str>,
}

/// The reply of `execute_task`: all that somebody needs to begin.
#[derive(Clone, Debug, Serialize)]
pub struct TaskExecution {
    pub status: &'static str,
    pub task_id: Arc<str>,
    pub task_title: String,
    pub task_description: String,
    pub specialist_type: Specialist,
    pub specialist_context: &'static str,
    pub specialist_prompts: [&'static str; 3],
    pub execution_instructions: Vec<String>,
    pub validation_criteria: Vec<Criterion>,
    pub dependencies_completed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_effort: Option<String>,
    pub next_steps: Vec<String>,
    pub timestamp: Timestamp,
}

/// The input of `complete_task`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CompleteTask {
    pub task_id: Arc<str>,
    pub summary: String,
    /// What was done; it is stored as an artifact.
    pub detailed_work: String,
    pub next_action: NextAction,
    /// The files that were worked on, in the working directory.
    #[serde(default)]
    pub file_paths: List<String>,
    #[serde(default)]
    pub artifact_type: ArtifactType,
    /// The ids of earlier artifacts that the work is based on.
    #[serde(default)]
    pub legacy_artifacts: List<String>,
    /// The validation criteria that hold now.
    #[serde(default)]
    pub criteria_met: List<String>,
}

/// The reply of `complete_task`.
#[derive(Clone, Debug, Serialize)]
pub struct TaskCompletion {
    pub status: &'static str,
    pub task_id: Arc<str>,
    pub task_status: TaskStatus,
    pub summary: String,
    pub artifact_count: usize,
    pub artifact_references: Vec<ArtifactReference>,
    pub legacy_artifacts: Vec<String>,
    pub validation_criteria: Vec<Criterion>,
    pub next_action: NextAction,
    pub completion_time: Timestamp,
}

/// Where an artifact is.
#[derive(Clone, Debug, Serialize)]
pub struct ArtifactReference {
    pub id: Arc<str>,
    #[serde(rename = "type")]
    pub artifact_type: ArtifactType,
    pub path: String,
    pub size: u64,
}

impl ArtifactReference {
    /// The reference to an artifact.
    pub fn of(artifact: &Artifact) -> Self {
        Self {
            id: Arc::clone(&artifact.id),
            artifact_type: artifact.artifact_type,
            path: artifact.path.clone(),
            size: artifact.size,
        }
    }
}

impl Server {
    /// Begins a task.
    ///
    /// # Errors
    ///
    /// `TASK_NOT_FOUND`; `INVALID_TASK_STATE` unless it is pending or blocked; `DEPENDENCY_CONFLICT` if it
    /// waits for others.
    pub fn execute_task(&self, input: &ExecuteTask) -> ToolResult<TaskExecution> {
        self.transact(|work| {
            let mut task = work.tables.get("task_id", &input.task_id)?;
            work.begin(&mut task, "task_id")?;
            work.tables.update(&task)?;
            let open = task.unmet().into_iter();
            let criteria = open.map(|criterion| format!("See that this holds: {criterion}"));
            let instructions = [format!("Do this: {}", task.description)].into_iter();
            Ok(TaskExecution {
                status: "ready_for_execution",
                execution_instructions: instructions.chain(criteria).collect(),
                task_id: task.task_id,
                task_title: task.title,
                task_description: task.description,
                specialist_type: task.specialist_type,
                specialist_context: task.specialist_type.context(),
                specialist_prompts: task.specialist_type.prompts(),
                validation_criteria: task.validation_criteria,
                dependencies_completed: true,
                estimated_effort: task.estimated_effort,
                next_steps: vec![
                    "call complete_task with the summary, the detailed work and the next action"
                        .to_owned(),
                ],
                timestamp: work.now,
            })
        })
    }

    /// Takes the result of work on a task, which may complete it.
    ///
    /// # Errors
    ///
    /// `TASK_NOT_FOUND`; `INVALID_TASK_STATE` unless it is in progress; `VALIDATION_FAILED` if a criterion
    /// does not hold; `ARTIFACT_NOT_FOUND`; `PATH_OUTSIDE_DIRECTORY`.
    pub fn complete_task(&self, input: CompleteTask) -> ToolResult<TaskCompletion> {
        check_text("summary", &input.summary, MAX_LINE)?;
        check_text("detailed_work", &input.detailed_work, MAX_ARTIFACT)?;
        for id in &input.legacy_artifacts.0 {
            check_id("legacy_artifacts", id)?;
        }
        for path in &input.file_paths.0 {
            FilePath::parse(path).map_err(|failure| Box::new(failure.field("file_paths")))?;
        }
        let mut written = Vec::new();
        let done = self.transact(|work| {
            let mut task = work.tables.get("task_id", &input.task_id)?;
            for id in &input.legacy_artifacts.0 {
                if !work.tables.has_artifact(id)? {
                    let message = format!("no task has left an artifact {id:?}");
                    return Err(refused(ARTIFACT_NOT_FOUND, "legacy_artifacts", message).into());
                }
            }
            check_off(&mut task.validation_criteria, &input.criteria_met.0)?;
            match input.next_action {
                NextAction::Complete => work.complete(&mut task, "task_id")?,
                NextAction::Blocked => {
                    require_in_progress(&task)?;
                    work.transition(&mut task, TaskStatus::Blocked, "task_id")?;
                }
                NextAction::Continue | NextAction::NeedsRevision => require_in_progress(&task)?,
            }
            task.summary = Some(input.summary.clone());
            task.updated_at = work.now;
            self.add_artifact(
                &mut task,
                input.artifact_type,
                &input.detailed_work,
                input.file_paths.0.clone(),
                work.now,
            )?;
            written.extend(task.artifacts.last().cloned());
            work.tables.update(&task)?;
            let artifacts = task.artifacts.iter();
            Ok(TaskCompletion {
                status: "success",
                task_status: task.status,
                summary: input.summary,
                artifact_count: task.artifacts.len(),
                artifact_references: artifacts.map(ArtifactReference::of).collect(),
                task_id: task.task_id,
                legacy_artifacts: input.legacy_artifacts.0,
                validation_criteria: task.validation_criteria,
                next_action: input.next_action,
                completion_time: work.now,
            })
        });
        if done.is_err() {
            // The store has not heard of the file.
            self.remove_artifacts(&written)?;
        }
        done
    }
}

fn require_in_progress(task: &super::task::Task) -> ToolResult<()> {
    match task.status {
        TaskStatus::InProgress => Ok(()),
        _ => Err(task.wrong_status("task_id", "be worked on")),
    }
}

fn check_off(criteria: &mut [Criterion], met: &[String]) -> ToolResult<()> {
    for met in met {
        match criteria.iter_mut().find(|own| own.criterion == *met) {
            Some(own) => own.met = true,
            None => {
                let known = criteria.iter().map(|own| own.criterion.as_str());
                let message = format!(
                    "{met:?} is not a criterion of the task: {}",
                    did_you_mean(met, known)
                );
                return Err(refused(code::VALIDATION_FAILED, "criteria_met", message));
            }
        }
    }
    Ok(())
}
