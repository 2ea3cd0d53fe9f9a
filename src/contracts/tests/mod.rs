//! Contracts of a custom service, and generated inputs against their schemas.

mod generated;
mod own_service;
