use std::{collections::BTreeMap, sync::Arc};

use rusqlite::{ToSql, params_from_iter};
use serde::{Deserialize, Serialize};

use super::{
    failures::{ToolResult, refused},
    input::List,
    server::Server,
    status::TaskStatus,
    tables::{Stored, Tables},
    task::{Task, Timestamp},
    view::{Shown, TaskView},
    vocabulary::{Complexity, Specialist, TaskType},
};
use crate::domain::code;

/// The most tasks of a page.
const MAX_LIMIT: u32 = 1000;

/// The input of `query_tasks`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct QueryTasks {
    #[serde(default)]
    pub status: List<TaskStatus>,
    #[serde(default)]
    pub task_type: List<TaskType>,
    #[serde(default)]
    pub specialist_type: List<Specialist>,
    #[serde(default)]
    pub complexity: List<Complexity>,
    #[serde(default)]
    pub parent_task_id: Option<String>,
    /// What title or description contain, in any case.
    #[serde(default)]
    pub search_text: Option<String>,
    #[serde(default)]
    pub created_after: Option<Timestamp>,
    #[serde(default)]
    pub created_before: Option<Timestamp>,
    #[serde(default)]
    pub include_children: bool,
    #[serde(default)]
    pub include_artifacts: bool,
    #[serde(default = "default_limit")]
    pub limit: u32,
    #[serde(default)]
    pub offset: u32,
}

fn default_limit() -> u32 {
    100
}

/// The reply of `query_tasks`.
#[derive(Clone, Debug, Serialize)]
pub struct FoundTasks {
    /// In the order in which they were planned.
    pub tasks: Vec<TaskView>,
    pub total_count: u64,
    pub page_count: u64,
    /// Counted from 1.
    pub current_page: u64,
    pub page_size: u32,
    pub has_more: bool,
    /// The names of the filters that were given.
    pub filters_applied: Vec<&'static str>,
}

/// The input of `get_status`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct GetStatus {
    #[serde(default)]
    pub include_completed: bool,
}

/// The reply of `get_status`.
#[derive(Clone, Debug, Serialize)]
pub struct StatusReport {
    /// How many tasks have each status that any has.
    pub counts: BTreeMap<String, u64>,
    pub total_count: u64,
    /// Those that have not ended, or all, the first hundred of them.
    pub tasks: Vec<TaskSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Arc<str>>,
    pub timestamp: Timestamp,
}

/// A task in a line.
#[derive(Clone, Debug, Serialize)]
pub struct TaskSummary {
    pub task_id: Arc<str>,
    pub title: String,
    pub status: TaskStatus,
    pub specialist_type: Specialist,
    pub updated_at: Timestamp,
}

impl From<Task> for TaskSummary {
    fn from(task: Task) -> Self {
        Self {
            task_id: task.task_id,
            title: task.title,
            status: task.status,
            specialist_type: task.specialist_type,
            updated_at: task.updated_at,
        }
    }
}

impl Server {
    /// Finds tasks.
    ///
    /// # Errors
    ///
    /// `VALIDATION_FAILED` for a limit out of bounds.
    pub fn query_tasks(&self, input: &QueryTasks) -> ToolResult<FoundTasks> {
        if !(1..=MAX_LIMIT).contains(&input.limit) {
            let message = format!(
                "expected a limit from 1 to {MAX_LIMIT}, found {}",
                input.limit
            );
            return Err(refused(code::VALIDATION_FAILED, "limit", message));
        }
        let shown = Shown {
            children: input.include_children,
            artifacts: input.include_artifacts,
        };
        let filter = Filter::of(input);
        self.transact(|work| {
            let total = filter.count(work.tables)?;
            let tasks = filter.page(work.tables, input.limit, input.offset)?;
            let (limit, offset) = (u64::from(input.limit), u64::from(input.offset));
            let end = offset + tasks.len() as u64;
            let views = tasks
                .into_iter()
                .map(|task| TaskView::of(work.tables, task, shown));
            Ok(FoundTasks {
                tasks: views.collect::<Stored<_>>()?,
                total_count: total,
                page_count: total.div_ceil(limit),
                current_page: offset / limit + 1,
                page_size: input.limit,
                has_more: end < total,
                filters_applied: filter.names.clone(),
            })
        })
    }

