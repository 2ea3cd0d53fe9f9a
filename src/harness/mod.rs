//! Runs features: pickles in, run events out.

pub mod events;
pub mod pickle;
mod world;

pub use world::{Stage, World};
