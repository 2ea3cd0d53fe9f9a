//! The Cargo features that are off, for undefined steps and the suite's tags.

/// The Cargo features that bring steps, and whether they are on.
#[doc(hidden)]
pub const CARGO_FEATURES: [(&str, bool); 5] = [
    ("contracts", cfg!(feature = "contracts")),
    ("cqrs", cfg!(feature = "cqrs")),
    ("json-schema", cfg!(feature = "json-schema")),
    ("messaging", cfg!(feature = "messaging")),
    ("sqlite", cfg!(feature = "sqlite")),
];

/// Names the Cargo features that are off, and with them their steps.
pub(super) fn steps_left_out() -> Option<String> {
    let off = CARGO_FEATURES.iter().filter(|(_, is_on)| !is_on);
    let off: Vec<_> = off.map(|(name, _)| format!("`{name}`")).collect();
    let off = off.join(", ");
    (!off.is_empty())
        .then(|| format!("steps of these Cargo features of rehearsal are left out: {off}"))
}
