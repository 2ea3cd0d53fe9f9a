use smallvec::SmallVec;

/// Steps of a run, in order of declaration.
///
/// A sorted list: most runs have few of them at a time, for which a tree takes many times the memory.
#[derive(Clone, Debug, Default)]
pub(super) struct StepSet(SmallVec<[u32; 4]>);

impl StepSet {
    pub fn contains(&self, step: usize) -> bool {
        self.place(step).is_ok()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn insert(&mut self, step: usize) {
        if let Err(place) = self.place(step) {
            self.0.insert(place, number(step));
        }
    }

    /// Whether it was among them.
    pub fn remove(&mut self, step: usize) -> bool {
        let place = self.place(step);
        place.is_ok_and(|place| self.0.remove(place) == number(step))
    }

    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().map(|&step| step as usize)
    }

    fn place(&self, step: usize) -> Result<usize, usize> {
        self.0.binary_search(&number(step))
    }
}

/// A workflow has fewer steps than that.
pub(super) fn number(step: usize) -> u32 {
    u32::try_from(step).unwrap_or(u32::MAX)
}

impl FromIterator<usize> for StepSet {
    fn from_iter<T: IntoIterator<Item = usize>>(steps: T) -> Self {
        let mut steps: SmallVec<_> = steps.into_iter().map(number).collect();
        steps.sort_unstable();
        Self(steps)
    }
}
