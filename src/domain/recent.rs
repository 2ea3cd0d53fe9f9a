use std::sync::{Arc, Weak};

use serde_json::Value;

/// What was found out about JSON values lately: one that goes to several services comes by as often,
/// and need not be looked through each time.
///
/// A value is known by where it is, so it must be the very same; it is not kept alive.
#[derive(Debug)]
pub struct Recent<T> {
    /// By address, a later one in place of an earlier one; empty before the first.
    slots: Vec<Option<(Weak<Value>, T)>>,
}

/// The two to the power of which slots there are.
const BITS: u32 = 9;

impl<T> Recent<T> {
    /// What was found out about a value; `None` if it is too long ago.
    pub fn get(&self, value: &Arc<Value>) -> Option<&T> {
        let (known, found) = self.slots.get(slot(value))?.as_ref()?;
        // As long as it is known, no other value can be there.
        std::ptr::eq(known.as_ptr(), Arc::as_ptr(value)).then_some(found)
    }

    /// Notes what was found out about a value.
    pub fn put(&mut self, value: &Arc<Value>, found: T) {
        if self.slots.is_empty() {
            self.slots.resize_with(1 << BITS, || None);
        }
        self.slots[slot(value)] = Some((Arc::downgrade(value), found));
    }
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { slots: Vec::new() }
    }
}

/// Spreads addresses, which lie at equal distances, by
/// [Fibonacci hashing](https://en.wikipedia.org/wiki/Hash_function#Fibonacci_hashing).
fn slot(value: &Arc<Value>) -> usize {
    let address = Arc::as_ptr(value) as u64;
    (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - BITS)) as usize
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_known_by_itself_and_not_by_what_it_holds() {
        let mut recent = Recent::default();
        let (one, equal) = (Arc::new(json!({"a": 1})), Arc::new(json!({"a": 1})));
        assert_eq!(recent.get(&one), None);
        recent.put(&one, "found");
        assert_eq!(recent.get(&one), Some(&"found"));
        assert_eq!(recent.get(&Arc::clone(&one)), Some(&"found"));
        assert_eq!(recent.get(&equal), None);
    }

    #[test]
    fn a_value_that_is_gone_is_not_taken_for_one_in_its_place() {
        let mut recent = Recent::default();
        for number in 0..2_000 {
            let value = Arc::new(json!(number));
            assert_eq!(recent.get(&value), None, "{number}");
            recent.put(&value, number);
            assert_eq!(recent.get(&value), Some(&number));
        }
    }

    #[test]
    fn values_at_equal_distances_do_not_take_each_others_places() {
        let mut recent = Recent::default();
        let values: Vec<Arc<Value>> = (0..100).map(|number| Arc::new(json!(number))).collect();
        for value in &values {
            recent.put(value, ());
        }
        let known = values.iter().filter(|value| recent.get(value).is_some());
        assert!(known.count() >= 75);
    }
}
