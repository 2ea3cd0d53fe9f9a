use serde::Serialize;

use super::{
    tables::{Stored, Tables},
    task::{Dependency, Task},
};

/// A task as tools show it.
#[derive(Clone, Debug, Serialize)]
pub struct TaskView {
    #[serde(flatten)]
    pub task: Task,
    /// What it depends on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Dependency>,
    pub artifact_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub children: Option<Vec<TaskView>>,
}

/// What is shown of a task, beside itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown {
    /// Its parts, and theirs.
    pub children: bool,
    /// Its artifacts, not only how many there are.
    pub artifacts: bool,
}

impl TaskView {
    /// The view of a task.
    pub fn of(tables: &Tables<'_>, mut task: Task, shown: Shown) -> Stored<Self> {
        let artifact_count = task.artifacts.len();
        if !shown.artifacts {
            task.artifacts.clear();
        }
        let children = match shown.children {
            false => None,
            true => {
                let children = tables.children(&task.task_id)?.into_iter();
                let views = children.map(|child| Self::of(tables, child, shown));
                Some(views.collect::<Stored<Vec<_>>>()?)
            }
        };
        Ok(Self {
            dependencies: tables.dependencies(&task.task_id)?,
            task,
            artifact_count,
            children,
        })
    }
}
