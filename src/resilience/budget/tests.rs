use std::collections::BTreeSet;

use proptest::prelude::*;
use tokio::time::advance;

use super::*;
use crate::clock::{Clock, virtually};
use crate::domain::Cost;

fn cost(units: u64) -> Cost {
    Cost::from_billionths(units * 1_000_000_000)
}

fn budget(policy: BudgetPolicy) -> Budget {
    Budget::new("all calls", policy, Timeline::new(Clock::start()))
}

fn calls_of(budget: &Budget) -> [Value; 2] {
    let report = budget.report();
    ["used", "remaining"].map(|name| report["calls"][name].clone())
}

fn find() -> CallName {
    CallName::new("Search", "find")
}

#[tokio::test(start_paused = true)]
async fn reservation_is_used_once_it_began_and_given_back_before() {
    let budget = budget(BudgetPolicy::default());
    let given_back = budget.reserve(&find(), Usage::default()).unwrap();
    let mut abandoned = budget.reserve(&find(), Usage::default()).unwrap();
    let mut settled = budget.reserve(&find(), Usage::default()).unwrap();
    assert_eq!(calls_of(&budget), [json!(0), json!(47)]);
    drop(given_back);
    abandoned.begin();
    drop(abandoned);
    settled.begin();
    assert_eq!(calls_of(&budget), [json!(2), json!(48)]);
    let actual = Usage {
        cost: cost(3),
        tokens: 0,
    };
    settled.settle(&find(), actual);
    assert_eq!(calls_of(&budget), [json!(2), json!(48)]);
    assert_eq!(budget.report()["cost"]["used"], json!(3.1));
    assert_eq!(budget.report()["tokens"]["used"], json!(10));
}

#[tokio::test(start_paused = true)]
async fn check_counts_all_calls_together_and_changes_nothing() {
    let budget = budget(BudgetPolicy {
        calls: Some(4),
        calls_per_service: Some(2),
        ..BudgetPolicy::default()
    });
    let (find, send) = (find(), CallName::new("Mail", "send"));
    let usage = Usage::default();
    let fits = [(&find, usage), (&find, usage), (&send, usage)];
    assert_eq!(budget.check(fits), Ok(()));
    assert_eq!(budget.check(fits), Ok(()));
    let too_many = [(&find, usage); 5];
    let refused = budget.check(too_many).unwrap_err().to_string();
    assert_eq!(
        refused,
        "the budget of all calls does not suffice for calls: 5 needed, 4 of 4 available; \
         callsPerService of Search: 5 needed, 2 of 2 available"
    );
    let report = budget.report();
    for (ceiling, left) in [
        ("cost", json!(100)),
        ("calls", json!(4)),
        ("tokens", json!(100_000)),
        ("time", Value::Null),
    ] {
        assert_eq!(report[ceiling]["remaining"], left, "{ceiling}");
    }
}

#[tokio::test(start_paused = true)]
async fn largest_amounts_are_counted() {
    let budget = budget(BudgetPolicy {
        tokens: Some(u64::MAX),
        ..BudgetPolicy::default()
    });
    let most = Usage {
        cost: cost(1_000_000_000),
        tokens: u64::MAX,
    };
    for _ in 0..40 {
        budget.reserve(&find(), most).unwrap().begin();
    }
    let report = budget.report();
    assert_eq!(report["tokens"]["remaining"], 0);
    assert_eq!(report["cost"]["remaining"], 0);
}

