//! Every step of every workflow of the fixtures fails in turn with every error: all services
//! are as before, or, where the failure was recovered from, as after an undisturbed run.

use proptest::{prelude::*, test_runner::TestRunner};
use rehearsal::{domain::code, orchestration::Step};

use super::*;

/// A fault of a step: how its calls are answered, and how often.
#[derive(Clone, Debug)]
struct StepFault {
    response: Response,
    times: u32,
}

/// An answer to every execution there may be.
const ALWAYS: u32 = 1_000;

/// How a step fails in its turn: with built-in codes, with each of its service, and without an answer.
fn faults(subject: &TestedWorkflow, call: &CallName, codes: &[&str]) -> Vec<StepFault> {
    let reset = || "CONNECTION_RESET".into();
    let mut responses = vec![
        Response::Hang,
        Response::Late(Duration::from_secs(3)),
        Response::Wire(WireAnswer::Lost),
        Response::Corrupt,
        Response::ActsThenError(reset()),
        Response::RetryLater("RATE_LIMITED".into(), Duration::from_secs(2)),
    ];
    // A step that may be half done is undone whatever its error says.
    let steps = &subject.workflow.steps;
    if steps
        .iter()
        .any(|step| step.partially_effective && is_of(step, call))
    {
        responses.push(Response::ActsThenError("PERMANENT_ERROR".into()));
    }
    let own = own_codes(call.service());
    let codes = codes.iter().map(|code| (*code).to_owned());
    responses.extend(codes.chain(own).map(|code| Response::Error(code.into())));
    // An operation that undoes a step too would fail there as well, and leave the run failed.
    let undoes = subject
        .sites
        .iter()
        .any(|site| site.undo.as_ref() == Some(call));
    let counts = if undoes { &[1][..] } else { &[1, ALWAYS] };
    let fault = |response: Response, times: &u32| StepFault {
        response,
        times: *times,
    };
    let each = |response: Response| {
        let faults = counts.iter().map(|times| fault(response.clone(), times));
        faults.collect::<Vec<_>>()
    };
    responses.into_iter().flat_map(each).collect()
}

fn is_of(step: &Step, call: &CallName) -> bool {
    step.service.as_deref() == Some(call.service())
        && step.operation.as_deref() == Some(call.operation())
}

/// Every built-in code.
fn all_codes() -> Vec<&'static str> {
    code::KNOWN.iter().map(|(code, ..)| *code).collect()
}

/// A built-in code of each kind: of those of one mode the engine knows only whether they leave it in doubt
/// and whether a retry is worth it.
fn one_code_of_each_kind() -> Vec<&'static str> {
    let mut kinds = HashSet::new();
    let in_doubt = ["NETWORK_TIMEOUT", "CONNECTION_RESET"];
    let codes = code::KNOWN.iter().filter(|(code, mode, retryable)| {
        in_doubt.contains(code) || kinds.insert((format!("{mode:?}"), *retryable))
    });
    codes.map(|(code, ..)| *code).collect()
}

/// The codes that the fixtures define for a service.
fn own_codes(service: &str) -> Vec<String> {
    let cast = Fixtures::default().services("agent-platform").unwrap();
    let named = cast.services.iter().find(|defined| defined.name == service);
    named.unwrap().codes.keys().cloned().collect()
}

/// Runs a workflow whose steps have these faults to its end.
fn run_with(
    subject: &TestedWorkflow,
    faults: &[(&CallName, StepFault)],
    retries: u32,
) -> RunReport {
    runtime().block_on(async {
        let mut platform = Platform::new(0);
        platform
            .runs
            .declare(Arc::clone(&subject.workflow))
            .unwrap();
        {
            let mut policies = platform.cast.policies();
            policies.every.timeout = Some(Duration::from_millis(500));
            policies.retry_every(retries);
        }
        for (call, fault) in faults {
            answer(&platform, call, fault.times, fault.response.clone());
        }
        platform.runs.run(no_input(), None, 1).await.unwrap();
        let outcome = platform.runs.outcome().unwrap();
        let status = outcome.status;
        let error = outcome.error.as_ref().map(|error| error.code.to_string());
        // Late effects have arrived by then.
        tokio::time::sleep(Duration::from_secs(3600)).await;
        RunReport {
            status,
            error,
            crashes: 0,
            events: platform.timeline.take(),
            state: platform.state().await,
        }
    })
}

#[test]
fn every_step_fails_in_turn_with_each_kind_of_error_and_all_services_agree_afterwards() {
    check_every_step(&one_code_of_each_kind());
}

#[test]
#[ignore = "takes half a minute"]
fn every_step_fails_in_turn_with_every_error_and_all_services_agree_afterwards() {
    check_every_step(&all_codes());
}

fn check_every_step(codes: &[&str]) {
    let mut undone = 0;
    let mut recovered = 0;
    for subject in subjects() {
        for call in subject.sites.iter().filter_map(|site| site.call.as_ref()) {
            for fault in faults(&subject, call, codes) {
                let report = run_with(&subject, &[(call, fault.clone())], 0);
                let wrong = |wrong: String| {
                    let timeline = timeline_snapshot(&report.events, true);
                    panic!(
                        "{}, {call}, {fault:?}: {wrong}\n{timeline}",
                        subject.workflow.id
                    )
                };
                if let Err(fault) = verify(&subject, &report) {
                    wrong(fault);
                }
                match report.status {
                    WorkflowStatus::Completed => recovered += 1,
                    _ => undone += 1,
                }
                if let (WorkflowStatus::RolledBack, Some(code)) =
                    (report.status, fault.response.code())
                    && report.error.as_deref() != Some(&**code)
                {
                    wrong(format!("the error is {:?}", report.error));
                }
            }
        }
    }
    println!("{undone} undone, {recovered} completed in spite of a failure");
    assert!(undone > 50 * codes.len(), "{undone}");
    assert!(recovered > 0);
}

#[test]
fn drawn_errors_at_drawn_steps_leave_all_services_agreeing() {
    let (subjects, codes) = (subjects(), one_code_of_each_kind());
    let index = any::<prop::sample::Index>;
    let faults_drawn = prop::collection::vec((index(), index(), 1..4_u32), 1..4);
    let config = ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let case = (index(), faults_drawn, 0..4_u32);
    let result = TestRunner::new(config).run(&case, |(workflow, drawn, retries)| {
        let subject = workflow.get(&subjects);
        let undos: Vec<_> = subject
            .sites
            .iter()
            .filter_map(|site| site.undo.as_ref())
            .collect();
        let calls = subject.sites.iter().filter_map(|site| site.call.as_ref());
        let calls: Vec<_> = calls.filter(|call| !undos.contains(call)).collect();
        let faults = drawn.iter().map(|(call, fault, times)| {
            let call = *call.get(&calls);
            let response = fault.get(&faults(subject, call, &codes)).response.clone();
            (
                call,
                StepFault {
                    response,
                    times: *times,
                },
            )
        });
        let faults: Vec<_> = faults.collect();
        let report = run_with(subject, &faults, retries);
        verify(subject, &report).map_err(|wrong| {
            let timeline = timeline_snapshot(&report.events, true);
            TestCaseError::fail(format!(
                "{}, {faults:?}: {wrong}\n{timeline}",
                subject.workflow.id
            ))
        })
    });
    result.unwrap();
}
