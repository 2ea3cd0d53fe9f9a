use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    execution::ArtifactReference,
    failures::ToolResult,
    server::Server,
    status::TaskStatus,
    task::{Task, Timestamp},
};

/// The most failed parts that are listed.
const FAILED_SHOWN: usize = 5;
/// Longer, and the work is to be split, in minutes.
const LONG: f64 = 240.0;
/// Shorter is fast, in minutes.
const SHORT: f64 = 30.0;

/// The input of `synthesize_results`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SynthesizeResults {
    pub parent_task_id: Arc<str>,
}

/// The reply of `synthesize_results`.
#[derive(Clone, Debug, Serialize)]
pub struct Synthesis {
    pub status: &'static str,
    pub parent_task_id: Arc<str>,
    pub synthesis_results: SynthesisResults,
    pub failed_subtasks_summary: Vec<PartSummary>,
    pub pending_subtasks: Vec<PartSummary>,
    pub recommendations: Vec<String>,
    pub timestamp: Timestamp,
}

/// What the parts of a task have come to.
#[derive(Clone, Debug, Serialize)]
pub struct SynthesisResults {
    pub artifacts_collected: Vec<ArtifactReference>,
    /// The summaries of the completed parts.
    pub key_outcomes: Vec<String>,
    pub metrics: Metrics,
    pub timeline: SynthesisTimeline,
}

/// How many parts have ended how.
#[derive(Clone, Debug, Serialize)]
pub struct Metrics {
    pub total_subtasks: usize,
    pub completed_count: usize,
    pub failed_count: usize,
    /// In percent, of all parts.
    pub success_rate: f64,
}

/// When the parts were worked on.
#[derive(Clone, Debug, Serialize)]
pub struct SynthesisTimeline {
    pub started: Option<Timestamp>,
    pub completed: Option<Timestamp>,
    pub duration_minutes: f64,
}

/// A part in a line.
#[derive(Clone, Debug, Serialize)]
pub struct PartSummary {
    pub task_id: Arc<str>,
    pub title: String,
    pub status: TaskStatus,
}

impl Server {
    /// Puts together what the parts of a task have come to.
    ///
    /// # Errors
    ///
    /// `TASK_NOT_FOUND`.
    pub fn synthesize_results(&self, input: &SynthesizeResults) -> ToolResult<Synthesis> {
        self.transact(|work| {
            let parent = work.tables.get("parent_task_id", &input.parent_task_id)?;
            let parts = work.tables.children(&parent.task_id)?;
            let results = results(&parts);
            let failed = parts
                .iter()
                .filter(|part| part.status == TaskStatus::Failed);
            let pending = parts.iter().filter(|part| !part.status.is_end());
            Ok(Synthesis {
                status: "results_synthesized",
                parent_task_id: parent.task_id,
                recommendations: recommendations(&results),
                failed_subtasks_summary: failed.take(FAILED_SHOWN).map(PartSummary::of).collect(),
                pending_subtasks: pending.map(PartSummary::of).collect(),
                synthesis_results: results,
                timestamp: work.now,
            })
        })
    }
}

impl PartSummary {
    fn of(task: &Task) -> Self {
        Self {
            task_id: Arc::clone(&task.task_id),
            title: task.title.clone(),
            status: task.status,
        }
    }
}

fn results(parts: &[Task]) -> SynthesisResults {
    let completed: Vec<_> = parts.iter().filter(|part| part.is_completed()).collect();
    let failed = parts
        .iter()
        .filter(|part| part.status == TaskStatus::Failed);
    let started = parts.iter().filter_map(|part| part.started_at).min();
    let ended = completed.iter().filter_map(|part| part.completed_at).max();
    let minutes = match (started, ended) {
        (Some(started), Some(ended)) => {
            let millis = (ended.0 - started.0).num_milliseconds().max(0);
            millis as f64 / 60_000.0
        }
        _ => 0.0,
    };
    SynthesisResults {
        artifacts_collected: parts
            .iter()
            .flat_map(|part| &part.artifacts)
            .map(ArtifactReference::of)
            .collect(),
        key_outcomes: completed
            .iter()
            .filter_map(|part| Some(format!("{}: {}", part.title, part.summary.as_ref()?)))
            .collect(),
        metrics: Metrics {
            total_subtasks: parts.len(),
            completed_count: completed.len(),
            failed_count: failed.count(),
            success_rate: match parts.len() {
                0 => 0.0,
                total => completed.len() as f64 * 100.0 / total as f64,
            },
        },
        timeline: SynthesisTimeline {
            started,
            completed: ended,
            duration_minutes: minutes,
        },
    }
}

fn recommendations(results: &SynthesisResults) -> Vec<String> {
    let Metrics {
        total_subtasks,
        completed_count,
        success_rate,
        ..
    } = results.metrics;
    let mut found = vec![if total_subtasks == 0 {
        "the task has no parts: plan some, or complete it itself"
    } else if success_rate >= 100.0 {
        "all parts are completed: the task can be completed"
    } else if success_rate >= 80.0 {
        "most parts are completed: look at the rest"
    } else if success_rate >= 60.0 {
        "several parts are not completed: look at why"
    } else {
        "most parts are not completed: the plan needs another look"
    }];
    let minutes = results.timeline.duration_minutes;
    if minutes > LONG {
        found.push("it took more than four hours: split such work into smaller parts");
    } else if completed_count > 0 && minutes < SHORT {
        found.push("it took less than half an hour");
    }
    if completed_count > 0 && results.artifacts_collected.is_empty() {
        found.push("no part has left an artifact: record what was done");
    }
    found.into_iter().map(str::to_owned).collect()
}