/// Adds up its ledger whenever it is asked, where the budget keeps a meter for each ceiling.
struct BudgetModel {
    policy: BudgetPolicy,
    ledger: Vec<Entry>,
    elapsed: u64,
    /// The events so far: the kind, the ceiling and whose it is.
    events: Vec<(&'static str, String)>,
}

#[derive(Clone, Debug)]
struct Entry {
    call: CallName,
    usage: Usage,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Reserved,
    Used,
    GivenBack,
}

impl BudgetModel {
    /// Each ceiling that concerns a call: its name, its limit, what is used and what is reserved.
    fn ceilings(&self, call: &CallName) -> Vec<(String, Option<u64>, u64, u64)> {
        let policy = &self.policy;
        let sum = |amount: &dyn Fn(&Entry) -> u64| {
            let of = |state| {
                let entries = self.ledger.iter().filter(|entry| entry.state == state);
                entries.map(amount).sum::<u64>()
            };
            (of(State::Used), of(State::Reserved))
        };
        let (service, operation) = (call.service(), call.as_str());
        let costs = sum(&|entry| entry.usage.cost.billionths());
        let calls = sum(&|_| 1);
        let tokens = sum(&|entry| entry.usage.tokens);
        let of_service = sum(&|entry| u64::from(entry.call.service() == service));
        let of_operation = sum(&|entry| u64::from(entry.call.as_str() == operation));
        let time = policy.time.map(|time| time.as_millis() as u64);
        [
            ("cost".to_owned(), policy.cost.map(Cost::billionths), costs),
            ("calls".to_owned(), policy.calls, calls),
            ("tokens".to_owned(), policy.tokens, tokens),
            ("time".to_owned(), time, (self.elapsed, 0)),
            (service.to_owned(), policy.calls_per_service, of_service),
            (
                operation.to_owned(),
                policy.calls_per_operation,
                of_operation,
            ),
        ]
        .map(|(name, limit, (used, reserved))| (name, limit, used, reserved))
        .into()
    }

    fn allows(&self, call: &CallName, usage: Usage) -> bool {
        let needed = [usage.cost.billionths(), 1, usage.tokens, 0, 1, 1];
        let mut ceilings = self.ceilings(call).into_iter().zip(needed);
        self.policy.policy == WhenExceeded::Warn
            || ceilings.all(|((_, limit, used, reserved), needed)| {
                limit.is_none_or(|limit| used + reserved + needed <= limit)
            })
    }

