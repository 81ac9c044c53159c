use std::path::Path;

use millrace_agent::{Event, recover};
use millrace_protocol::UnixSeconds;

use super::{LeaseStatus, VoteStatus, leases, votes};
use crate::gpu::Tally;
use crate::journal;

/// What a worker that does not run has agreed to. What the chain has paid, what GPUs did and how far counted results are
/// is not known then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtRest {
    pub leases: Vec<LeaseStatus>,
    pub votes: Vec<VoteStatus>,
}

impl AtRest {
    /// From its journal, at `now`: without what has ended by its own deadlines since.
    ///
    /// # Errors
    /// A journal that is not there, or is damaged.
    pub fn read(data_dir: &Path, now: UnixSeconds) -> Result<Self, journal::Error> {
        let mut agent = recover(&journal::read(data_dir)?, &[], now).agent;
        agent.on_event(Event::Tick, now);
        Ok(Self { leases: leases::of(&agent, &Tally::default()), votes: votes::of(&agent) })
    }
}
