//! Whole workers against an orchestrator of the test's own.

mod docker;
mod gpu_lost;
mod nvml;
mod pull;
mod shell;
mod start;
mod support;
mod upkeep;
