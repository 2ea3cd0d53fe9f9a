use super::*;
use crate::{
    clock::{Clock, Seed},
    harness::Cast,
    observability::Timeline,
    orchestration::{CrashPoint, Workflow},
    resilience::{BudgetPolicy, WhenExceeded},
};

fn cast() -> (Cast, Runs) {
    let cast = Cast::new(Timeline::new(Clock::start()), Seed(0));
    cast.add_bare("AgentService").unwrap();
    let runs = cast.runs();
    (cast, runs)
}

fn workflow(step: &Value) -> Arc<Workflow> {
    Arc::new(serde_json::from_value(json!({ "id": "w", "steps": [step] })).unwrap())
}

#[tokio::test(start_paused = true)]
async fn crash_at_an_impossible_point_is_refused() {
    let (cast, mut runs) = cast();
    let crash = |runs: &mut Runs, point, step| runs.crash(point, step, None, "x:1".into());
    let refused = crash(&mut runs, CrashPoint::After, "pay").unwrap_err();
    assert!(refused.starts_with("no workflow is declared"), "{refused}");
    runs.declare(workflow(
        &json!({"id": "pay", "service": "S", "operation": "pay"}),
    ))
    .unwrap();
    let refused = crash(&mut runs, CrashPoint::After, "pya").unwrap_err();
    assert!(refused.ends_with("did you mean \"pay\"?"), "{refused}");
    let refused = crash(&mut runs, CrashPoint::DuringCompensation, "pay").unwrap_err();
    assert!(
        refused.ends_with("no compensation to crash in"),
        "{refused}"
    );
    crash(&mut runs, CrashPoint::After, "pay").unwrap();
    assert_eq!(cast.faults().unused().len(), 1);
}

#[cfg(feature = "sqlite")]
#[tokio::test(start_paused = true)]
async fn kill_at_an_unsupported_point_is_refused() {
    let (cast, mut runs) = cast();
    runs.declare(workflow(&json!({
        "id": "parent", "workflow": {
            "id": "child",
            "steps": [{ "id": "a", "service": "AgentService", "operation": "createAgent" }],
        },
    })))
    .unwrap();
    let after = CrashPoint::After;
    let refused = runs.run_and_kill(after, "parent/a").await;
    assert!(refused.unwrap_err().contains("not of a nested one"));
    let refused = runs.run_and_kill(after, "parent").await;
    assert!(refused.unwrap_err().contains("only the journal"));

    let before = CrashPoint::BeforeCompensation;
    let refused = runs.run_and_kill(before, "parent").await;
    assert!(
        refused
            .unwrap_err()
            .contains("only before, during or after a step")
    );

    let folder = tempfile::tempdir().unwrap();
    runs.keep_journal_in(folder.path().join("journal.db"))
        .unwrap();
    cast.script("AgentService.createAgent").unwrap().hangs();
    runs.start(no_input()).unwrap();
    let refused = runs.run_and_kill(after, "parent").await;
    assert!(
        refused
            .unwrap_err()
            .contains("still running in this process")
    );
}

#[cfg(feature = "messaging")]
mod waits {
    use super::*;
    use crate::{harness::Messages, messaging::EventDraft};

    fn waiting(wait: &Value) -> (Cast, Runs) {
        let (cast, mut runs) = cast();
        let workflow = workflow(&json!({ "id": "pay", "wait": wait }));
        runs.declare(workflow).unwrap();
        (cast, runs)
    }

    async fn publish(messages: &Messages, kind: &str) {
        let draft = EventDraft {
            subject: Some("o-1".into()),
            ..EventDraft::new(kind)
        };
        messages.send(draft).await.unwrap();
        messages.idle().await;
    }

    #[tokio::test(start_paused = true)]
    async fn run_that_waits_for_ever_is_told_with_the_nearest_event() {
        let (cast, mut runs) = waiting(&json!({ "event": "PaymentReceived", "subject": "o-1" }));
        let messages = Messages::new(&cast, Seed(0));
        publish(&messages, "PaymentRecieved").await;
        let stuck = runs.run(no_input(), None, 1).await.unwrap_err();
        assert_eq!(
            stuck,
            "the workflow waits for ever: step \"pay\" waits for the event \"PaymentReceived\" of \"o-1\"; \
             no \"PaymentReceived\" was published: did you mean \"PaymentRecieved\"?"
        );
        publish(&messages, "PaymentReceived").await;
        runs.start(no_input()).unwrap();
        let stuck = runs.wait().await.unwrap_err();
        assert!(stuck.ends_with("none is left for it"), "{stuck}");
    }

    #[tokio::test(start_paused = true)]
    async fn running_workflow_says_what_it_waits_for() {
        let (_, mut runs) = waiting(&json!({ "event": "PaymentReceived", "timeout": "2h" }));
        runs.start(no_input()).unwrap();
        tokio::task::yield_now().await;
        let running = runs.results().unwrap_err();
        let expected = "(w-1; step \"pay\" waits for the event \"PaymentReceived\" until 2 h)";
        assert!(running.contains(expected), "{running}");
        runs.crash_now().unwrap();
        let refused = runs.crash_now().unwrap_err();
        assert_eq!(refused, "the orchestrator has crashed already");
    }

