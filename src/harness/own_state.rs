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
