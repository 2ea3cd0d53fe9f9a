//! Maps by names: fast, and of one order everywhere.

use foldhash::fast::FixedState;

/// A map by hash. Its order is the same on every machine, and means nothing.
///
/// The keys are ours, so nobody makes them collide, and the standard library's hasher, which guards
/// against that, would be a tenth of what a call costs.
pub type HashMap<K, V> = std::collections::HashMap<K, V, FixedState>;

/// A map by hash that keeps the order in which its keys came.
pub type IndexMap<K, V> = indexmap::IndexMap<K, V, FixedState>;

/// A set by hash that keeps the order in which its members came, so that their places number them.
pub type IndexSet<K> = indexmap::IndexSet<K, FixedState>;
