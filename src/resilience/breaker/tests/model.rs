//! A model that advances by single milliseconds and changes state as they pass, where the breaker
//! works out what has changed when it is asked.

use super::*;
use crate::clock::virtually;

#[derive(Clone, Copy, Debug)]
enum ModelAction {
    Acquire,
    Advance(u64),
    Succeed(usize),
    Fail(usize),
    Ignore(usize),
}

#[derive(Debug)]
struct BreakerModel {
    policy: BreakerPolicy,
    state: BreakerState,
    /// Milliseconds in this state.
    age: u64,
    failures: u32,
    successes: u32,
    /// Age of each running call, or `None` once its outcome no longer counts.
    running: Vec<Option<u64>>,
}

impl BreakerModel {
    fn new(policy: BreakerPolicy) -> Self {
        Self {
            policy,
            state: Closed,
            age: 0,
            failures: 0,
            successes: 0,
            running: Vec::new(),
        }
    }

    fn change(&mut self, state: BreakerState) {
        assert!(self.state.can_become(state));
        self.state = state;
        (self.age, self.failures, self.successes) = (0, 0, 0);
        self.running.fill(None);
        self.recover();
    }

    fn recover(&mut self) {
        if self.state == Open && u128::from(self.age) >= self.policy.recovery.as_millis() {
            self.change(HalfOpen);
        }
    }

    fn tick(&mut self) {
        let longest = self.policy.max_half_open_wait.map(|wait| wait.as_millis());
        let lost = |age: &u64| longest.is_some_and(|longest| u128::from(*age) >= longest);
        // A probe may still end at exactly the longest wait; only later time opens the breaker.
        if self.state == HalfOpen && self.running.iter().flatten().any(lost) {
            self.change(Open);
        }
        self.age += 1;
        self.running.iter_mut().flatten().for_each(|age| *age += 1);
        self.recover();
    }

    fn acquire(&mut self) -> bool {
        let probes = self.running.iter().flatten().count();
        let permitted = match self.state {
            Closed => true,
            Open => false,
            HalfOpen => probes < self.policy.permitted_calls as usize,
        };
        if permitted {
            self.running.push(Some(0));
        }
        permitted
    }

    fn settle(&mut self, index: usize, failed: Option<bool>) {
        let counts = self.running.remove(index).is_some();
        let Some(failed) = failed.filter(|_| counts) else {
            return;
        };
        match (self.state, failed) {
            (Closed, false) => self.failures = 0,
            (Closed, true) => {
                self.failures += 1;
                if self.failures == self.policy.failure_threshold {
                    self.change(Open);
                }
            }
            (HalfOpen, true) => self.change(Open),
            (HalfOpen, false) => {
                self.successes += 1;
                if self.successes == self.policy.success_threshold {
                    self.change(Closed);
                }
            }
            (Open, _) => panic!("no running call counts while it is open"),
        }
    }
}

fn any_policy() -> impl Strategy<Value = BreakerPolicy> {
    (
        1..4_u32,
        0..6_u64,
        1..4_u32,
        1..3_u32,
        proptest::option::of(0..6_u64),
    )
        .prop_map(
            |(failures, recovery, successes, permitted, wait)| BreakerPolicy {
                success_threshold: successes,
                permitted_calls: permitted,
                max_half_open_wait: wait.map(Duration::from_millis),
                ..BreakerPolicy::opening_after(failures, Duration::from_millis(recovery))
            },
        )
}

fn any_action() -> impl Strategy<Value = ModelAction> {
    prop_oneof![
        4 => Just(ModelAction::Acquire),
        2 => (0..9_u64).prop_map(ModelAction::Advance),
        2 => any::<usize>().prop_map(ModelAction::Succeed),
        2 => any::<usize>().prop_map(ModelAction::Fail),
        1 => any::<usize>().prop_map(ModelAction::Ignore),
    ]
}

async fn compare(policy: BreakerPolicy, actions: Vec<ModelAction>) -> Result<(), TestCaseError> {
    let breaker = breaker(policy.clone());
    let mut model = BreakerModel::new(policy);
    let mut permits: Vec<BreakerPermit> = Vec::new();
    for action in actions {
        match action {
            ModelAction::Acquire => {
                let permit = breaker.acquire();
                prop_assert_eq!(permit.is_ok(), model.acquire());
                permits.extend(permit);
            }
            ModelAction::Advance(millis) => {
                advance(Duration::from_millis(millis)).await;
                (0..millis).for_each(|_| model.tick());
            }
            ModelAction::Succeed(_) | ModelAction::Fail(_) | ModelAction::Ignore(_)
                if permits.is_empty() => {}
            ModelAction::Succeed(index) => {
                let index = index % permits.len();
                permits.remove(index).succeeded(QUICK);
                model.settle(index, Some(false));
            }
            ModelAction::Fail(index) => {
                let index = index % permits.len();
                permits.remove(index).failed(QUICK);
                model.settle(index, Some(true));
            }
            ModelAction::Ignore(index) => {
                let index = index % permits.len();
                permits.remove(index).ignored();
                model.settle(index, None);
            }
        }
        prop_assert_eq!(breaker.state(), model.state, "after {:?}", action);
    }
    let mut state = Closed;
    for (at, next) in events(&breaker) {
        prop_assert!(state.can_become(next), "{} -> {} at {}", state, next, at);
        state = next;
    }
    Ok(())
}

proptest! {
    #[test]
    fn breaker_behaves_as_its_model(
        policy in any_policy(),
        actions in proptest::collection::vec(any_action(), 0..80),
    ) {
        virtually(compare(policy, actions))?;
    }
}
