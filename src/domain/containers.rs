//! Collections with an order that does not depend on the machine, and a lock that survives panics.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use foldhash::fast::FixedState;

/// A hash map whose order is arbitrary, but the same on every machine.
///
/// The keys are our own, so collisions cannot be provoked; the standard library's hasher, which guards
/// against that, would be a tenth of the cost of a call.
pub type HashMap<K, V> = std::collections::HashMap<K, V, FixedState>;

/// A hash map that keeps the order of insertion.
pub type IndexMap<K, V> = indexmap::IndexMap<K, V, FixedState>;

/// A hash set that keeps the order of insertion, so that an index identifies a member.
#[cfg(feature = "messaging")]
pub type IndexSet<K> = indexmap::IndexSet<K, FixedState>;

/// A mutex that a panic does not poison: its value is consistent between any two changes.
#[derive(Debug, Default)]
pub struct Locked<T>(Mutex<T>);

impl<T> Locked<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Waits for the value.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value, unless it is locked.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}
