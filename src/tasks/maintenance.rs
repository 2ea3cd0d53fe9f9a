use std::{fs, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    artifacts::not_of_the_input,
    failures::{SESSION_NOT_FOUND, StoreError, ToolResult, refused},
    query::TaskSummary,
    server::{Server, Work},
    staleness::{BATCH, StaleTask, is_over, staleness},
    status::TaskStatus,
    tables::Stored,
    task::{NoteKind, Task, Timestamp},
    vocabulary::{DependencyStatus, MaintenanceAction, MaintenanceScope, ValidationLevel},
};
use crate::{
    domain::code,
    services::{FilePath, write_file},
};

/// What `update_documentation` writes.
const OVERVIEW: &str = ".task_orchestrator/overview.md";

/// The input of `maintenance_coordinator`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    pub action: MaintenanceAction,
    #[serde(default)]
    pub scope: MaintenanceScope,
    #[serde(default)]
    pub validation_level: ValidationLevel,
    /// The task, and its parts, of the scope `specific_subtask`.
    #[serde(default)]
    pub target_task_id: Option<Arc<str>>,
}

/// The reply of `maintenance_coordinator`.
#[derive(Clone, Debug, Serialize)]
pub struct MaintenanceReport {
    pub status: &'static str,
    pub maintenance_results: MaintenanceResults,
    pub summary: String,
    pub next_steps: Vec<String>,
    pub timestamp: Timestamp,
}

/// What maintenance has done and found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MaintenanceResults {
    pub operations_performed: Vec<String>,
    pub issues_found: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stale_tasks: Vec<StaleTask>,
    /// The tasks that were archived.
    pub items_cleaned: Vec<Arc<str>>,
    /// The tasks that whoever takes over finds open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_tasks: Option<Vec<TaskSummary>>,
    pub recommendations: Vec<String>,
    pub duration_seconds: f64,
}

impl Server {
    /// Looks after the tasks of a scope.
    ///
    /// # Errors
    ///
    /// `VALIDATION_FAILED` if the scope needs a task and there is none; `TASK_NOT_FOUND`;
    /// `SESSION_NOT_FOUND` if the scope is the session and the client has none.
    pub fn maintenance_coordinator(
        &self,
        client: &str,
        input: &Maintenance,
    ) -> ToolResult<MaintenanceReport> {
        let began = self.now();
        let mut results = self.transact(|work| {
            let tasks = self.in_scope(work, client, input)?;
            match input.action {
                MaintenanceAction::ScanCleanup => clean(work, tasks),
                MaintenanceAction::ValidateStructure => {
                    self.validate(work, &tasks, input.validation_level)
                }
                MaintenanceAction::UpdateDocumentation => self.document(&tasks),
                MaintenanceAction::PrepareHandover => hand_over(work, tasks),
            }
        })?;
        let took = (self.now().0 - began.0).num_milliseconds();
        results.duration_seconds = took as f64 / 1_000.0;
        let (issues, cleaned) = (results.issues_found.len(), results.items_cleaned.len());
        Ok(MaintenanceReport {
            status: "maintenance_completed",
            summary: format!("{issues} issues found, {cleaned} tasks cleaned"),
            next_steps: results.recommendations.clone(),
            maintenance_results: results,
            timestamp: self.now(),
        })
    }

    fn in_scope(&self, work: &Work<'_>, client: &str, input: &Maintenance) -> Stored<Vec<Task>> {
        match (input.scope, &input.target_task_id) {
            (MaintenanceScope::FullProject, _) => work.tables.all(),
            (MaintenanceScope::CurrentSession, _) => {
                let Some(session) = self.session_of(client) else {
                    let message =
                        "there is no session: begin or resume one, or choose another scope";
                    return Err(refused(SESSION_NOT_FOUND, "scope", message).into());
                };
                work.tables.of_session(&session.session_id)
            }
            (MaintenanceScope::SpecificSubtask, Some(id)) => {
                let task = work.tables.get("target_task_id", id)?;
                let mut tasks = work.tables.children(&task.task_id)?;
                tasks.insert(0, task);
                Ok(tasks)
            }
            (MaintenanceScope::SpecificSubtask, None) => {
                let message = "the scope specific_subtask needs a target_task_id";
                let failure = refused(code::VALIDATION_FAILED, "target_task_id", message);
                Err(StoreError::Refused(failure))
            }
        }
    }

