//! The kinds of events and the fields of each, for those who look for one that may not occur.

/// The fields that an event may have, by its kind, in the order of [`EventKind`](super::EventKind).
pub(crate) const EVENT_FIELDS: &[(&str, &[&str])] = &[
    ("workflow_started", &["workflow", "run", "status"]),
    ("workflow_ended", &["workflow", "run", "status", "took"]),
    ("workflow_resumed", &["workflow", "run", "status"]),
    ("cancellation_requested", &["workflow", "run", "status"]),
    ("step_started", &["run", "step", "status"]),
    ("step_ended", &["run", "step", "status", "took"]),
    ("step_deferred", &["run", "step", "status"]),
    ("step_skipped", &["run", "step", "status"]),
    ("wait_started", &["run", "step", "until", "type", "subject"]),
    ("wait_ended", &["run", "step", "took", "result"]),
    (
        "call_started",
        &[
            "caller",
            "call",
            "run",
            "step",
            "traceparent",
            "user",
            "session",
            "execution",
            "input",
        ],
    ),
    (
        "call_ended",
        &[
            "caller",
            "call",
            "run",
            "step",
            "traceparent",
            "user",
            "session",
            "execution",
            "took",
            "result",
            "reply",
        ],
    ),
    (
        "call_refused",
        &[
            "caller",
            "call",
            "run",
            "step",
            "traceparent",
            "user",
            "session",
            "by",
            "code",
            "permission",
        ],
    ),
    (
        "retry_scheduled",
        &["call", "run", "step", "execution", "delay"],
    ),
    ("breaker_opened", &["service"]),
    ("breaker_half_opened", &["service"]),
    ("breaker_closed", &["service"]),
    ("health_checked", &["service", "status", "breaker"]),
    ("request_sent", &["request", "call", "timeout"]),
    (
        "request_answered",
        &["request", "call", "executions", "took", "result"],
    ),
    ("request_accepted", &["request", "call", "status"]),
    ("request_status_changed", &["request", "status"]),
    (
        "callback_failed",
        &["request", "status", "call", "executions", "code"],
    ),
    ("request_forgotten", &["request"]),
    ("compensation_started", &["run", "step", "call"]),
    ("compensation_ended", &["run", "step", "call", "result"]),
    ("effect", &["service", "operation", "key"]),
    (
        "fault_injected",
        &["call", "execution", "fault", "declared at"],
    ),
    ("system_started", &["system"]),
    ("system_ready", &["system"]),
    ("system_killed", &["system"]),
    ("system_ended", &["system", "status"]),
    ("orchestrator_crashed", &[]),
    ("orchestrator_restarted", &[]),
    (
        "command_handled",
        &["command", "type", "aggregateId", "version", "events"],
    ),
    (
        "command_repeated",
        &["command", "type", "aggregateId", "version"],
    ),
    (
        "command_refused",
        &["command", "type", "aggregateId", "code"],
    ),
    (
        "command_failed",
        &["command", "type", "aggregateId", "code"],
    ),
    (
        "events_appended",
        &["aggregate", "aggregateId", "version", "events"],
    ),
    ("snapshot_taken", &["aggregate", "aggregateId", "version"]),
    (
        "projection_advanced",
        &["projection", "checkpoint", "type", "lag"],
    ),
    (
        "projection_failed",
        &["projection", "position", "type", "code", "retries"],
    ),
    ("projection_paused", &["projection", "errors"]),
    ("projection_resumed", &["projection"]),
    (
        "event_set_aside",
        &["projection", "position", "type", "code"],
    ),
    (
        "projection_rebuilt",
        &["projection", "events", "checkpoint"],
    ),
    ("event_stored", &["type", "source", "id", "subject"]),
    ("event_published", &["type", "source", "id", "subject"]),
    (
        "event_publication_failed",
        &["type", "source", "id", "subject", "code", "delay"],
    ),
    ("publisher_crashed", &["outbox"]),
    ("publisher_restarted", &["outbox"]),
    ("topic_opened", &["type"]),
    ("topic_released", &["type"]),
    ("subscription_paused", &["subscription"]),
    ("subscription_resumed", &["subscription"]),
    ("subscription_ended", &["subscription"]),
    (
        "consumer_lost",
        &["subscription", "type", "source", "id", "subject", "inbox"],
    ),
    (
        "event_handled",
        &["subscription", "type", "source", "id", "subject"],
    ),
    (
        "event_filtered",
        &["subscription", "type", "source", "id", "subject"],
    ),
    (
        "event_held_back",
        &["subscription", "type", "source", "id", "subject"],
    ),
    (
        "duplicate_dropped",
        &["subscription", "type", "source", "id", "subject"],
    ),
    (
        "event_dead_lettered",
        &[
            "subscription",
            "outbox",
            "type",
            "source",
            "id",
            "subject",
            "code",
            "retries",
            "firstAt",
            "lastAt",
            "redrives",
        ],
    ),
    (
        "dead_letter_failed",
        &[
            "subscription",
            "outbox",
            "type",
            "source",
            "id",
            "subject",
            "code",
            "delay",
        ],
    ),
    (
        "event_redriven",
        &[
            "subscription",
            "outbox",
            "type",
            "source",
            "id",
            "subject",
            "result",
        ],
    ),
    ("warning", &["about", "message"]),
    ("error", &["about", "message"]),
    (
        "conflict_resolved",
        &[
            "configuration",
            "conflictType",
            "field",
            "conflictingValues",
            "resolution",
            "winningValue",
            "winningOperation",
        ],
    ),
    (
        "update_rejected",
        &["configuration", "operation", "reason", "fields", "version"],
    ),
    (
        "inconsistency_found",
        &["rule", "kind", "severity", "message"],
    ),
    ("reconciled", &["about", "took"]),
    ("stage_entered", &["trace", "stage", "data"]),
    ("plan_created", DECISION),
    ("route_decided", DECISION),
    (
        "approval_requested",
        &["request", "operation", "risk", "until"],
    ),
    (
        "approval_ended",
        &["request", "status", "approver", "reason"],
    ),
    ("approval_refused", &["request", "approver", "reason"]),
    ("budget_warning", BUDGET_USE),
    ("budget_exceeded", BUDGET_USE),
    ("task_changed", &["task", "from", "status"]),
    ("task_assigned", &["task", "worker", "reason"]),
    ("worker_lost", &["task", "worker", "message"]),
    ("work_not_recorded", &["task", "message"]),
    ("path_refused", &["client", "tool", "field", "message"]),
    ("server_phase", &["sequence", "phase", "progress"]),
    ("shutdown_callback_failed", &["callback", "message"]),
    ("connection_changed", &["client", "status"]),
    ("request_buffered", &["client", "tool", "position"]),
    ("request_replayed", &["client", "tool", "result"]),
    ("snapshot_rejected", &["file", "message"]),
];

