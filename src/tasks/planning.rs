use std::{fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::Value;

use super::{
    failures::{DEPENDENCY_CONFLICT, TASK_ALREADY_EXISTS, ToolResult, refused},
    input::{List, MAX_LINE, MAX_TEXT, check_id, check_text},
    server::{Server, Work},
    status::TaskStatus,
    tables::Stored,
    task::{Criterion, Task, Timestamp},
    view::{Shown, TaskView},
    vocabulary::{Complexity, DependencyType, Priority, Specialist, TaskType},
};

/// The input of `plan_task`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PlanTask {
    /// An id of the client's own, so that a plan that is sent twice makes one task.
    #[serde(default)]
    pub task_id: Option<Arc<str>>,
    pub title: String,
    pub description: String,
    #[serde(default)]
    pub task_type: TaskType,
    #[serde(default)]
    pub parent_task_id: Option<Arc<str>>,
    #[serde(default)]
    pub complexity: Complexity,
    #[serde(default)]
    pub specialist_type: Specialist,
    #[serde(default)]
    pub priority: Priority,
    /// What a worker must be capable of.
    #[serde(default)]
    pub requires: List<String>,
    #[serde(default)]
    pub estimated_effort: Option<String>,
    #[serde(default)]
    pub due_date: Option<Timestamp>,
    #[serde(default)]
    pub context: Option<Value>,
    #[serde(default)]
    pub dependencies: List<DependencyInput>,
    /// What must hold for it to be complete.
    #[serde(default)]
    pub validation_criteria: List<String>,
}