    /// Looks for what does not fit together.
    fn validate(
        &self,
        work: &Work<'_>,
        tasks: &[Task],
        level: ValidationLevel,
    ) -> Stored<MaintenanceResults> {
        let mut issues = Vec::new();
        let root = self.root()?;
        for task in tasks {
            let id = &task.task_id;
            if let Some(parent) = &task.parent_task_id
                && work.tables.find(parent)?.is_none()
            {
                issues.push(format!("{id} is a part of {parent}, which is gone"));
            }
            for dependency in work.tables.dependencies(id)? {
                if dependency.status == DependencyStatus::Failed && !task.status.is_end() {
                    let other = &dependency.task_id;
                    issues.push(format!(
                        "{id} waits for {other}, which will not be completed"
                    ));
                }
            }
            for artifact in &task.artifacts {
                let found = fs::metadata(root.join(&artifact.path));
                match found {
                    _ if level < ValidationLevel::Comprehensive => {}
                    Err(_) => issues.push(format!("the artifact {} of {id} is gone", artifact.id)),
                    Ok(found)
                        if level == ValidationLevel::FullAudit && found.len() != artifact.size =>
                    {
                        issues.push(format!(
                            "the artifact {} of {id} has {} bytes, {} were written",
                            artifact.id,
                            found.len(),
                            artifact.size
                        ));
                    }
                    Ok(_) => {}
                }
            }
        }
        let recommendations = match issues.is_empty() {
            true => Vec::new(),
            false => vec!["resolve the issues, or archive the tasks".to_owned()],
        };
        Ok(MaintenanceResults {
            operations_performed: vec![format!("looked at {} tasks", tasks.len())],
            issues_found: issues,
            recommendations,
            ..MaintenanceResults::default()
        })
    }

    /// Writes an overview of the tasks to a file.
    fn document(&self, tasks: &[Task]) -> Stored<MaintenanceResults> {
        let mut text = String::from("# Tasks\n\n| task | title | status |\n|---|---|---|\n");
        for task in tasks {
            let title = task.title.replace('|', "\\|").replace('\n', " ");
            text += &format!("| {} | {title} | {} |\n", task.task_id, task.status);
        }
        let path = FilePath::parse(OVERVIEW)?;
        write_file(&self.root()?, &path, text.as_bytes()).map_err(not_of_the_input)?;
        Ok(MaintenanceResults {
            operations_performed: vec![format!("wrote {} tasks to {OVERVIEW}", tasks.len())],
            ..MaintenanceResults::default()
        })
    }
}

/// Finds stale tasks, and archives those of them that nobody needs to be asked about, and those that ended long
/// ago.
fn clean(work: &mut Work<'_>, tasks: Vec<Task>) -> Stored<MaintenanceResults> {
    let mut results = MaintenanceResults::default();
    let (ended, open): (Vec<_>, Vec<_>) = tasks.into_iter().partition(|task| task.status.is_end());
    let looked_at = open.len();
    for mut task in open {
        let Some(stale) = staleness(work.tables, &task, work.now)? else {
            continue;
        };
        let reason = serde_json::to_value(stale.reason).unwrap_or_default();
        let reason = reason.as_str().unwrap_or_default().to_owned();
        let (id, hours) = (&stale.task_id, stale.inactive_hours);
        let issue = format!("{id} is stale: {reason}, {hours} h inactive");
        if stale.action.is_safe() {
            work.transition(&mut task, TaskStatus::Cancelled, "action")?;
            work.transition(&mut task, TaskStatus::Archived, "action")?;
            task.note(work.now, NoteKind::Cancelled, issue.clone());
            work.tables.update(&task)?;
            results.items_cleaned.push(Arc::clone(&task.task_id));
        } else {
            let action = serde_json::to_value(stale.action).unwrap_or_default();
            let action = action.as_str().unwrap_or_default().replace('_', " ");
            results.recommendations.push(format!("{id}: {action}"));
        }
        results.issues_found.push(issue);
        results.stale_tasks.push(stale);
    }
    results.operations_performed = vec![format!("looked at {looked_at} open tasks")];
    let now = work.now;
    let over = ended.into_iter().filter(|task| is_over(task, now));
    for mut task in over.take(BATCH) {
        work.transition(&mut task, TaskStatus::Archived, "action")?;
        work.tables.update(&task)?;
        results.items_cleaned.push(task.task_id);
    }
    Ok(results)
}

/// What whoever takes over needs to know.
fn hand_over(work: &Work<'_>, tasks: Vec<Task>) -> Stored<MaintenanceResults> {
    let mut results = MaintenanceResults::default();
    let all = tasks.len();
    let open: Vec<_> = tasks
        .into_iter()
        .filter(|task| !task.status.is_end())
        .collect();
    for task in &open {
        let id = &task.task_id;
        let waits = work.tables.dependencies(id)?;
        let waits = waits
            .iter()
            .filter(|own| own.status == DependencyStatus::Pending)
            .map(|own| &*own.task_id);
        let waits: Vec<_> = waits.collect();
        results.recommendations.push(match task.status {
            TaskStatus::Blocked => format!("{id} is blocked: find out by what"),
            TaskStatus::InProgress => format!("{id} is in progress: go on with it"),
            _ if waits.is_empty() => format!("{id} can begin"),
            _ => format!("{id} waits for {}", waits.join(", ")),
        });
    }
    let ended = all - open.len();
    results.operations_performed = vec![format!("{ended} of {all} tasks have ended")];
    results.open_tasks = Some(open.into_iter().map(TaskSummary::from).collect());
    Ok(results)
}