    fn notice(&mut self, call: &CallName) {
        for (name, limit, used, _) in self.ceilings(call) {
            let Some(limit) = limit else { continue };
            // The share that warns is four fifths.
            for (kind, reached) in [
                ("budget_warning", used * 5 >= limit * 4),
                ("budget_exceeded", used > limit),
            ] {
                let event = (kind, name.clone());
                if reached && !self.events.contains(&event) {
                    self.events.push(event);
                }
            }
        }
    }
}

#[derive(Clone, Debug)]
enum ModelAction {
    Reserve(usize, Usage),
    Begin(usize),
    Settle(usize, Usage),
    Drop(usize),
    Advance(u64),
}

fn any_usage() -> impl Strategy<Value = Usage> {
    (0..4_u64, 0..4_u64).prop_map(|(units, tokens)| Usage {
        cost: cost(units),
        tokens,
    })
}

fn any_policy() -> impl Strategy<Value = BudgetPolicy> {
    let limit = || proptest::option::weighted(0.7, 0..12_u64);
    let limits = (limit(), limit(), limit(), limit(), limit(), limit());
    (limits, any::<bool>()).prop_map(
        |((costs, calls, tokens, time, of_service, of_operation), blocks)| BudgetPolicy {
            cost: costs.map(cost),
            calls,
            tokens,
            time: time.map(Duration::from_millis),
            calls_per_service: of_service,
            calls_per_operation: of_operation,
            policy: match blocks {
                true => WhenExceeded::Block,
                false => WhenExceeded::Warn,
            },
            warn_at: 0.8,
        },
    )
}

fn any_action() -> impl Strategy<Value = ModelAction> {
    prop_oneof![
        4 => (0..3_usize, any_usage()).prop_map(|(call, usage)| ModelAction::Reserve(call, usage)),
        4 => any::<usize>().prop_map(ModelAction::Begin),
        2 => (any::<usize>(), any_usage()).prop_map(|(index, usage)| ModelAction::Settle(index, usage)),
        1 => any::<usize>().prop_map(ModelAction::Drop),
        1 => (0..5_u64).prop_map(ModelAction::Advance),
    ]
}

fn events(budget: &Budget) -> Vec<(&'static str, String)> {
    budget.core.timeline.read(|events| {
        let events = events.iter().filter_map(|event| match &event.kind {
            EventKind::Control(control) => match &**control {
                ControlEvent::BudgetWarning(of) => Some(("budget_warning", of.clone())),
                ControlEvent::BudgetExceeded(of) => Some(("budget_exceeded", of.clone())),
                _ => None,
            },
            _ => None,
        });
        let name = |of: BudgetUse| match of.service.or(of.call) {
            Some(name) => name.to_string(),
            None => of.ceiling.to_owned(),
        };
        events.map(|(kind, of)| (kind, name(of))).collect()
    })
}

/// Checks what the budget reports of a ceiling.
fn check_report(
    report: &Value,
    (name, limit, used, reserved): (String, Option<u64>, u64, u64),
) -> Result<(), TestCaseError> {
    let (group, show) = match name.as_str() {
        "cost" => (report, Ceiling::Cost),
        "time" => (report, Ceiling::Time),
        "calls" | "tokens" => (report, Ceiling::Calls),
        name if name.contains('.') => (&report["callsPerOperation"], Ceiling::Calls),
        _ => (&report["callsPerService"], Ceiling::Calls),
    };
    let show = |amount: u64| show.show(amount.into());
    let Some(found) = group.get(&name) else {
        prop_assert_eq!(used + reserved, 0, "nothing is reported of {}", name);
        return Ok(());
    };
    prop_assert_eq!(&found["used"], &show(used), "{}", name);
    let left = limit.map(|limit| show(limit.saturating_sub(used + reserved)));
    prop_assert_eq!(found.get("remaining"), left.as_ref(), "{}", name);
    Ok(())
}

async fn compare(policy: BudgetPolicy, actions: Vec<ModelAction>) -> Result<(), TestCaseError> {
    let calls = ["Search.find", "Search.index", "Mail.send"];
    let calls = calls.map(|call| call.parse::<CallName>().unwrap());
    let budget = budget(policy.clone());
    let mut model = BudgetModel {
        policy,
        ledger: Vec::new(),
        elapsed: 0,
        events: Vec::new(),
    };
    // Each with the index of its entry; those that were settled or dropped have left.
    let mut open: Vec<(Reservation, usize)> = Vec::new();
    for action in actions {
        match action.clone() {
            ModelAction::Reserve(call, usage) => {
                let call = &calls[call];
                let reserved = budget.reserve(call, usage);
                prop_assert_eq!(reserved.is_ok(), model.allows(call, usage), "{:?}", action);
                if let Ok(reservation) = reserved {
                    open.push((reservation, model.ledger.len()));
                    model.ledger.push(Entry {
                        call: call.clone(),
                        usage,
                        state: State::Reserved,
                    });
                }
            }
            ModelAction::Advance(millis) => {
                advance(Duration::from_millis(millis)).await;
                model.elapsed += millis;
            }
            _ if open.is_empty() => {}
            ModelAction::Begin(index) => {
                let index = index % open.len();
                let (reservation, entry) = &mut open[index];
                if model.ledger[*entry].state == State::Used {
                    continue;
                }
                reservation.begin();
                model.ledger[*entry].state = State::Used;
                let call = model.ledger[*entry].call.clone();
                model.notice(&call);
            }
            ModelAction::Settle(index, actual) => {
                let index = index % open.len();
                if model.ledger[open[index].1].state == State::Reserved {
                    continue;
                }
                let (reservation, entry) = open.remove(index);
                let call = model.ledger[entry].call.clone();
                reservation.settle(&call, actual);
                model.ledger[entry].usage = actual;
                model.notice(&call);
            }
            ModelAction::Drop(index) => {
                let (reservation, entry) = open.remove(index % open.len());
                drop(reservation);
                if model.ledger[entry].state == State::Reserved {
                    model.ledger[entry].state = State::GivenBack;
                }
            }
        }
        for call in &calls {
            for ceiling in model.ceilings(call) {
                check_report(&budget.report(), ceiling)?;
            }
        }
        prop_assert_eq!(&events(&budget), &model.events, "after {:?}", action);
    }
    let events = events(&budget);
    prop_assert_eq!(events.iter().collect::<BTreeSet<_>>().len(), events.len());
    Ok(())
}

proptest! {
    #[test]
    fn budget_behaves_as_its_model(
        policy in any_policy(),
        actions in proptest::collection::vec(any_action(), 0..80),
    ) {
        virtually(compare(policy, actions))?;
    }
}