/// A dependency in an input: the id of a task, or that and the type.
#[derive(Clone, Debug)]
pub struct DependencyInput {
    pub task_id: Arc<str>,
    pub dependency_type: DependencyType,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct TypedDependency {
    task_id: Arc<str>,
    #[serde(rename = "type", default)]
    dependency_type: DependencyType,
}

impl<'de> Deserialize<'de> for DependencyInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = DependencyInput;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the id of a task, or an object with `task_id` and `type`")
            }

            fn visit_str<E: Error>(self, id: &str) -> Result<DependencyInput, E> {
                Ok(DependencyInput {
                    task_id: id.into(),
                    dependency_type: DependencyType::Completion,
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<DependencyInput, A::Error> {
                let typed = TypedDependency::deserialize(MapAccessDeserializer::new(map))?;
                Ok(DependencyInput {
                    task_id: typed.task_id,
                    dependency_type: typed.dependency_type,
                })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// The reply of `plan_task` and `update_task`.
#[derive(Clone, Debug, Serialize)]
pub struct ChangedTask {
    pub success: bool,
    pub operation: &'static str,
    pub message: String,
    #[serde(flatten)]
    pub task: TaskView,
    /// The fields that an update changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes_applied: Option<Vec<&'static str>>,
    pub timestamp: Timestamp,
}

/// The input of `update_task`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateTask {
    pub task_id: Arc<str>,
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub status: Option<TaskStatus>,
    #[serde(default)]
    pub specialist_type: Option<Specialist>,
    #[serde(default)]
    pub complexity: Option<Complexity>,
    #[serde(default)]
    pub estimated_effort: Option<String>,
    #[serde(default)]
    pub due_date: Option<Timestamp>,
    #[serde(default)]
    pub context: Option<Value>,
}

impl Server {
    /// Plans a task.
    ///
    /// # Errors
    ///
    /// `TASK_ALREADY_EXISTS`; `TASK_NOT_FOUND` for its parent or what it depends on; `DEPENDENCY_CONFLICT` if
    /// tasks would wait for each other.
    pub fn plan_task(&self, client: &str, input: PlanTask) -> ToolResult<ChangedTask> {
        check_text("title", &input.title, MAX_LINE)?;
        check_text("description", &input.description, MAX_TEXT)?;
        for criterion in &input.validation_criteria.0 {
            check_text("validation_criteria", criterion, MAX_LINE)?;
        }
        if let Some(effort) = &input.estimated_effort {
            check_text("estimated_effort", effort, MAX_LINE)?;
        }
        if let Some(id) = &input.task_id {
            check_id("task_id", id)?;
        }
        let session = self.session_of(client);
        self.transact(|work| {
            if let Some(parent) = &input.parent_task_id {
                work.tables.get("parent_task_id", parent)?;
            }
            let task_id = match input.task_id {
                None => work.draw_task_id()?,
                Some(id) => match work.tables.find(&id)? {
                    None => id,
                    Some(_) => {
                        let message = format!("task {id} exists already");
                        return Err(refused(TASK_ALREADY_EXISTS, "task_id", message).into());
                    }
                },
            };
            let criteria = input.validation_criteria.0.into_iter();
            let task = Task {
                task_id,
                title: input.title,
                description: input.description,
                status: TaskStatus::Pending,
                task_type: input.task_type,
                complexity: input.complexity,
                specialist_type: input.specialist_type,
                priority: input.priority,
                requires: input.requires.0,
                assignee: None,
                parent_task_id: input.parent_task_id,
                estimated_effort: input.estimated_effort,
                due_date: input.due_date,
                context: input.context,
                validation_criteria: criteria
                    .map(|criterion| Criterion {
                        criterion,
                        met: false,
                    })
                    .collect(),
                session_id: session.as_ref().map(|own| Arc::clone(&own.session_id)),
                working_directory: session.map(|own| own.working_directory).unwrap_or_default(),
                created_at: work.now,
                updated_at: work.now,
                started_at: None,
                completed_at: None,
                summary: None,
                artifacts: Vec::new(),
                notes: Vec::new(),
            };
            work.add(&task)?;
            for dependency in &input.dependencies.0 {
                depend(work, &task, dependency)?;
            }
            Ok(ChangedTask {
                success: true,
                operation: "plan_task",
                message: format!("task {} is planned", task.task_id),
                task: TaskView::of(work.tables, task, Shown::default())?,
                changes_applied: None,
                timestamp: work.now,
            })
        })
    }

    /// Changes a task.
    ///
    /// # Errors
    ///
    /// `TASK_NOT_FOUND`; `INVALID_TASK_STATE` for a transition that the table does not have or an archived
    /// task; `DEPENDENCY_CONFLICT` for one that is to begin and waits for others.
    pub fn update_task(&self, input: UpdateTask) -> ToolResult<ChangedTask> {
        if let Some(title) = &input.title {
            check_text("title", title, MAX_LINE)?;
        }
        if let Some(description) = &input.description {
            check_text("description", description, MAX_TEXT)?;
        }
        if let Some(effort) = &input.estimated_effort {
            check_text("estimated_effort", effort, MAX_LINE)?;
        }
        self.transact(|work| {
            let mut task = work.tables.get("task_id", &input.task_id)?;
            if task.status == TaskStatus::Archived {
                return Err(task.wrong_status("task_id", "be changed").into());
            }
            let mut changes = Vec::new();
            macro_rules! set {
                ($($field:ident: $value:expr),+ $(,)?) => {
                    $(if let Some(value) = $value && task.$field != value {
                        task.$field = value;
                        changes.push(stringify!($field));
                    })+
                };
            }
            set! {
                title: input.title,
                description: input.description,
                specialist_type: input.specialist_type,
                complexity: input.complexity,
                estimated_effort: input.estimated_effort.map(Some),
                due_date: input.due_date.map(Some),
                context: input.context.map(Some),
            }
            if let Some(status) = input.status {
                match status {
                    TaskStatus::InProgress => work.begin(&mut task, "status")?,
                    TaskStatus::Completed => work.complete(&mut task, "status")?,
                    status => work.transition(&mut task, status, "status")?,
                }
                changes.push("status");
            }
            task.updated_at = work.now;
            work.tables.update(&task)?;
            Ok(ChangedTask {
                success: true,
                operation: "update_task",
                message: format!("task {} has {} changes", task.task_id, changes.len()),
                task: TaskView::of(work.tables, task, Shown::default())?,
                changes_applied: Some(changes),
                timestamp: work.now,
            })
        })
    }
}

/// Has a task that is just planned depend on another.
fn depend(work: &Work<'_>, task: &Task, dependency: &DependencyInput) -> Stored<()> {
    const FIELD: &str = "dependencies";
    let other = work.tables.get(FIELD, &dependency.task_id)?;
    let (waits, needs) = match dependency.dependency_type {
        DependencyType::Blocks => (&other, task),
        _ => (task, &other),
    };
    if dependency.dependency_type == DependencyType::Blocks
        && !matches!(other.status, TaskStatus::Pending | TaskStatus::Blocked)
    {
        return Err(other.wrong_status(FIELD, "wait for another task").into());
    }
    if dependency.dependency_type != DependencyType::Related
        && let Some(mut way) = work.tables.way(&needs.task_id, &waits.task_id)?
    {
        way.insert(0, waits.task_id.to_string());
        let message = format!("the tasks would wait for each other: {}", way.join(" -> "));
        return Err(refused(DEPENDENCY_CONFLICT, FIELD, message).into());
    }
    work.tables
        .depend(&waits.task_id, &needs.task_id, dependency.dependency_type)
}
