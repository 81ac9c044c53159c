//! Every decision of the orchestrator: which node gets which job, who runs which task, how long a
//! lease has run, when money is settled, and why a job waits.
//!
//! [`Core`] is a synchronous machine. What happens outside comes in as an [`Event`] together with
//! the time ([`Now`]); what should happen outside comes back as [`Action`]s, in the order in which
//! they must be carried out. Nothing here reads a clock, draws a random number or talks to anybody,
//! so the same events always give the same actions.
//!
//! Deliberately absent: trust in any single event. Each one only updates what is known; the
//! decisions are then taken anew from the whole state, so a lost, repeated or late event costs time
//! and nothing else. [`Action::Persist`] always precedes the actions that depend on it.

mod action;
mod agenda;
mod auction;
mod backoff;
mod bisection;
mod by_address;
mod core;
mod decide;
mod demands;
mod event;
mod evidence;
mod explain;
mod market;
mod meter;
mod queue;
mod reactor;
mod record;
mod restore;
mod runway;
mod served;
mod state;
mod time;
mod workload;
mod workloads;

pub use action::{Action, ChallengeOrder, Forgotten, Invitation, Joins, Notice, Offer};
pub use auction::{Auction, Book, BookError, Entered, PassedOver, ReplayError, Step};
pub use core::{Core, DrawSecret, Settings};
pub use decide::{Lacking, TooFew};
pub use event::{ChallengeResult, Event, HeldLease, HeldTask, OpenFailure, TaskProgress, Transaction};
pub use evidence::{Evidence, GpuEvidence};
pub use explain::{Blocker, Change, Exclusion, Explanation, Suggestion};
pub use market::{
    Candidate, Claim, Constraint, Demand, Facts, Found, Held, Market, Request, Resources, Score, Together, Weights,
};
pub use meter::Meter;
pub use reactor::BidRefused;
pub use record::{JobRecord, LeaseRecord, MemberTaskRecord, ProofRecord, Record, TaskRecord};
pub use runway::Runway;
pub use served::NotServed;
pub use state::check::{Check, CheckState, Finding, Lapse, Run, evidence_digest};
pub use state::job::{Asked, Decision, JobEntry, Outcome, SpecStatus};
pub use state::lease::{LeaseEntry, Stage};
pub use state::node::{NodeEntry, Worker};
pub use state::proof::{Proof, Refused, SeenGpu, Shown};
pub use state::quorum_round::QuorumRound;
pub use state::reservation::Reservation;
pub use state::restarts::{Restarted, Restarts};
pub use state::story::{Earlier, Story};
pub use state::task::{Brought, Cause, Fault, Output, Round, Setback, Setbacks, Task, TaskPhase, TaskState};
pub use state::tasks::Tasks;
pub use state::view::{JobView, LeaseView, NodeView};
pub use time::Now;
pub use workload::{Placement, Workload};

#[cfg(test)]
mod tests;
