/// The Cargo features that bring steps, and whether they are on.
const FEATURES: [(&str, bool); 5] = [
    ("contracts", cfg!(feature = "contracts")),
    ("cqrs", cfg!(feature = "cqrs")),
    ("json-schema", cfg!(feature = "json-schema")),
    ("messaging", cfg!(feature = "messaging")),
    ("sqlite", cfg!(feature = "sqlite")),
];

/// Says which Cargo features are off, and their steps with them.
pub(super) fn steps_left_out() -> Option<String> {
    let off = FEATURES.iter().filter(|(_, is_on)| !is_on);
    let off: Vec<_> = off.map(|(name, _)| format!("`{name}`")).collect();
    let off = off.join(", ");
    (!off.is_empty())
        .then(|| format!("steps are left out with these Cargo features of rehearsal: {off}"))
}
