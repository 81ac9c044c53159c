//! The binary as people meet it: exit status, stdout and stderr of whole commands.

mod commands;
mod documentation;
mod errors;
mod help;
mod keys;
mod prover;
mod run;
mod schedule;
mod simulation;
