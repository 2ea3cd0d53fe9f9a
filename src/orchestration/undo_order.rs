use std::collections::BTreeMap;

use super::state::RunState;

/// The order of compensations: a step is undone once all that depend on it, directly or not, are;
/// among those that can be undone, the one that ended last comes first.
pub(super) struct UndoOrder {
    dependencies: Vec<Vec<usize>>,
    /// For each step, how many of those that depend on it are not settled.
    left: Vec<usize>,
    /// For each step to undo, its place from the last that ended.
    places: Vec<Option<usize>>,
    /// The steps that can be undone now, by their places.
    ready: BTreeMap<usize, usize>,
}

impl UndoOrder {
    pub fn of(state: &RunState) -> Self {
        let steps = &state.plan.steps;
        let mut places = vec![None; steps.len()];
        for (place, step) in state.to_compensate().into_iter().enumerate() {
            places[step] = Some(place);
        }
        let mut order = Self {
            dependencies: steps.iter().map(|step| step.dependencies.clone()).collect(),
            left: steps.iter().map(|step| step.dependents.len()).collect(),
            places,
            ready: BTreeMap::new(),
        };
        let free = (0..steps.len()).filter(|&step| order.left[step] == 0);
        for step in free.collect::<Vec<_>>() {
            if let Some(settled) = order.release(step) {
                order.settled(settled);
            }
        }
        order
    }

    /// The next step to undo, if one can be.
    pub fn next(&mut self) -> Option<usize> {
        self.ready.pop_first().map(|(_, step)| step)
    }

    /// A step's compensation has ended.
    pub fn settled(&mut self, step: usize) {
        let mut settled = vec![step];
        while let Some(step) = settled.pop() {
            for dependency in std::mem::take(&mut self.dependencies[step]) {
                self.left[dependency] -= 1;
                if self.left[dependency] == 0 {
                    settled.extend(self.release(dependency));
                }
            }
        }
    }

    /// Nothing that depends on a step is left to undo; returns it if it is not to be undone either.
    fn release(&mut self, step: usize) -> Option<usize> {
        match self.places[step] {
            Some(place) => {
                self.ready.insert(place, step);
                None
            }
            None => Some(step),
        }
    }
}