    #[tokio::test(start_paused = true)]
    async fn workflows_of_one_id_that_events_start_are_refused() {
        let (_cast, mut runs) = cast();
        let started = |event: &str| {
            let workflow = json!({
                "id": "w", "startedBy": { "event": event },
                "steps": [{ "id": "a", "wait": "1s" }],
            });
            Arc::new(serde_json::from_value::<Workflow>(workflow).unwrap())
        };
        runs.declare(started("Placed")).unwrap();
        let nothing = runs.wait().await.unwrap_err();
        let expected = "\"w\" starts with the event \"Placed\", of which none was published";
        assert!(nothing.contains(expected), "{nothing}");
        let refused = runs.declare(started("Shipped")).unwrap_err();
        assert!(refused.contains("the same ids, \"w-<event>\""), "{refused}");
    }

    #[cfg(feature = "sqlite")]
    #[tokio::test(start_paused = true)]
    async fn process_of_its_own_that_would_wait_for_events_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (_cast, mut runs) = waiting(&json!({ "event": "PaymentReceived" }));
        runs.keep_journal_in(folder.path().join("journal.db"))
            .unwrap();
        let refused = runs
            .run_and_kill(CrashPoint::Before, "pay")
            .await
            .unwrap_err();
        assert!(refused.contains("does not receive"), "{refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn run_that_is_past_its_pivot_is_not_cancelled() {
    let (cast, mut runs) = cast();
    let call = |id: &str, more: Value| {
        let mut step = json!({ "id": id, "service": "AgentService", "operation": id });
        step.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        step
    };
    let inner = json!({ "id": "inner", "steps": [call("charge", json!({ "pivot": true })), call("ship", json!({}))] });
    let workflow = json!({ "id": "w", "steps": [{ "id": "order", "workflow": inner }] });
    runs.declare(Arc::new(serde_json::from_value(workflow).unwrap()))
        .unwrap();
    let script = || cast.script("AgentService.ship").unwrap();
    script().takes(std::time::Duration::from_secs(1));
    script().fails_times(1, "PERMANENT_ERROR").unwrap();
    runs.start(no_input()).unwrap();
    cast.client()
        .timeline()
        .clock()
        .sleep(std::time::Duration::from_millis(10))
        .await;
    let refused = runs.cancel().await.unwrap_err();
    let expected = "\"w-1/order\" is past its pivot, step \"charge\": it can only go forward";
    assert!(refused.contains(expected), "{refused}");
    runs.wait().await.unwrap();
    let refused = runs.cancel().await.unwrap_err();
    assert!(
        refused.contains("\"w-1\" is past its pivot, step \"order\""),
        "{refused}"
    );
    runs.resume().await.unwrap();
    assert_eq!(runs.outcome().unwrap().status.as_str(), "completed");
}

#[tokio::test(start_paused = true)]
async fn budget_of_a_run_counts_its_child_runs_alone_and_outlives_the_client() {
    let (mut cast, mut runs) = cast();
    let call = |id: &str| json!({ "id": id, "service": "AgentService", "operation": id });
    let inner = json!({ "id": "inner", "steps": [call("find"), call("read")] });
    let workflow =
        json!({ "id": "w", "steps": [{ "id": "search", "workflow": inner }, call("write")] });
    runs.declare(Arc::new(serde_json::from_value(workflow).unwrap()))
        .unwrap();
    let calls = |calls| BudgetPolicy {
        calls: Some(calls),
        policy: WhenExceeded::Block,
        ..BudgetPolicy::default()
    };
    cast.set_budget(calls(10));
    cast.client().set_budget_of_run("w-1", Some(calls(2)));
    let left = |cast: &Cast| {
        let budgets = cast.client().budgets_of_run("w-1/search");
        budgets
            .iter()
            .map(|budget| budget.report()["calls"]["remaining"].clone())
            .collect::<Vec<_>>()
    };
    runs.run(no_input(), None, 1).await.unwrap();
    let error = runs.outcome().unwrap().error.as_ref().unwrap().to_string();
    assert_eq!(
        error,
        "BUDGET_EXHAUSTED from AgentService.write: the budget of w-1 does not suffice for calls: \
         1 needed, 0 of 2 available"
    );
    assert_eq!(left(&cast), [8, 0]);
    runs.run(no_input(), None, 1).await.unwrap();
    assert_eq!(runs.outcome().unwrap().status.as_str(), "completed");
    assert_eq!(left(&cast), [5, 0]);
    cast.restart();
    assert_eq!(left(&cast), [5, 0]);
    let without_policies = cast.client_without_policies();
    assert!(without_policies.budgets_of_run("w-1").is_empty());
}
