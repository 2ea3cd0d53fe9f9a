//! Small runs for tests of views.

use std::{sync::Arc, time::Duration};

use crate::{
    harness::{
        events::{Attachment, RunEvent, Status, StepReport, View},
        pickle::{DocString, Pickle, PickleStep, StepKind},
    },
    observability::{Event, EventKind},
};

/// A scenario of three steps in `features/orders.feature`.
pub fn scenario(name: &str, line: usize) -> Pickle {
    let step = |keyword: &str, kind, text: &str, line| PickleStep {
        keyword: keyword.to_owned(),
        kind,
        text: text.to_owned(),
        line,
        doc_string: None,
        table: None,
    };
    Pickle {
        uri: "features/orders.feature".into(),
        feature: "Orders".into(),
        rule: None,
        name: name.to_owned(),
        line,
        row: None,
        tags: Vec::new(),
        steps: vec![
            step("Given ", StepKind::Given, "a service \"Stock\"", line + 1),
            step("When ", StepKind::When, "the workflow runs", line + 2),
            step("Then ", StepKind::Then, "the workflow completes", line + 3),
        ],
        proves_nothing: None,
    }
}

/// A scenario whose second step has an argument.
pub fn scenario_with_arguments(name: &str, line: usize) -> Pickle {
    let mut pickle = scenario(name, line);
    pickle.steps[1].table = Some(vec![
        vec!["field".to_owned(), "value".to_owned()],
        vec!["sku".to_owned(), "a|b".to_owned()],
    ]);
    pickle.steps[1].doc_string = Some(DocString {
        media_type: Some("json".to_owned()),
        content: "{\n  \"id\": 1\n\n}".to_owned(),
    });
    pickle
}

/// A scenario of another feature, in real time.
pub fn scenario_elsewhere() -> Pickle {
    let mut pickle = tagged(scenario("an invoice is sent", 2), "wall-clock");
    pickle.uri = "features/invoices.feature".into();
    pickle.feature = "Invoices".into();
    pickle
}

pub fn tagged(mut pickle: Pickle, tag: &str) -> Pickle {
    pickle.tags.push(tag.to_owned());
    pickle
}

/// One attempt at a scenario and its results.
pub struct SampleAttempt {
    pub pickle: Arc<Pickle>,
    pub attempt: u32,
    pub results: Vec<StepReport>,
    pub attachments: Vec<Attachment>,
    pub status: Status,
    pub millis: u64,
    pub retried: bool,
}

impl SampleAttempt {
    pub fn passed(pickle: Pickle, millis: u64) -> Self {
        Self {
            results: vec![StepReport::new(Status::Passed); pickle.steps.len()],
            pickle: Arc::new(pickle),
            attempt: 1,
            attachments: Vec::new(),
            status: Status::Passed,
            millis,
            retried: false,
        }
    }

    /// The second step has this status; the third is skipped.
    pub fn stopped(pickle: Pickle, millis: u64, status: Status, message: &str) -> Self {
        let mut this = Self::passed(pickle, millis);
        this.status = status;
        this.results[1].status = status;
        this.results[1].message = Some(message.to_owned()).filter(|text| !text.is_empty());
        this.results[2].status = Status::Skipped;
        if status == Status::Failed {
            this.results[1].location = Some("steps/orders.rs:20:9".to_owned());
        }
        this
    }

    /// Two attempts: one that fails and is retried, and the last one.
    pub fn retried(message: &str, last: Self) -> [Self; 2] {
        let failed = Self::stopped(
            Pickle::clone(&last.pickle),
            last.millis,
            Status::Failed,
            message,
        );
        [failed.attempt(1, true), last.attempt(2, false)]
    }

    pub fn events(mut self, count: u64) -> Self {
        let events = (0..count)
            .map(|n| Event {
                at: Duration::from_millis(n * 100),
                kind: EventKind::BreakerOpened {
                    service: format!("Stock{n}").into(),
                },
            })
            .collect();
        self.attachments
            .push(Attachment::Timeline(Arc::new(events)));
        self
    }

    pub fn log(mut self, text: &str) -> Self {
        self.attachments.push(Attachment::Log(text.to_owned()));
        self
    }

    pub fn warning(mut self, text: &str) -> Self {
        self.attachments.push(Attachment::Warning(text.to_owned()));
        self
    }

    fn attempt(mut self, number: u32, retried: bool) -> Self {
        self.attempt = number;
        self.retried = retried;
        self
    }
}

/// Shows a run with seed 7 that took 0.84 s to a view.
pub fn show(view: &mut impl View, attempts: &[SampleAttempt]) {
    let mut handle = |event| view.handle(&event).unwrap();
    handle(RunEvent::TestRunStarted {
        scenarios: attempts.len(),
        seed: 7,
        dry_run: false,
    });
    for attempt in attempts {
        handle(RunEvent::TestCaseStarted {
            pickle: Arc::clone(&attempt.pickle),
            attempt: attempt.attempt,
        });
        for (step, result) in attempt.results.iter().enumerate() {
            handle(RunEvent::TestStepFinished {
                step,
                result: result.clone(),
            });
        }
        for attachment in &attempt.attachments {
            handle(RunEvent::Attached(attachment.clone()));
        }
        handle(RunEvent::TestCaseFinished {
            status: attempt.status,
            virtual_time: Duration::from_millis(attempt.millis),
            will_be_retried: attempt.retried,
        });
    }
    handle(RunEvent::TestRunFinished {
        real_time: Duration::from_millis(844),
    });
}
