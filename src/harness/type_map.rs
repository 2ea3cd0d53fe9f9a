use std::any::Any;

/// One value of each type. Only a few, so a search through all is fastest.
#[derive(Default)]
pub(super) struct TypeMap(Vec<Box<dyn Any + Send>>);

impl TypeMap {
    /// The value of a type, created on first use.
    pub fn get<T: Default + Send + 'static>(&mut self) -> &mut T {
        match self.position::<T>() {
            Some(index) => downcast(&mut self.0[index]),
            None => self.put(Box::<T>::default()),
        }
    }

    /// The value of a type, if there is one, until it is put back.
    pub fn take<T: Send + 'static>(&mut self) -> Option<Box<T>> {
        let index = self.position::<T>()?;
        self.0.swap_remove(index).downcast().ok()
    }

    /// Keeps a value of a type that has none here.
    pub fn put<T: Send + 'static>(&mut self, value: Box<T>) -> &mut T {
        self.0.push(value);
        let last = self.0.len() - 1;
        downcast(&mut self.0[last])
    }

    /// Keeps two values of types that have none here.
    #[cfg(feature = "control")]
    pub fn put_both<T: Send + 'static, U: Send + 'static>(
        &mut self,
        one: Box<T>,
        other: Box<U>,
    ) -> (&mut T, &mut U) {
        self.0.push(one);
        self.0.push(other);
        let last = self.0.len() - 1;
        let (before, after) = self.0.split_at_mut(last);
        (downcast(&mut before[last - 1]), downcast(&mut after[0]))
    }

    fn position<T: 'static>(&self) -> Option<usize> {
        self.0.iter().position(|value| value.is::<T>())
    }
}

fn downcast<T: 'static>(value: &mut Box<dyn Any + Send>) -> &mut T {
    value.downcast_mut().expect("it has this type")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_of_each_type_is_created_once_and_kept() {
        #[derive(Default)]
        struct Other(u32);

        let mut map = TypeMap::default();
        *map.get::<u32>() += 1;
        map.get::<Other>().0 += 10;
        *map.get::<u32>() += 1;
        assert_eq!((*map.get::<u32>(), map.get::<Other>().0), (2, 10));
        let taken = map.take::<u32>().unwrap();
        assert_eq!(map.take::<u32>(), None);
        assert_eq!(*map.put(taken), 2);
    }
}
