use std::{
    any::{Any, TypeId},
    collections::HashMap,
};

/// What steps of one's own keep in a scenario: one value of each type.
#[derive(Default)]
pub(super) struct OwnState(HashMap<TypeId, Box<dyn Any + Send>>);

impl OwnState {
    /// The value of a type, made on first use.
    pub fn get<T: Default + Send + 'static>(&mut self) -> &mut T {
        self.0
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Box::new(T::default()))
            .downcast_mut()
            .expect("a value is kept under its own type")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_each_type_is_made_once_and_kept() {
        #[derive(Default)]
        struct Other(u32);

        let mut own = OwnState::default();
        *own.get::<u32>() += 1;
        own.get::<Other>().0 += 10;
        *own.get::<u32>() += 1;
        assert_eq!((*own.get::<u32>(), own.get::<Other>().0), (2, 10));
    }
}