    /// What there is to do.
    ///
    /// # Errors
    ///
    /// `DATABASE_ERROR`.
    pub fn get_status(&self, client: &str, input: &GetStatus) -> ToolResult<StatusReport> {
        let session_id = self.session_of(client).map(|session| session.session_id);
        let mut filter = Filter::default();
        if !input.include_completed {
            let open = TaskStatus::ALL
                .into_iter()
                .filter(|status| !status.is_end());
            filter.any("status", "status", open.map(TaskStatus::as_str));
        }
        self.transact(|work| {
            let counts = work.tables.counts()?;
            Ok(StatusReport {
                total_count: counts.values().sum(),
                counts,
                tasks: filter
                    .page(work.tables, default_limit(), 0)?
                    .into_iter()
                    .map(TaskSummary::from)
                    .collect(),
                session_id,
                timestamp: work.now,
            })
        })
    }
}

/// Which tasks are looked for.
#[derive(Default)]
struct Filter {
    names: Vec<&'static str>,
    conditions: Vec<String>,
    values: Vec<Box<dyn ToSql>>,
}

impl Filter {
    fn of(input: &QueryTasks) -> Self {
        let mut filter = Self::default();
        let status = input.status.0.iter().map(|own| own.as_str());
        filter.any("status", "status", status);
        let task_type = input.task_type.0.iter().map(|own| own.as_str());
        filter.any("task_type", "type", task_type);
        let specialist = input.specialist_type.0.iter().map(|own| own.as_str());
        filter.any("specialist_type", "specialist", specialist);
        let complexity = input.complexity.0.iter().map(|own| own.as_str());
        filter.any("complexity", "complexity", complexity);
        if let Some(parent) = &input.parent_task_id {
            filter.add("parent_task_id", "parent = ?", parent.clone());
        }
        if let Some(text) = &input.search_text {
            filter.add("search_text", "instr(words, ?) > 0", text.to_lowercase());
        }
        if let Some(after) = input.created_after {
            filter.add("created_after", "created > ?", after.0.timestamp_millis());
        }
        if let Some(before) = input.created_before {
            filter.add("created_before", "created < ?", before.0.timestamp_millis());
        }
        filter
    }

    fn add(&mut self, name: &'static str, condition: &str, value: impl ToSql + 'static) {
        self.names.push(name);
        self.conditions.push(condition.to_owned());
        self.values.push(Box::new(value));
    }

    fn any(
        &mut self,
        name: &'static str,
        column: &str,
        values: impl Iterator<Item = &'static str>,
    ) {
        let before = self.values.len();
        self.values
            .extend(values.map(|value| Box::new(value) as Box<dyn ToSql>));
        let count = self.values.len() - before;
        if count > 0 {
            let places = vec!["?"; count].join(", ");
            self.names.push(name);
            self.conditions.push(format!("{column} IN ({places})"));
        }
    }

    fn selected(&self) -> String {
        let is_of_words = self.names.contains(&"search_text");
        let from = match is_of_words {
            true => "tasks JOIN bodies USING (number)",
            false => "tasks",
        };
        match self.conditions.is_empty() {
            true => from.to_owned(),
            false => format!("{from} WHERE {}", self.conditions.join(" AND ")),
        }
    }

    fn count(&self, tables: &Tables<'_>) -> Stored<u64> {
        let sql = format!("SELECT count(*) FROM {}", self.selected());
        let mut statement = tables.connection.prepare_cached(&sql)?;
        let count = statement.query_row(params_from_iter(&self.values), |row| row.get::<_, i64>(0));
        Ok(count?.unsigned_abs())
    }

    fn page(&self, tables: &Tables<'_>, limit: u32, offset: u32) -> Stored<Vec<Task>> {
        // The bodies of those that are passed over are not read.
        let sql = format!(
            "SELECT body FROM bodies WHERE number IN (
                SELECT number FROM {} ORDER BY number LIMIT {limit} OFFSET {offset}
            ) ORDER BY number",
            self.selected()
        );
        let values: Vec<&dyn ToSql> = self.values.iter().map(|value| &**value).collect();
        tables.tasks(&sql, &values)
    }
}

impl Tables<'_> {
    /// How many tasks have each status that any has.
    fn counts(&self) -> Stored<BTreeMap<String, u64>> {
        let sql = "SELECT status, count(*) FROM tasks GROUP BY status";
        let mut statement = self.connection.prepare_cached(sql)?;
        let counts = statement.query_map([], |row| {
            Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()))
        })?;
        Ok(counts.collect::<Result<_, _>>()?)
    }
}
