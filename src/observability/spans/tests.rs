use std::{
    fmt::{self, Write as _},
    sync::Mutex,
    time::Duration,
};

use serde_json::json;
use tracing::{
    Subscriber,
    field::{Field, Visit},
    span::Attributes,
};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
};

use super::*;
use crate::{
    clock::Clock,
    domain::{Call, CallHead, CallName, StepStatus, WorkflowStatus},
    observability::{Decision, Timeline},
};

/// Writes a line for each span that opens or closes and each event, with the spans around it.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<String>>);

#[derive(Default)]
struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let span = context.span(id).unwrap();
        let path: Vec<_> = span.scope().from_root().map(|span| span.name()).collect();
        writeln!(
            self.0.lock().unwrap(),
            "open {}{}",
            path.join(">"),
            fields.0
        )
        .unwrap();
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let scope = context.event_scope(event).into_iter();
        let path: Vec<_> = scope
            .flat_map(|scope| scope.from_root())
            .map(|span| span.name())
            .collect();
        assert_eq!(event.metadata().target(), "rehearsal::timeline");
        writeln!(self.0.lock().unwrap(), "[{}]{}", path.join(">"), fields.0).unwrap();
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let name = context.span(&id).unwrap().name();
        writeln!(self.0.lock().unwrap(), "close {name}").unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn events_are_seen_by_a_subscriber_in_the_spans_of_run_step_and_call() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(Registry::default().with(lines.clone()));
    let timeline = Timeline::new(Clock::start());
    let workflow = |run: &str| EventKind::WorkflowStarted {
        workflow: "order".into(),
        run: run.into(),
        status: WorkflowStatus::Running,
    };
    let step = |run: &str, step: &str| EventKind::StepStarted {
        run: run.into(),
        step: step.into(),
        status: StepStatus::Running,
    };
    timeline.record(workflow("order-1"));
    timeline.record(step("order-1", "pay"));
    timeline.record(workflow("order-1/pay~2"));
    timeline.record(step("order-1/pay~2", "charge"));
    let mut head = CallHead::new(Call::ORCHESTRATOR, CallName::new("Payments", "charge"));
    head.context.run = Some("order-1/pay~2".into());
    head.context.step = Some("charge".into());
    let head = Arc::new(head);
    timeline.record(EventKind::CallStarted {
        head: Arc::clone(&head),
        execution: 3,
        input: Arc::new(json!({"password": "x"})),
        number: 1,
    });
    timeline.clock().sleep(Duration::from_millis(1_250)).await;
    timeline.record_abandoned(
        timeline.now(),
        EventKind::CallEnded {
            head,
            execution: 3,
            took: Duration::from_millis(1_250),
            result: "CANCELLED".into(),
            reply: None,
            number: 1,
        },
    );
    timeline.record(EventKind::StepEnded {
        run: "order-1/pay~2".into(),
        step: "charge".into(),
        status: StepStatus::Failed,
        took: Duration::from_millis(1_250),
    });
    timeline.record(EventKind::OrchestratorCrashed {});
    timeline.record(EventKind::Warning {
        about: "x".into(),
        message: "m".into(),
    });
    let nested = "workflow>step>workflow>step";
    let expected = [
        r#"open workflow run="order-1" workflow="order""#,
        r#"[workflow] event="workflow_started" at=0 run="order-1" fields="{\"workflow\":\"order\",\"status\":\"running\"}""#,
        r#"open workflow>step run="order-1" step="pay""#,
        r#"[workflow>step] event="step_started" at=0 run="order-1" step="pay" fields="{\"status\":\"running\"}""#,
        r#"open workflow>step>workflow run="order-1/pay~2" workflow="order""#,
        r#"[workflow>step>workflow] event="workflow_started" at=0 run="order-1/pay~2" fields="{\"workflow\":\"order\",\"status\":\"running\"}""#,
        &format!(r#"open {nested} run="order-1/pay~2" step="charge""#),
        &format!(
            r#"[{nested}] event="step_started" at=0 run="order-1/pay~2" step="charge" fields="{{\"status\":\"running\"}}""#
        ),
        &format!(r#"open {nested}>call call="Payments.charge" execution=3"#),
        &format!(
            r#"[{nested}>call] event="call_started" at=0 run="order-1/pay~2" step="charge" call="Payments.charge" execution="3" fields="{{\"caller\":\"orchestrator\",\"input\":{{\"password\":\"[redacted]\"}}}}""#
        ),
        &format!(
            r#"[{nested}>call] event="call_ended" at=1250 run="order-1/pay~2" step="charge" call="Payments.charge" execution="3" fields="{{\"caller\":\"orchestrator\",\"took\":\"1 s 250 ms\",\"result\":\"CANCELLED\"}}""#
        ),
        "close call",
        &format!(
            r#"[{nested}] event="step_ended" at=1250 run="order-1/pay~2" step="charge" fields="{{\"status\":\"failed\",\"took\":\"1 s 250 ms\"}}""#
        ),
        "close step",
        r#"[] event="orchestrator_crashed" at=1250 fields="{}""#,
    ];
    let found = lines.0.lock().unwrap().clone();
    let mut found: Vec<&str> = found.lines().collect();
    assert_eq!(
        found.pop(),
        Some(r#"[] event="warning" at=1250 fields="{\"about\":\"x\",\"message\":\"m\"}""#)
    );
    assert_eq!(found[..expected.len()], expected);
    // A step keeps its run's span open, so they close from within; in which order the crash closes
    // spans is not said.
    let mut closed = found[expected.len()..].to_vec();
    closed.sort_unstable();
    assert_eq!(closed, ["close step", "close workflow", "close workflow"]);
}

/// The spans that open and close, and the names of the events in theirs.
fn outline(lines: &Lines) -> Vec<String> {
    let lines = lines.0.lock().unwrap();
    let short = |line: &str| match line.split_once(" event=\"") {
        Some((path, event)) => format!("{path} {}", event.split('"').next().unwrap()),
        None => line.to_owned(),
    };
    lines.lines().map(short).collect()
}

#[tokio::test(start_paused = true)]
async fn goal_is_the_outermost_span_around_its_run_and_opens_anew_when_it_goes_on() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(Registry::default().with(lines.clone()));
    let timeline = Timeline::new(Clock::start());
    let control = |event| timeline.record(EventKind::Control(Box::new(event)));
    let stage = |goal, stage, data| {
        control(ControlEvent::StageEntered {
            goal,
            trace: "night".into(),
            stage,
            data: Arc::new(data),
        });
    };
    let workflow = |workflow: &str| {
        timeline.record(EventKind::WorkflowStarted {
            workflow: workflow.into(),
            run: workflow.into(),
            status: WorkflowStatus::Running,
        });
    };
    let resumed = |workflow: &str| {
        timeline.record(EventKind::WorkflowResumed {
            workflow: workflow.into(),
            run: workflow.into(),
            status: WorkflowStatus::Running,
        });
    };
    let long = "Add one and two, and do not forget to look at the result twice";
    stage(1, LifecycleStage::Initialize, json!({ "goal": long }));
    stage(2, LifecycleStage::Initialize, json!({ "goal": "Rest" }));
    for (target, event) in [
        (
            "plan-1",
            ControlEvent::PlanCreated as fn(Decision) -> ControlEvent,
        ),
        ("w1", ControlEvent::RouteDecided),
    ] {
        control(event(Decision {
            goal: 1,
            trace: "night".into(),
            target: target.into(),
            reason: "the first".into(),
            alternatives: Vec::new(),
            confidence: 1.0,
            metadata: Arc::new(json!({})),
        }));
    }
    workflow("plan-1");
    stage(2, LifecycleStage::Failed, json!({}));
    timeline.record(EventKind::OrchestratorCrashed {});
    resumed("plan-1");
    stage(1, LifecycleStage::Failed, json!({}));
    stage(1, LifecycleStage::Execute, json!({}));
    workflow("order-1");
    let goal =
        r#"open goal trace="night" goal="Add one and two, and do not forget to look at the""#;
    let run = r#"open goal>workflow run="plan-1" workflow="plan-1""#;
    let mut found = outline(&lines);
    // In which order the crash closes spans is not said.
    let crash = found
        .iter()
        .position(|line| line == "[] orchestrator_crashed");
    let crash = crash.unwrap();
    found[crash + 1..crash + 3].sort_unstable();
    assert_eq!(
        found,
        [
            goal,
            "[goal] stage_entered",
            r#"open goal trace="night" goal="Rest""#,
            "[goal] stage_entered",
            "[goal] plan_created",
            "[goal] route_decided",
            run,
            "[goal>workflow] workflow_started",
            "[goal] stage_entered",
            "close goal",
            "[] orchestrator_crashed",
            "close goal",
            "close workflow",
            goal,
            run,
            "[goal>workflow] workflow_resumed",
            "[goal] stage_entered",
            goal,
            "[goal] stage_entered",
            r#"open workflow run="order-1" workflow="order-1""#,
            "[workflow] workflow_started",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_where_nobody_listens() {
    let _guard = tracing::subscriber::set_default(
        Registry::default().with(tracing_subscriber::filter::LevelFilter::DEBUG),
    );
    let timeline = Timeline::new(Clock::start());
    timeline.record(EventKind::WorkflowStarted {
        workflow: "order".into(),
        run: "order-1".into(),
        status: WorkflowStatus::Running,
    });
    assert!(!is_listened_to());
    assert!(!format!("{timeline:?}").contains("Span {"), "{timeline:?}");
}
