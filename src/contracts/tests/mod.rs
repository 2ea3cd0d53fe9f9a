//! Contracts against services of one's own, and generated inputs against their schemas.

mod generated;
mod own_service;
