//! Whole workers against an orchestrator of the test's own.

mod challenge;
mod checkpoints;
mod control;
mod docker;
mod doctor;
mod early_outputs;
mod extension;
mod fence;
mod gpu_lost;
mod hostile;
mod journal;
mod kill_points;
mod metrics;
mod notice;
mod nvml;
mod pull;
mod registration;
mod sealed;
mod shell;
mod start;
mod support;
mod toolkit;
mod upkeep;
