use millrace_protocol::quorum::Quorum;
use millrace_protocol::{Error, Lease, Verification, transitions};

use crate::market::address;
use crate::{Done, JobEntry, Market, Refusal, RoundEntry};

/// What a node's hash of a root is here; the real one is SHA-256.
fn hash(lease: usize, root: u8) -> [u8; 32] {
    let mut bytes = address(lease).0;
    (bytes[30], bytes[31]) = (1, root);
    bytes
}

impl Market {
    /// A lease of a job that counts results joins its job's round, or opens one.
    pub(super) fn join(
        &mut self,
        job: &mut JobEntry,
        number: usize,
        provider: usize,
        lease: usize,
        rules: &Lease,
    ) -> Result<Option<usize>, Refusal> {
        let Verification::Quorum { needed, size } = job.rules.terms.verification else { return Ok(None) };
        let new = RoundEntry {
            job: number,
            number: job.rounds,
            rules: Quorum::new(needed, size, self.parameters.reveal_window),
            closed: false,
        };
        let mut round = job.round.map_or(new, |round| self.rounds[round]);
        round.rules.join(address(lease), address(provider), rules.latest_end()?, self.now)?;
        match job.round {
            Some(known) => self.rounds[known] = round,
            None => {
                job.round = Some(self.rounds.len());
                job.rounds += 1;
                self.rounds.push(round);
            }
        }
        Ok(job.round)
    }

    /// A member that was settled while it was live has no vote any more.
    pub(super) fn leave_round(&mut self, lease: usize) -> Result<(), Refusal> {
        let entry = self.leases[lease];
        if let (true, Some(round)) = (entry.settled, entry.round) {
            self.rounds[round].rules.leave(address(lease), self.now)?;
        }
        Ok(())
    }

    /// The round of a lease that has not been settled.
    fn round_of(&mut self, lease: usize) -> Result<&mut Quorum, Refusal> {
        let entry = self.leases[lease];
        match entry.round {
            Some(round) if !entry.settled => Ok(&mut self.rounds[round].rules),
            _ => Err(Refusal::Gone),
        }
    }

    pub(super) fn commit(&mut self, lease: usize, root: u8) -> Result<Done, Refusal> {
        let now = self.now;
        self.round_of(lease)?.commit(address(lease), hash(lease, root), now)?;
        Ok(Done::default())
    }

    pub(super) fn reveal(&mut self, lease: usize, root: u8) -> Result<Done, Refusal> {
        let now = self.now;
        self.round_of(lease)?.reveal(address(lease), [root; 32], hash(lease, root), now)?;
        Ok(Done::default())
    }

    pub(super) fn tally(&mut self, round: usize) -> Result<Done, Refusal> {
        if self.rounds[round].closed {
            return Err(Refusal::Gone);
        }
        self.rounds[round].rules.tally(self.now)?;
        Ok(Done::default())
    }

    pub(super) fn settle_member(&mut self, lease: usize) -> Result<Done, Refusal> {
        let mut quorum = *self.round_of(lease)?;
        let round = self.leases[lease].round;
        let now = self.now;
        let done = self.on_lease(lease, |job, rules, _, provider| {
            let before = quorum;
            let settled = transitions::settle_member(job, rules, provider, &mut quorum, address(lease), now);
            assert!(settled.is_ok() || quorum == before, "a refusal changed the round");
            settled
        })?;
        if let Some(round) = round {
            self.rounds[round].rules = quorum;
        }
        Ok(done)
    }

    pub(super) fn close_quorum(&mut self, round: usize) -> Result<Done, Refusal> {
        let entry = self.rounds[round];
        if entry.closed {
            return Err(Refusal::Gone);
        }
        if !entry.rules.is_over() {
            return Err(Error::QuorumNotOver.into());
        }
        self.rounds[round].closed = true;
        self.jobs[entry.job].round = None;
        Ok(Done::default())
    }
}
