//! Whole workers against an orchestrator of the test's own.

mod docker;
mod pull;
mod shell;
mod start;
mod support;
mod upkeep;