const DECISION: &[&str] = &[
    "trace",
    "target",
    "reason",
    "alternatives",
    "confidence",
    "metadata",
];

const BUDGET_USE: &[&str] = &["scope", "ceiling", "service", "call", "used", "limit"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_event_is_listed() {
        let mut kinds = kinds(include_str!("event_kind.rs"), "pub enum EventKind {");
        assert_eq!(kinds.pop().as_deref(), Some("tasks"));
        assert_eq!(kinds.pop().as_deref(), Some("control"));
        assert_eq!(kinds.pop().as_deref(), Some("consistency"));
        kinds.extend(kinds_of_consistency());
        kinds.extend(kinds_of_control());
        kinds.extend(kinds_of_tasks());
        let listed = EVENT_FIELDS.iter().map(|(kind, _)| (*kind).to_owned());
        assert_eq!(listed.collect::<Vec<_>>(), kinds);
    }

    fn kinds_of_consistency() -> Vec<String> {
        let source = include_str!("consistency_event.rs");
        kinds(source, "pub enum ConsistencyEvent {")
    }

    fn kinds_of_control() -> Vec<String> {
        kinds(include_str!("control_event.rs"), "pub enum ControlEvent {")
    }

    fn kinds_of_tasks() -> Vec<String> {
        kinds(include_str!("task_event.rs"), "pub enum TaskEvent {")
    }

    fn kinds(source: &str, head: &str) -> Vec<String> {
        let kinds = source.split(head).nth(1).unwrap();
        let kinds = kinds.split("\n}\n").next().unwrap();
        let kinds = kinds.lines().filter_map(|line| {
            let name = line.strip_prefix("    ")?.split([' ', '(']).next()?;
            name.starts_with(char::is_uppercase)
                .then(|| snake_case(name))
        });
        kinds.collect()
    }

    fn snake_case(name: &str) -> String {
        let mut snake = String::new();
        for c in name.chars() {
            if c.is_uppercase() && !snake.is_empty() {
                snake.push('_');
            }
            snake.extend(c.to_lowercase());
        }
        snake
    }
}
