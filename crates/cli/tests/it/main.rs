//! The binary as people meet it: exit status, stdout and stderr of whole commands.

mod away;
mod commands;
mod delegates;
mod documentation;
mod errors;
mod help;
mod keys;
mod money_moved;
mod network;
mod prover;
mod proxy;
mod run;
mod schedule;
mod simulation;
