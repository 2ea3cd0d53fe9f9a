use std::any::Any;

/// One value of each type; there are few.
#[derive(Default)]
pub(super) struct TypeMap(Vec<Box<dyn Any + Send>>);

impl TypeMap {
    /// The value of a type, made on first use.
    pub fn get<T: Default + Send + 'static>(&mut self) -> &mut T {
        let value = self.take().unwrap_or_default();
        self.put(value)
    }

    /// The value of a type, if it was made.
    pub fn take<T: Send + 'static>(&mut self) -> Option<Box<T>> {
        let index = self.0.iter().position(|value| value.is::<T>())?;
        self.0.swap_remove(index).downcast().ok()
    }

    /// Keeps a value, in place of another of its type.
    pub fn put<T: Send + 'static>(&mut self, value: Box<T>) -> &mut T {
        self.0.retain(|other| !other.is::<T>());
        self.0.push(value);
        let last = self.0.last_mut().and_then(|last| last.downcast_mut());
        last.expect("it was pushed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_each_type_is_made_once_and_kept() {
        #[derive(Default)]
        struct Other(u32);

        let mut own = TypeMap::default();
        *own.get::<u32>() += 1;
        own.get::<Other>().0 += 10;
        *own.get::<u32>() += 1;
        assert_eq!((*own.get::<u32>(), own.get::<Other>().0), (2, 10));
    }
}
