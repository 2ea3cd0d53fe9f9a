//! Tests that all kinds of services pass.

mod conformance;
