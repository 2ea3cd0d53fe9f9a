//! A model that takes time one millisecond after the other and changes state at once, where the
//! breaker works out what has changed when it is asked.

use super::*;
use crate::clock::virtually;

#[derive(Clone, Copy, Debug)]
enum Action {
    Acquire,
    Pass(u64),
    Succeed(usize),
    Fail(usize),
    Ignore(usize),
}

#[derive(Debug)]
struct Model {
    policy: BreakerPolicy,
    state: BreakerState,
    /// Milliseconds in this state.
    age: u64,
    failures: u32,
    successes: u32,
    /// Age of each call that is out, or nothing once its verdict no longer counts.
    out: Vec<Option<u64>>,
}

impl Model {
    fn new(policy: BreakerPolicy) -> Self {
        Self {
            policy,
            state: Closed,
            age: 0,
            failures: 0,
            successes: 0,
            out: Vec::new(),
        }
    }

    fn change(&mut self, state: BreakerState) {
        assert!(self.state.can_become(state));
        self.state = state;
        (self.age, self.failures, self.successes) = (0, 0, 0);
        self.out.fill(None);
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
        // At the longest wait a probe may still return; time going on is what opens.
        if self.state == HalfOpen && self.out.iter().flatten().any(lost) {
            self.change(Open);
        }
        self.age += 1;
        self.out.iter_mut().flatten().for_each(|age| *age += 1);
        self.recover();
    }

    fn acquire(&mut self) -> bool {
        let probes = self.out.iter().flatten().count();
        let permitted = match self.state {
            Closed => true,
            Open => false,
            HalfOpen => probes < self.policy.permitted_calls as usize,
        };
        if permitted {
            self.out.push(Some(0));
        }
        permitted
    }

    fn settle(&mut self, index: usize, failed: Option<bool>) {
        let counts = self.out.remove(index).is_some();
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
            (Open, _) => panic!("no call that is out counts while it is open"),
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

fn any_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => Just(Action::Acquire),
        2 => (0..9_u64).prop_map(Action::Pass),
        2 => any::<usize>().prop_map(Action::Succeed),
        2 => any::<usize>().prop_map(Action::Fail),
        1 => any::<usize>().prop_map(Action::Ignore),
    ]
}

async fn compare(policy: BreakerPolicy, actions: Vec<Action>) -> Result<(), TestCaseError> {
    let breaker = breaker(policy.clone());
    let mut model = Model::new(policy);
    let mut permits: Vec<BreakerPermit> = Vec::new();
    for action in actions {
        match action {
            Action::Acquire => {
                let permit = breaker.acquire();
                prop_assert_eq!(permit.is_ok(), model.acquire());
                permits.extend(permit);
            }
            Action::Pass(millis) => {
                pass(Duration::from_millis(millis)).await;
                (0..millis).for_each(|_| model.tick());
            }
            Action::Succeed(_) | Action::Fail(_) | Action::Ignore(_) if permits.is_empty() => {}
            Action::Succeed(index) => {
                let index = index % permits.len();
                permits.remove(index).succeeded(QUICK);
                model.settle(index, Some(false));
            }
            Action::Fail(index) => {
                let index = index % permits.len();
                permits.remove(index).failed(QUICK);
                model.settle(index, Some(true));
            }
            Action::Ignore(index) => {
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
    fn whatever_happens_the_breaker_does_as_the_model(
        policy in any_policy(),
        actions in proptest::collection::vec(any_action(), 0..80),
    ) {
        virtually(compare(policy, actions))?;
    }
}
