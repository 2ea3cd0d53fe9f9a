//! Step definitions, by room.
